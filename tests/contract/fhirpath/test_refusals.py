"""Expressions that can never mean anything are refused when the definition is loaded, and by `sandbox check`."""

import time

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.definitions.problems import DefinitionError

P, OBS = "Patient/ana", "Observation/potassium"

REFUSED = [
    (P, "name.where(nosuch(1))", "at character 12: there is no function nosuch()"),
    (P, "name.exist()", 'at character 6: there is no function exist(); did you mean "exists"?'),
    (P, "name.first(1).exists()", "first() takes no argument, and was given 1"),
    (P, "%foo = 1", "at character 1: there is no variable %foo"),
    (P, "%resorce.id = 'ana'", 'there is no variable %resorce; did you mean "%resource"?'),
    (P, "%entity.id = 'ana'", "there is no variable %entity"),
    (P, "nmae.exists()", 'at character 1: Patient has no element "nmae"; did you mean "name"?'),
    (P, "name.where(famly = 'Reyes').exists()", 'HumanName has no element "famly"; did you mean "family"?'),
    (P, "contact.name.exists(%resource.nam.exists())", 'Patient has no element "nam"'),
    (OBS, "valueQuantity.value = 6.8", "write value.ofType(Quantity)"),
    (OBS, "value.ofType(Quanity).exists()", 'there is no type "Quanity"'),
    (OBS, "value.ofType(Money).exists()", "this is never a Money"),
    (OBS, "status = 1", "compares code with Integer, which is never true"),
    (P, "birthDate = '1970-01-01'", "a date is written @2026-04-23"),
    (P, "Observation.status = 'final'", "it begins at Observation, but is evaluated on Patient"),
    (P, "name.given", "gives string, which is never true"),
    (P, "name.", "a name is expected here, but it ends"),
    (P, 'name.family = "Reyes"', "a string is written in single quotes"),
    (P, "name.family.subsumes(1)", "subsumes() is not served"),
    (P, "(" * 1000 + "true" + ")" * 1000, "nests deeper than 60 levels"),
    (P, " or ".join(["name.exists()"] * 5000), "the limit is 20,000"),
    (P, "birthDate > @2026-02-30", "is no date or time that exists"),
]


@pytest.mark.parametrize(("resource", "expression", "why"), REFUSED)
async def test_refused_when_it_is_loaded(serve, paths, resource, expression, why):
    paths.write([paths.on(resource, expression, "x")])
    started = time.perf_counter()
    with pytest.raises(DefinitionError) as problems:
        async with serve():
            pass
    assert time.perf_counter() - started < 5
    assert why in str(problems.value)
    assert "criteria.0" in str(problems.value)


def test_sandbox_check_says_so(paths):
    paths.write([paths.on(P, expression, "x") for _, expression, _ in REFUSED[:3]])
    result = CliRunner().invoke(app, ["check", str(paths.disk.playgrounds), "--seeds", str(paths.disk.seeds)])
    assert result.exit_code != 0
    for _, _, why in REFUSED[:3]:
        assert why in " ".join(result.output.split()), result.output
