"""Eligibility, claims and their appeals, over the portal's REST."""

import pytest

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError
from tests.simulators.portal.conftest import SEED

PLAN = """
coverages:
  - {coverage_id: C1, member_id: w1, plan: PPO 500, start: 2024-01-01, end: 2026-03-31}
  - {coverage_id: C2, member_id: W1, plan: HMO 20, start: 2026-04-01, order: secondary}
  - {coverage_id: C3, member_id: W1, plan: Rx, kind: pharmacy, start: 2026-01-01}
benefits:
  - {plan: HMO 20, service_type: "4", copay: 40, authorization_required: true}
  - {plan: HMO 20, service_type: "98", copay: 20}
  - {plan: PPO 500, service_type: "4", copay: 10}
accumulators:
  - {member_id: W1, kind: deductible, limit: 500, used: 120.10, start: 2026-01-01, end: 2026-12-31}
  - {member_id: W1, kind: visits, service_type: "98", limit: 20, used: 25, start: 2026-01-01}
  - {member_id: W1, kind: deductible, limit: 400, used: 400, start: 2025-01-01, end: 2025-12-31}
claims:
  - claim_number: CLM-1
    member_id: W1
    provider_npi: "1234567893"
    status: partially_paid
    service_from: 2026-02-02
    received_at: 2026-02-05T09:00:00Z
    finalized_at: 2026-02-12T09:00:00Z
    appeal_until: 2026-04-30T23:59:59Z
    lines:
      - {procedure_code: "99213", charge: 120.10, allowed: 100, paid: 80, status: paid,
         adjustments: [{group: CO, carc: "45", amount: 20.10}, {group: PR, carc: "2", amount: 20}]}
      - {procedure_code: "72148", charge: 900, allowed: 410.25, status: denied,
         adjustments: [{group: CO, carc: "197", amount: 900}], rarc: [N702]}
  - {claim_number: CLM-2, member_id: W1, provider_npi: "1234567893", status: pended, service_from: 2026-03-02,
     received_at: 2026-03-05T09:00:00Z, lines: [{procedure_code: "99213", charge: 100}]}
"""


def load(simulator, plan):
    return simulator.load_seed(Dataset("clinic", {"portal.yaml": SEED.encode(), "payer.yaml": plan.encode()}), {})


@pytest.fixture
def planned(make_world):
    def make(config=None):
        return make_world(config, plan=PLAN)

    return make


def test_eligibility_on_a_day(planned):
    world = planned()
    found = world.json("GET", "eligibility?member_id=W1&birth_date=1985-03-12")
    assert (found["date"], found["covered"]) == ("2026-04-23", True)
    assert [(row["coverage_id"], row["in_force"]) for row in found["coverages"]] == [
        ("C2", True),
        ("C3", True),
        ("C1", False),
    ]
    assert [row["service_type"] for row in found["benefits"]] == ["4", "98"]
    assert [(row["kind"], row["remaining"]) for row in found["accumulators"]] == [
        ("deductible", 379.9),
        ("visits", 0.0),
    ]
    found = world.json("GET", "eligibility?member_id=W1&date=2025-06-01&service_type=4")
    assert [row["plan"] for row in found["benefits"]] == ["PPO 500"]
    assert [row["used"] for row in found["accumulators"]] == [400.0]


def test_a_member_without_a_plan_has_the_portals_coverage(planned):
    world = planned()
    found = world.json("GET", "eligibility?member_id=W2")
    assert (found["covered"], found["coverages"][0]["end"], found["benefits"]) == (False, "2026-04-22", [])
    assert world.json("GET", "eligibility?member_id=W2&date=2026-04-22")["covered"] is True
    assert world.json("GET", "eligibility?member_id=W9", status=404)
    assert world.json("GET", "eligibility?member_id=W1&birth_date=1985-03-13", status=404)
    assert set(world.details("GET", "eligibility?member_id=W1&date=x")) == {"date"}
    assert set(world.details("GET", "eligibility?date=2026-01-01")) == {"member_id"}


def test_claims_and_what_they_add_up_to(planned):
    world = planned()
    assert [row["claim_number"] for row in world.json("GET", "claims?member_id=w1")["data"]] == ["CLM-2", "CLM-1"]
    assert [row["claim_number"] for row in world.json("GET", "claims?service_to=2026-02-28")["data"]] == ["CLM-1"]
    assert [row["claim_number"] for row in world.json("GET", "claims?status=pended")["data"]] == ["CLM-2"]
    claim = world.json("GET", "claims/clm-1")
    assert (claim["total_charge"], claim["total_paid"], claim["patient_responsibility"]) == (1020.1, 80.0, 20.0)
    assert claim["lines"][1]["adjustments"] == [{"group": "CO", "carc": "197", "amount": 900.0}]
    assert set(world.details("GET", "claims?status=lost")) == {"status"}
    assert world.json("GET", "claims/CLM-9", status=404)


