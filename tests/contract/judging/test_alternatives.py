"""`any_of` and `not`: alternatives and denials of whole assertions, judged by a real server."""

import json

import pytest


def output(path="answer", **expectation):
    return {"assert": "agent-output", "fields": [{"path": path, **expectation}]}


@pytest.fixture
def judged(serve, disk, kit):
    """Judge one criterion with this assertion after `work`; return its check."""

    async def judge(assertion, output=None, work=None, **more):
        criterion = {"label": "c", "assertion": assertion, **more}
        disk.benchmark(kit.benchmark("either", kit.task("a", criterion)))
        async with serve() as live:
            run = await live.started("either")
            if work is not None:
                await work(run)
            answer = await run.complete(**({} if output is None else {"output": output}))
            assert answer["status"] == "completed"
            return answer["checks"][0]

    return judge


async def test_either_of_two_is_right(judged):
    either = {"any_of": [output(expected="booked"), output("fax", expected="sent")]}
    for given in ({"answer": "booked"}, {"fax": "sent"}, {"answer": "booked", "fax": "sent"}):
        check = await judged(either, given)
        assert (check["passed"], check["score"]) == (True, 1.0)
        assert check["details"].startswith("One of 2 alternatives holds: output matched; ")
        assert len(check["evidence"]["any_of"]) == 2
    check = await judged(either, {"answer": "no", "fax": "no"})
    assert (check["passed"], check["score"]) == (False, 0.0)
    assert check["details"].startswith("None of 2 alternatives holds: 1. output matched; 0 of 1 fields passed")


async def test_the_best_alternative_counts(judged):
    half = {"assert": "agent-output", "fields": [{"path": "a", "expected": 1}, {"path": "b", "expected": 2}]}
    check = await judged({"any_of": [half, output("c", expected=3)]}, {"a": 1})
    assert (check["passed"], check["score"]) == (False, 0.5)
    whole = await judged({"any_of": [half, output("c", expected=3)]}, {"a": 1}, scoring="all")
    assert whole["score"] == 0.0


async def test_across_surfaces_and_in_each_other(judged):
    async def write(run):
        await run.call("PUT", "files/outbox/note.txt", body=b"done")

    file = {"assert": "sftp-file-present", "glob": "outbox/*.txt"}
    neither = {"not": {"any_of": [file, output(exists=True)]}}
    assert (await judged(neither))["passed"]
    assert not (await judged(neither, work=write))["passed"]
    both = {"any_of": [{"not": {"not": file}}, output(expected=1)]}
    assert (await judged(both, work=write))["passed"]
    assert not (await judged(both))["passed"]


async def test_not(judged):
    check = await judged({"not": output(expected=42)}, {"answer": 41})
    assert (check["passed"], check["score"]) == (True, 1.0)
    assert check["details"].startswith("It does not hold, as expected: output matched; 0 of 1 fields passed")
    check = await judged({"not": output(expected=42)}, {"answer": 42})
    assert (check["passed"], check["score"]) == (False, 0.0)
    assert check["details"].startswith("It holds, and should not: ")
    assert check["evidence"]["not"]["passed"] is True


BROKEN = {"assert": "fhir-resource-state", "resource_type": "Patient", "fhirpath": "name.given.single() = 'Ana'"}


async def two_names(run):
    patient = {"resourceType": "Patient", "name": [{"given": ["Ana", "Maria"]}]}
    body, headers = json.dumps(patient).encode(), {"Content-Type": "application/fhir+json"}
    assert (await run.call("POST", "fhir/Patient", body=body, headers=headers)).status == 201


BROKEN_ON_TWO = {**BROKEN, "fhirpath": [{"expression": BROKEN["fhirpath"], "of": "every"}]}


@pytest.mark.parametrize(
    "assertion",
    [
        BROKEN_ON_TWO,
        {**BROKEN_ON_TWO, "absent": True},
        {"not": BROKEN_ON_TWO},
        {"not": {"not": BROKEN_ON_TWO}},
        {"any_of": [BROKEN_ON_TWO, output(expected=1)]},
        {"not": {"any_of": [BROKEN_ON_TWO, output(expected=1)]}},
    ],
)
async def test_what_cannot_be_evaluated_fails_whatever_is_said_of_it(judged, assertion):
    check = await judged(assertion, work=two_names)
    assert (check["passed"], check["score"]) == (False, 0.0), check
    assert "cannot be evaluated" in check["details"]


async def test_an_alternative_that_holds_is_enough_beside_one_that_breaks(judged):
    check = await judged({"any_of": [BROKEN_ON_TWO, output(expected=1)]}, {"answer": 1}, work=two_names)
    assert check["passed"]


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        ({"any_of": []}, "any_of is a list of at least two assertions"),
        ({"any_of": [output(expected=1)]}, "any_of is a list of at least two assertions"),
        ({"any_of": [output(expected=1), {"assert": "agent-otput"}]}, 'did you mean "agent-output"?'),
        ({"not": {"any_of": [output(expected=1), {"not": {}}]}}, "`assert` is missing"),
        ({"not": output(expected=1), "label": "x"}, "`not` stands alone; there is also label"),
        ({"not": [output(expected=1)]}, "an assertion is an object"),
    ],
)
async def test_what_no_check_accepts_is_unsupported(judged, assertion, said):
    check = await judged(assertion, {"answer": 2})
    assert (check["passed"], check["score"]) == (False, 0.0)
    assert check["details"].startswith("unsupported assertion: ") and said in check["details"]


async def test_the_answer_is_announced_from_inside_alternatives(serve, disk, kit):
    criterion = {"label": "c", "assertion": {"any_of": [output("a", expected=1), {"not": output("b", expected=1)}]}}
    disk.benchmark(kit.benchmark("either", kit.task("a", criterion)))
    async with serve() as live:
        run = await live.run("either")
        assert set((await run.start())["task_item"]["answer"]["form"]) == {"a", "b"}
