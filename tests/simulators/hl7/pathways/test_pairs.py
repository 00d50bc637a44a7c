"""Every step of a pathway: its input and its output, and that a feed which does not hang together is refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.definitions.pathways import PREFIX, expand_pathway
from sandbox.errors import Invalid
from sandbox.playground.events import Response
from sandbox.simulators.hl7.message import parse
from sandbox.simulators.hl7.pathways.steps import STEPS
from sandbox.simulators.hl7.pathways.writing import ACTIONS
from sandbox.simulators.hl7.validate import validate

PAIRS = yaml.safe_load((Path(__file__).parent / "pairs.yaml").read_text(encoding="utf-8"))
PATIENT = {"mrn": "RC-1", "family": "Chen", "given": "Maria", "birth_date": "1984-03-12", "sex": "F"}
ADMIT = {"admit": {"location": "4W^401^A", "visit_number": "V1"}}
ORDER = {"order": {"test": "2823-3^Potassium^LN", "number": "O1"}}
VALUES = [{"code": "2823-3^Potassium^LN", "value": 6.8}]


def name_of(pair: Any) -> str:
    return str(next(iter(pair["step"])))


def walk(engine: Any, *entries: Any) -> list[str]:
    """Take a pathway's steps; return the messages that came."""
    for step in expand_pathway(list(entries)):
        action = ACTIONS[step.pop("action")]
        arguments = action.model.model_validate(
            {"patient": PATIENT, **{k: v for k, v in step.items() if k != "after_seconds"}}
        )

        def take(tx: Any, action: Any = action, arguments: Any = arguments) -> Response:
            action.run(tx, arguments)
            return Response()

        engine.playground.interact("scenario_step", take, sandbox=engine.sandbox)
    return [row["payload"] for row in engine.call("GET", "hl7/inbox").json]


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_a_step_gives_its_message(make_engine: Any, pair: Any) -> None:
    *_, message = walk(make_engine(), *pair["before"], pair["step"])
    told = re.sub(r"PW[0-9A-Z]{12}", "<control>", message)
    assert told.split("\r")[:-1] == pair["message"]
    verdict = validate(parse(message), is_strict=False)
    assert (verdict.ack_code, verdict.faults) == ("AA", ())


def test_every_step_has_its_pair() -> None:
    assert {name_of(pair) for pair in PAIRS} == set(STEPS)
    assert set(ACTIONS) == {PREFIX + name for name in STEPS}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{"transfer": {}}], "was not admitted"),
        ([{"discharge": {}}], "was not admitted"),
        ([ADMIT, ADMIT], "is in"),
        ([ADMIT, {"cancel_discharge": {}}], "is in"),
        ([ADMIT, {"discharge": {}}, {"transfer": {}}], "was discharged"),
        ([{"result": {"values": VALUES}}], "has no order"),
        ([ORDER, {"result": {"values": VALUES, "number": "O2"}}], "has no order O2"),
        ([ORDER, {"result": {"values": VALUES, "corrected": True}}], "there was none"),
        ([{"rebook": {"start": "2026-05-02T15:30:00Z"}}], "has no appointment"),
        ([{"merge": {"prior": PATIENT}}], "two records"),
        ([{"admit": {"patient": "Patient/nobody"}}], "no chart Patient/nobody"),
    ],
)
def test_a_step_out_of_order_is_refused(make_engine: Any, entries: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        walk(make_engine(), *entries)


def test_a_merge_takes_the_orders_along(make_engine: Any) -> None:
    other = {**PATIENT, "mrn": "RC-2"}
    ordered = {"order": {**ORDER["order"], "patient": other}}
    *_, message = walk(
        make_engine(), ordered, {"merge": {"patient": PATIENT, "prior": other}}, {"result": {"values": VALUES}}
    )
    assert "|RC-1^^^HOSP^MR|" in message
    assert "ORC|RE|O1" in message


def test_a_seed_gives_the_same_numbers(make_engine: Any) -> None:
    first, second = (walk(make_engine(), {"admit": {}}, {"order": {"test": "X^Y^L"}}) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("pathway", "said"),
    [
        (["admit"], "entry 1"),
        ([{"after_seconds": -1}], "after_seconds"),
        ([{"after_seconds": 60, "admit": {}}], "by itself"),
        ([{"admit": "now"}], "must be a mapping"),
    ],
)
def test_an_entry_that_is_none(pathway: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expand_pathway(pathway)
