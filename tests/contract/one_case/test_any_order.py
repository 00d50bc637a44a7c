"""Any sequence of calls over all doors keeps a case inside its table, and every refusal names the state."""

import itertools
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from sandbox.payer.lifecycle import life_cycle, told_state
from sandbox.testing.server import SandboxServer
from tests.doors import Doors, enter

TABLE = life_cycle()
DOORS = ("rest", "page", "x12", "fhir")
CALLS = ("update", "withdraw", "resubmit", "appeal")
ASKED = {
    "patient_member_id": "M1001",
    "procedure_code": "72148",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
    "clinical_answers": {"red_flags": "none", "weeks": 8, "deficit": True},
    "units": 2,
}


def machine(server: SandboxServer) -> type[RuleBasedStateMachine]:
    class Cases(RuleBasedStateMachine):
        doors: Doors
        name: str
        seen: Any

        @initialize()
        def begin(self) -> None:
            self.doors = enter(server)
            self.seen = self.doors.portal.rest("POST", "prior-auths", ASKED)
            self.name = self.seen["request_id"]
            self.count = 0

        @rule(door=st.sampled_from(DOORS), call=st.sampled_from(CALLS), is_told=st.booleans())
        def provider(self, door: str, call: str, is_told: bool) -> None:
            """Ask for something by a door: done where the table has a way for it, else refused with the state."""
            before = self.doors.case(self.name)
            self.count += 1
            words = f"Words {self.count}{', a deficit' if is_told else ''}."
            said: Any = getattr(self.doors, door)(self.name, call, words)
            after = self.doors.case(self.name)
            way = TABLE.find(before["state"], call)
            if after["history"] != before["history"]:
                assert said.is_done, (door, call, said)
                # A FHIR update that brings words while the payer waits is the answer, whatever it is certified as.
                assert way is not None or (door, before["state"]) == ("fhir", "pended"), (door, call, before["state"])
            elif not said.is_done:
                told = said.words.casefold()
                names = (before["state"], told_state(before), before["state"].replace("_", " "))
                assert any(n.casefold() in told for n in names), (door, call, before["state"], said)
            else:
                assert door == "fhir", (door, call, before["state"], said)

        @rule()
        def next_due(self) -> None:
            """Wait for what comes next."""
            self.doors.send("POST", "clock/advance", {"to": "next"})

        @rule(seconds=st.sampled_from([1, 61, 90_000]))
        def wait(self, seconds: int) -> None:
            self.doors.portal.advance(seconds)

        @invariant()
        def is_inside(self) -> None:
            if not hasattr(self, "name"):
                return
            [row] = self.doors.portal.requests()
            assert row["request_id"] == self.name
            state = TABLE.states[row["state"]]
            if state.determination != "kept":
                assert (row["determination"] or {}).get("status") == state.determination
            assert row["history"][: len(self.seen["history"])] == self.seen["history"]
            assert (row["wanted"] is not None) == (row["state"] == "pended")
            states = [step["state"] for step in row["history"] if step.get("state")]
            for one, other in itertools.pairwise(states):
                assert one == other or any(t.to == other for t in TABLE.transitions if t.source == one), states
            shown = self.doors.browser.get(f"{self.doors.portal.url}requests/{self.name}")
            assert shown.status == 200
            self.seen = row

    return Cases


def test_any_sequence_over_all_doors_keeps_a_case_inside_its_table(server: SandboxServer) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine(server),
        settings=settings(
            max_examples=12, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
