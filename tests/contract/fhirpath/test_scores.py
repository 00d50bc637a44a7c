"""FHIRPath in criteria, asked through `complete`: what authors write first, and where scores go wrong."""

import time

import pytest

OBS, P, A, M = "Observation/potassium", "Patient/ana", "Appointment/visit", "MedicationRequest/drug"
DOSE = "dosageInstruction.doseAndRate.dose.ofType(Quantity)"
BOUNDS = "dosageInstruction.timing.repeat.bounds.ofType(Duration)"

TRUE = [
    (OBS, "value.value = 6.8"),
    (OBS, "(value.value != 6.8) = false"),
    (OBS, "value.value in (6.8 | 7)"),
    (OBS, "value = 6.8 'mmol/L'"),
    (OBS, "value.ofType(Quantity) = 0.0068 'mol/L'"),
    (OBS, "value > 6 'mmol/L'"),
    (OBS, "value > referenceRange.high"),
    (OBS, "value.ofType(Quantity) > referenceRange.high"),
    (P, "(address.line = ('1 Elm St' | 'Apt 3')) = false"),
    (P, "address.line = ('1 Elm St' | 'Apt 2')"),
    (P, "today() = @2026-04-23"),
    (P, "now() >= @2026-04-23T23:30:00Z and now() < @2026-04-24T00:00:00Z"),
    (P, "timeOfDay() >= @T23:30:00"),
    (A, "start > now()"),
    (A, "start + 1 day = @2026-05-12T15:20:00-04:00"),
    (A, "start + 1 day = @2026-05-12T19:20:00Z"),
    (A, "end = start + 20 minutes"),
    (A, "start.toString() = '2026-05-11T15:20:00-04:00'"),
    (P, "birthDate.count() = 1"),
    (P, "birthDate is date"),
    (P, "birthDate.toString() = '1970-01-01'"),
    (P, "birthDate.extension('urn:birth-time').value = @1970-01-01T13:00:00Z"),
    (M, f"{DOSE} = 0.01 'g'"),
    (M, "dosageInstruction.doseAndRate.dose = 0.01 'g'"),
    (M, f"{BOUNDS} = 30 'd'"),
    (M, f"{BOUNDS} = 30 days"),
    (M, "dosageInstruction.timing.repeat.bounds = 30 'd'"),
    (P, "active.toString() = 'true'"),
    (OBS, "(referenceRange.low.value | referenceRange.high.value).sum() = 8.6"),
    (OBS, "(referenceRange.low.value | referenceRange.high.value).avg() = 4.3"),
    (OBS, "(referenceRange.low.value | referenceRange.high.value).max() = 5.1"),
    (OBS, "(referenceRange.low.value | referenceRange.high.value).min() = 3.5"),
    (P, "name.given.combine('Ana').isDistinct() = false"),
    (P, "%resource.id = 'ana' and %rootResource.id = 'ana' and %context.id = 'ana'"),
    (P, "name.exists(%resource.id = 'ana')"),
    (P, "managingOrganization.resolve().name = 'North Clinic'"),
    (P, "managingOrganization.resolve() is Organization"),
    (OBS, "code.memberOf('http://clinic.test/ValueSet/potassium')"),
    (OBS, "code.coding.exists(system = %loinc and code = '2823-3')"),
    (OBS, "status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')"),
]


@pytest.mark.parametrize(("resource", "expression"), TRUE)
async def test_a_criterion_means_what_it_says(serve, paths, resource, expression):
    paths.write([paths.on(resource, expression)])
    async with serve() as live:
        run = await live.started("paths")
        answer = await run.complete()
    [check] = answer["checks"]
    assert (check["passed"], answer["score"]) == (True, 1.0), check
    shown = {"expression": expression, "reference": resource, "result": True}
    assert check["evidence"]["fhirpath"] == shown