def test_an_appeal_of_a_claim_is_decided_and_paid(planned):
    rules = [{"carc": "197", "mentions": ["PA1"], "reason": "On file.", "delay_seconds": 60}]
    world = planned({"claim_appeals": rules})
    assert "pended" in world.json("POST", "claims/CLM-2/appeal", {"rationale": "x"}, status=409)["error"]["message"]
    appeal = world.json("POST", "claims/CLM-1/appeal", {"rationale": "It has PA1."}, status=201)
    assert (appeal["status"], appeal["claim_number"], appeal["request_id"]) == ("under_review", "CLM-1", None)
    again = world.json("POST", "claims/CLM-1/appeal", {"rationale": "x"}, status=409)["error"]["message"]
    assert appeal["appeal_id"] in again
    world.clock.advance(60)
    claim = world.json("GET", "claims/CLM-1")
    assert (claim["status"], claim["total_paid"]) == ("paid", 490.25)
    assert claim["lines"][1]["adjustments"] == [{"group": "CO", "carc": "45", "amount": 489.75}]
    assert [entry["action"] for entry in claim["history"]] == ["appealed", "appeal_overturned"]
    assert world.json("GET", f"appeals/{appeal['appeal_id']}")["reason"] == "On file."
    assert world.branch.count("_due") == world.branch.count("portal/_waiting") == 0


def test_an_appeal_of_a_claim_too_late_and_by_a_step(planned):
    world = planned()
    appeal = world.json("POST", "claims/CLM-1/appeal", {"rationale": "x"}, status=201)
    world.step("decide_claim_appeal", claim_number="clm-1", verdict="upheld", reason="No.")
    assert world.json("GET", f"appeals/{appeal['appeal_id']}")["status"] == "upheld"
    assert world.json("GET", "claims/CLM-1")["status"] == "partially_paid"
    with pytest.raises(Exception, match="it was decided"):
        world.step("decide_claim_appeal", claim_number="CLM-1", verdict="overturned")
    message = world.json("POST", "claims/CLM-1/appeal", {"rationale": "x"}, status=409)["error"]["message"]
    told = f"its appeal was upheld ({appeal['appeal_id']}); a claim is appealed once, that is final."
    assert message == f"CLM-1 is partially_paid: {told}"
    assert len(world.json("GET", "appeals?claim_number=CLM-1")["data"]) == 1


def test_an_appeal_of_a_claim_past_its_day(planned):
    world = planned()
    world.clock.advance(8 * 86_400)
    message = world.json("POST", "claims/CLM-1/appeal", {"rationale": "x"}, status=409)["error"]["message"]
    assert "2026-04-30T23:59:59.000Z" in message and "partially_paid" in message


def test_an_appeal_falls_due_with_reads(planned):
    world = planned({"claim_appeals": [{"outcome": "upheld", "delay_reads": 2}]})
    appeal = world.json("POST", "claims/CLM-1/appeal", {"rationale": "x"}, status=201)
    path = f"appeals/{appeal['appeal_id']}"
    assert [world.json("GET", path)["status"] for _ in range(2)] == ["under_review", "upheld"]


@pytest.mark.parametrize(
    ("plan", "key", "message"),
    [
        ("claims: [{claim_number: X}]\n", "claims.0.member_id", "required"),
        (PLAN.replace("member_id: w1", "member_id: W9"), "coverages.0.member_id", "no"),
        (PLAN.replace('provider_npi: "1234567893"', 'provider_npi: "1972670003"', 1), "claims.0.provider_npi", ""),
        (PLAN.replace("paid: 80", "paid: 81"), "claims.0.lines.0", "adjustments"),
        (PLAN.replace("status: partially_paid", "status: denied"), "claims.0", "denied"),
        (PLAN.replace("CLM-2", "clm-1"), "claims.1", "twice"),
        (PLAN.replace('carc: "2"', 'carc: "0"'), "claims.0.lines.0.adjustments.1.carc", ""),
        (PLAN.replace("used: 120.10", "used: 120.105"), "accumulators.0.used", "decimals"),
        (PLAN.replace("end: 2026-03-31", "end: 2023-03-31"), "coverages.0", "before"),
    ],
)
def test_a_plan_that_is_wrong_is_named_with_its_line(world, plan, key, message):
    with pytest.raises(DefinitionError) as caught:
        load(world.simulator, plan)
    found = {problem.key: problem for problem in caught.value.problems}
    assert key in found and found[key].line > 0, found
    assert message in found[key].message


@pytest.mark.parametrize(
    ("member", "day", "problem"),
    [
        ("W1", "2026-03-31", None),  # the plan that ended since
        ("W1", "2026-04-01", None),
        ("W1", "2023-12-31", "coverage begins on 2026-04-01"),
        ("W2", "2026-04-22", None),
        ("W2", None, "coverage ended on 2026-04-22"),
        ("W3", "2026-04-22", "coverage is inactive"),
        ("W4", "2026-04-24", None),
        ("W4", None, "coverage begins on 2026-04-24"),
    ],
)
def test_the_day_of_service_decides_whether_a_member_is_covered(planned, complete, member, day, problem):
    world = planned()
    body = {**complete, "patient_member_id": member, "service_date": day}
    answer = world.json("POST", "prior-auths", body, status=201 if problem is None else 400)
    if problem is None:
        assert answer["service_date"] == day
    else:
        assert answer["error"]["details"] == {"patient_member_id": [f"Member {member} cannot be served: {problem}."]}


