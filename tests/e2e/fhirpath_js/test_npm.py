"""Our FHIRPath engine beside the npm package `fhirpath`, and beside fhirpathpy on more than `make test` asks."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from sandbox import jsonio
from tests.e2e.downloads import npm_folder, tool
from tests.fhirpath import judged
from tests.fhirpath.generated import PATIENT, expressions
from tests.fhirpath.test_second_opinion import theirs

HERE = Path(__file__).parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def many(number):
    """Return different expressions, each run others."""
    found = {}

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(expressions)
    def draw(expression):
        found[expression] = None

    draw()
    return list(found)


def evaluated(rows):
    modules = npm_folder(HERE / "package.json") / "node_modules"
    script = (HERE / "evaluate.cjs").read_text()
    asked = json.dumps({"resource": json.loads(jsonio.dump(PATIENT)), "expressions": rows})
    environment = {**os.environ, "NODE_PATH": str(modules)}
    done = subprocess.run(
        [tool("node"), "-e", script],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
        env=environment,
    )
    return [row if isinstance(row, str) else [judged.shown(v) for v in row] for row in json.loads(done.stdout)]


def test_every_disagreement_with_the_npm_package_is_a_known_one():
    rows = many(10_000)
    wrong = []
    for expression, other in zip(rows, evaluated(rows), strict=True):
        mine = judged.ours(expression, PATIENT)
        if judged.unexplained(judged.FHIRPATH_JS, expression, mine, other):
            wrong.append((expression, mine, other))
    assert wrong == []
    assert len(rows) > 8_000


def test_every_disagreement_with_fhirpathpy_is_a_known_one():
    wrong = []
    for expression in many(5_000):
        mine, other = judged.ours(expression, PATIENT), theirs(expression)
        if judged.unexplained(judged.FHIRPATHPY, expression, mine, other):
            wrong.append((expression, mine, other))
    assert wrong == []