BROKEN = [
    (P, "name.given.single() = 'Ana'", "single() is called on one item, and there are 2"),
    (P, "name.given.combine(1).toInteger() = 1", "toInteger() is called on one item, and there are 3"),
    (P, "name.given.first().combine(1).sum() = 1", '"+" has no meaning between System.String and System.Integer'),
    (OBS, "code.memberOf('http://clinic.test/ValueSet/sodium')", "memberOf() does not know the value set"),
    (P, "name.given.matches('(A)(?=n)')", "matches() is called on one item, and there are 2"),
    (P, "name.given.first().matches('A(?=n)')", "cannot read the regular expression"),
]


@pytest.mark.parametrize(("resource", "expression", "why"), BROKEN)
async def test_what_cannot_be_evaluated_fails_the_check_and_says_why(serve, paths, resource, expression, why):
    plain = paths.on(resource, expression, "as a field")
    absent = paths.on(resource, expression, "absent")
    absent["assertion"]["absent"] = True
    paths.write([plain, absent])
    async with serve() as live:
        run = await live.started("paths")
        answer = await run.complete()
    assert answer["status"] == "completed"
    for check in answer["checks"]:
        assert (check["passed"], check["score"]) == (False, 0), check
        assert why in check["details"] and expression in check["details"] and resource in check["details"]


async def test_traces_are_evidence(serve, paths, capfd):
    paths.write([paths.on(P, "name.given.trace('names').count() = 2")])
    async with serve() as live:
        run = await live.started("paths")
        [check] = (await run.complete())["checks"]
    assert check["passed"]
    assert check["evidence"]["trace"] == [{"reference": P, "name": "names", "values": ["Ana", "Li"]}]
    assert "Ana" not in "".join(capfd.readouterr())


async def test_the_entity_is_a_variable(serve, paths):
    row = paths.on(P, ["name.family = %entity.name.family", "id = '{entity.id}'"], input_entity=P)
    definition = paths.definition([row])
    definition["tasks"][0]["entities"] = [{"dataset": "paths", "ref": P}]
    paths.disk.benchmark(definition)
    async with serve() as live:
        run = await live.started("paths")
        [check] = (await run.complete())["checks"]
    assert check["passed"], check
    assert [f["path"] for f in check["evidence"]["field_results"]] == ["$fhirpath.0", "$fhirpath.1"]


ZONES = ["America/New_York", "Asia/Kathmandu", "UTC"]


@pytest.fixture
def in_zone(monkeypatch):
    """Put the server's process into a time zone, as its environment would."""

    def move(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


TIMED = [
    *TRUE,
    (P, "today() = @2026-04-24"),
    (P, "now() = @2026-04-23T23:30:00"),
    (P, "timeOfDay() < @T23:00:00"),
    (A, "start = @2026-05-11T15:20:00"),
    (A, "start + 1 day = @2026-05-12T15:20:00"),
    (A, "start > @2026-05-11"),
    (A, "start.trace('start').toDate() = @2026-05-11"),
    (P, "birthDate < today() - 56 years"),
    (P, "birthDate.toDateTime() < now()"),
    (P, "now().trace('now').exists()"),
]


async def test_scored_again_in_other_time_zones_the_evidence_is_the_same(serve, paths, in_zone):
    paths.write([paths.on(*row) for row in TIMED])
    in_zone("Pacific/Auckland")
    async with serve() as live:
        assert time.strftime("%Z") in ("NZDT", "NZST")
        run = await live.started("paths", seed=5)
        first = (await run.complete())["checks"]
    assert [c["passed"] for c in first[: len(TRUE)]] == [True] * len(TRUE)
    for zone in ZONES:
        in_zone(zone)
        async with serve() as live:
            again = await live.post(f"/task-runs/{run.tasks[0]}/rescore")
            found = (await live.get(f"/task-runs/{run.tasks[0]}"))["criterion_runs"]
            assert again["score"] is not None
        assert len(found) == len(first)
        for before, after in zip(first, found, strict=True):
            same = ("label", "passed", "score", "details", "evidence")
            assert {name: after[name] for name in same} == {name: before[name] for name in same}