def test_who_decides_depends_on_the_plan_of_the_day_of_service(planned, complete):
    other = {"plan": "PPO 500", "payer": "Northlight", "message": "It is managed elsewhere."}
    world = planned({"other_payers": [other]})
    stopped = world.json("POST", "prior-auths", {**complete, "service_date": "2026-03-31"}, status=400)
    assert "It is managed elsewhere." in stopped["error"]["message"]
    assert world.json("POST", "prior-auths", {**complete, "service_date": "2026-04-01"}, status=201)


@pytest.mark.parametrize("day", ["2026-02-30", "20260423", ""])
def test_a_day_of_service_is_a_date(planned, complete, day):
    body = {**complete, "service_date": day, "draft": True}
    answer = planned().json("POST", "prior-auths", body, status=400)
    assert answer["error"]["details"] == {"service_date": ["Must be a date, YYYY-MM-DD."]}


def test_days_of_claims_that_end_before_they_begin(planned):
    query = "claims?service_from=2026-04-02&service_to=2026-04-01"
    error = planned().json("GET", query, status=400)["error"]
    assert set(error["details"]) == {"service_from", "service_to"}
    assert "service_from must not be after service_to." in error["message"]


CLAIM = {
    "claim_number": "clm-2",
    "member_id": "w1",
    "provider_npi": "1234567893",
    "status": "denied",
    "service_from": "2026-03-02",
    "received_at": "2026-03-05T09:00:00Z",
    "finalized_at": "2026-04-23T09:00:00Z",
    "lines": [
        {
            "procedure_code": "99213",
            "charge": 100.10,
            "status": "denied",
            "adjustments": [{"group": "CO", "carc": "197", "amount": 100.10}],
        }
    ],
}


def test_set_portal_writes_claims_and_coverages(planned):
    world = planned()
    world.step("set_portal", collection="claims", row=CLAIM)
    claim = world.json("GET", "claims/CLM-2")
    assert (claim["claim_number"], claim["member_id"], claim["status"], claim["total_charge"]) == (
        "CLM-2",
        "W1",
        "denied",
        100.10,
    )
    appeal = world.json("POST", "claims/CLM-2/appeal", {"rationale": "x"}, status=201)
    paid = {**CLAIM, "claim_number": "CLM-2", "status": "paid", "lines": [{**CLAIM["lines"][0]}]}
    paid["lines"][0] |= {"status": "paid", "paid": 100.10, "adjustments": []}
    world.step("set_portal", collection="claims", row=paid)
    claim = world.json("GET", "claims/CLM-2")
    assert (claim["status"], claim["total_paid"], claim["appeals"]) == ("paid", 100.10, [appeal["appeal_id"]])
    assert [line["action"] for line in claim["history"]] == ["appealed"]
    world.step("set_portal", collection="claims", row={**CLAIM, "claim_number": "CLM-NEW"})
    assert "CLM-NEW" in {row["claim_number"] for row in world.json("GET", "claims")["data"]}

    row = {"coverage_id": "c9", "member_id": "W1", "plan": "Dental 1", "kind": "dental", "start": "2026-01-01"}
    world.step("set_portal", collection="coverages", row=row)
    world.step("set_portal", collection="coverages", row={**row, "coverage_id": "C9", "status": "inactive"})
    found = [one for one in world.json("GET", "eligibility?member_id=W1")["coverages"] if one["plan"] == "Dental 1"]
    assert [(one["coverage_id"], one["in_force"]) for one in found] == [("c9", False)]


@pytest.mark.parametrize(
    ("collection", "row", "told"),
    [
        ("claims", {**CLAIM, "status": "paid"}, "lines that are paid"),
        ("claims", {**CLAIM, "banana": 1}, "banana"),
        ("claims", {"claim_number": "CLM-2", "status": "denied"}, "member_id"),
        ("claims", {**CLAIM, "member_id": "W9"}, "W9"),
        ("claims", {**CLAIM, "provider_npi": "1003000126"}, "1003000126"),
        ("coverages", {"coverage_id": "C9", "member_id": "W9", "plan": "P", "start": "2026-01-01"}, "W9"),
        ("benefits", {"plan": "P", "service_type": "4"}, "collection"),
    ],
)
def test_set_portal_holds_claims_and_coverages_to_the_seeds_rules(planned, collection, row, told):
    world = planned()
    before = world.branch.state_hash()
    with pytest.raises(Exception, match=told):
        world.step("set_portal", collection=collection, row=row)
    assert world.branch.state_hash() == before
