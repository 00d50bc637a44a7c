"""Any order of calls through the FHIR door, the REST beside it and the payer's own decisions keeps a case in its table,
and the ClaimResponse says what the case says."""

import base64
import json
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sandbox import jsonio
from sandbox.payer import decisions
from sandbox.payer.decisions import PayerDecision
from sandbox.payer.lifecycle import life_cycle
from sandbox.payer.refusals import Refused
from sandbox.payer.review import action_of
from sandbox.playground.events import Request
from sandbox.r4.validation import validate
from sandbox.simulators.portal.fhir.routes import handle, offered
from tests.payer.cases import do, row_of

TABLE = life_cycle()
CONFIG = {"fhir": True, "offers": ["edit", "withdraw", "resubmit", "appeal"], "appeals": {"within_days": 180}}
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
BASE = "http://127.0.0.1:8000/v1/benchmark-runs/br_1"
DECISIONS = {
    "review": {},
    "pend": {"documents": ["Notes"], "questions": ["weeks"], "due_seconds": 86_400},
    "approve": {"valid_days": 30},
    "approve_partially": {"units": 1, "valid_days": 30},
    "deny": {"code": "MN-12"},
    "uphold": {},
    "overturn": {"valid_days": 30},
}


def call(world, method, path, body=None):
    content = b"" if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/fhir+json"}
    request = Request(method, f"portal/fhir/{path}", (), headers, content, base_url=BASE)
    answer = world.playground.interact(
        "portal_fhir_request",
        lambda tx: offered(handle)(tx, request),
        sandbox=world.playground.sandboxes[0],
        request=request,
        on_error=lambda error: world.simulator.render_error(error, request),
    ).response
    value = jsonio.parse(answer.body)
    assert validate(value) == []
    return answer.status, value


