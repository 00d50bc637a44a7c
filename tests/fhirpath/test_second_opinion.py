"""Our engine beside fhirpathpy, on expressions at random: what they disagree on is listed, and decided by the text."""

from pathlib import Path

import fhirpathpy
from fhirpathpy.models import models
from hypothesis import HealthCheck, given, settings

from sandbox import jsonio
from tests.fhirpath import judged
from tests.fhirpath.generated import PATIENT, expressions

PLAIN = jsonio.parse(jsonio.dump(PATIENT))


def theirs(expression):
    try:
        found = fhirpathpy.evaluate(PLAIN, expression, None, models["r4"])
        return [judged.shown(value) for value in found]
    except Exception as error:
        return f"error {type(error).__name__} {error}"


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(expressions)
def test_every_disagreement_with_fhirpathpy_is_a_known_one(expression):
    mine, other = judged.ours(expression, PATIENT), theirs(expression)
    assert not judged.unexplained(judged.FHIRPATHPY, expression, mine, other), (mine, other)


def test_the_docs_list_every_kind_of_disagreement():
    page = (Path(__file__).parents[2] / "docs" / "fhirpath.md").read_text()
    for title, _ in [*judged.FHIRPATHPY, *judged.FHIRPATH_JS]:
        assert f"**{title}.**" in page, title