def claim(name, *, prior=None, certification=None, units=2, notes=None, files=(), status="active"):
    own = [{"url": f"{PAS}/extension-certificationType", "valueCodeableConcept": {"coding": [{"code": certification}]}}]
    information = [{"sequence": 1, "category": {"text": "x"}, "valueString": notes}] if notes else []
    for number, content in enumerate(files, 2):
        data = base64.b64encode(content).decode()
        kind = {"contentType": "text/plain", "data": data}
        information.append({"sequence": number, "category": {"text": "x"}, "valueAttachment": kind})
    answers = [
        {"linkId": "weeks", "answer": [{"valueInteger": 8}]},
        {"linkId": "deficit", "answer": [{"valueBoolean": True}]},
    ]
    response = {"resourceType": "QuestionnaireResponse", "id": "qr", "status": "completed", "item": answers}
    information.append(
        {"sequence": 99, "category": {"text": "x"}, "valueReference": {"reference": "QuestionnaireResponse/qr"}}
    )
    made = {
        "resourceType": "Claim",
        "id": name,
        "status": status,
        "type": {"text": "professional"},
        "use": "preauthorization",
        "patient": {"reference": "Patient/p"},
        "created": "2026-04-23",
        "provider": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}},
        "priority": {"text": "normal"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "PPO"}}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"coding": [{"code": "M54.16"}]}}],
        "supportingInfo": information,
        "item": [
            {
                "sequence": 1,
                "productOrService": {"coding": [{"code": "72148"}]},
                "quantity": {"value": units},
                **({"extension": own} if certification else {}),
            }
        ],
    }
    if prior is not None:
        made["related"] = [{"relationship": {"coding": [{"code": "prior"}]}, "claim": {"reference": f"Claim/{prior}"}}]
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"value": "W1"}],
        "name": [{"family": "Chen", "given": ["Maria"]}],
        "birthDate": "1985-03-12",
    }
    rows = [
        {"fullUrl": f"http://ehr.test/fhir/{r['resourceType']}/{r['id']}", "resource": r}
        for r in (made, patient, response)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": rows}


def machine(make_world):
    class Machine(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            self.world = make_world(CONFIG)
            self.number = 1
            status, answer = call(self.world, "POST", "Claim/$submit", claim("c1"))
            assert status == 200 and answer["entry"][0]["resource"]["outcome"] == "queued", answer
            self.id = answer["entry"][0]["resource"]["id"]
            [(self.name, self.seen)] = self.world.branch.items("portal/prior_auth_requests")

        def submit(self, **more):
            name = f"c{self.number + 1}"
            before = row_of(self.world, self.name)
            status, answer = call(self.world, "POST", "Claim/$submit", claim(name, prior=f"c{self.number}", **more))
            assert status == 200
            first = answer["entry"][0]["resource"]
            if first["outcome"] == "error":
                assert row_of(self.world, self.name) == before
            else:
                self.number, self.id = self.number + 1, first["id"]

        @rule(
            units=st.integers(1, 3), notes=st.sampled_from([None, "a", "b"]), file=st.sampled_from([None, b"1", b"2"])
        )
        def update(self, units, notes, file):
            self.submit(units=units, notes=notes, files=[file] if file else ())

        @rule(
            certification=st.sampled_from(["I", "S", "3", "N", "1", "2", "9"]), notes=st.sampled_from([None, "words"])
        )
        def certify(self, certification, notes):
            self.submit(certification=certification, notes=notes)

        @rule()
        def cancel_all(self):
            self.submit(status="cancelled")

        @rule(content=st.sampled_from([b"x", b"y"]), is_final=st.booleans())
        def attach(self, content, is_final):
            data = base64.b64encode(content).decode()
            document = {
                "resourceType": "DocumentReference",
                "status": "current",
                "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
            }
            rows = [
                {"name": "TrackingId", "valueString": self.name},
                {"name": "AttachTo", "valueCode": "preauthorization"},
                {"name": "MemberId", "valueString": "W1"},
                {"name": "Final", "valueBoolean": is_final},
                {"name": "Attachment", "part": [{"name": "Content", "resource": document}]},
            ]
            before = row_of(self.world, self.name)
            status, _ = call(
                self.world, "POST", "$submit-attachment", {"resourceType": "Parameters", "parameter": rows}
            )
            assert status in (200, 422) and (status == 200 or row_of(self.world, self.name) == before)

        @rule(verb=st.sampled_from(["withdraw", "resubmit", "submit"]))
        def by_rest(self, verb):
            assert self.world.call("POST", f"prior-auths/{self.name}/{verb}").status in (200, 400, 409)

        @rule(on=st.sampled_from(sorted(DECISIONS)))
        def payer(self, on):
            decision = PayerDecision.model_validate({"decision": on, **DECISIONS[on]})
            try:
                do(self.world, lambda tx: decisions.decide(tx, self.name, decision))
            except Refused:
                return

        @rule()
        def a_day_later(self):
            do(self.world, lambda tx: tx.advance_clock(90_000))

        @invariant()
        def is_inside(self):
            if not hasattr(self, "world"):
                return
            rows = dict(self.world.branch.items("portal/prior_auth_requests"))
            assert set(rows) == {self.name}, "one request stays one case"
            row = row_of(self.world, self.name)
            assert row["history"][: len(self.seen["history"])] == self.seen["history"]
            states = [line["state"] for line in row["history"] if "state" in line]
            steps = {(t.source, t.to) for t in TABLE.transitions}
            assert all(one == other or (one, other) in steps for one, other in pairwise(states))
            assert states[-1] == row["state"]
            assert (row["wanted"] is not None) == (row["state"] == "pended")
            status, answer = call(self.world, "GET", f"ClaimResponse/{self.id}")
            [item] = answer["item"]
            review = item["adjudication"][0]["extension"][0]["extension"]
            code = next(one["valueCodeableConcept"] for one in review if one["url"].endswith("reviewActionCode"))
            assert status == 200 and code["coding"][0]["code"] == action_of(row)
            assert ("communicationRequest" in answer) == (row["state"] == "pended")
            self.seen = row

    return Machine


def test_any_order_of_calls_keeps_a_case_inside_its_table(make_world):
    run_state_machine_as_test(
        machine(make_world),
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
