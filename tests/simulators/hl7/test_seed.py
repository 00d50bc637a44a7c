"""The dataset's `hl7/*.hl7` files and the scenario step."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError
from sandbox.playground.events import Response
from sandbox.simulators.hl7.seed import load_seed


def header(control_id: str, sent_at: str = "20260420103000") -> str:
    return f"MSH|^~\\&|LAB|HOSP|EHR|CLINIC|{sent_at}||ORU^R01|{control_id}|P|2.5\n"


def rows(**files: str | bytes) -> list[Any]:
    contents = {f"hl7/{name}.hl7": v if isinstance(v, bytes) else v.encode() for name, v in files.items()}
    seed = load_seed(Dataset("clinic", dict(sorted(contents.items()))))
    return [document.value for document in seed.collections["hl7/inbox"].values()]


def test_files_in_name_order_and_messages_in_file_order() -> None:
    found = rows(b="\n\n" + header("3"), a=header("1") + "PID|1\n\n" + header("2") + "PID|2\n")
    assert [row["control_id"] for row in found] == ["1", "2", "3"]
    assert [row["position"] for row in found] == [1, 2, 3]
    assert found[0]["payload"] == header("1").replace("\n", "\r") + "PID|1\r"
    assert len({row["id"] for row in found}) == 3
    assert found == rows(b="\n\n" + header("3"), a=header("1") + "PID|1\n\n" + header("2") + "PID|2\n")


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_line_ends_and_frames(ending: str) -> None:
    framed = "".join("\x0b" + header(n).replace("\n", ending) + "PID|1" + ending + "\x1c\r" for n in "12")
    assert [row["payload"] for row in rows(a=framed)] == [header(n).replace("\n", "\r") + "PID|1\r" for n in "12"]
    assert len(rows(a="\ufeff" + header("1").replace("\n", ending))) == 1


def test_received_at_is_msh_7_else_the_clocks_start(make_engine: Any) -> None:
    found = rows(a=header("1"), b=header("2", "20260420103000-0500"), c=header("3", ""), d=header("4", "soon"))
    assert [row["received_at"] for row in found] == ["2026-04-20T10:30:00.000Z", "2026-04-20T15:30:00.000Z", None, None]
    engine = make_engine(Dataset("clinic", {"hl7/a.hl7": header("3", "").encode()}))
    assert engine.call("GET", "hl7/inbox").json[0]["received_at"] == "2026-04-23T09:00:00.000Z"
    engine.playground.start_clock(datetime(2026, 4, 23, 9, 0, tzinfo=UTC))
    engine.playground.interact("clock_advanced", lambda tx: tx.advance_clock(600) or Response())
    assert engine.call("GET", "hl7/inbox").json[0]["received_at"] == "2026-04-23T09:00:00.000Z"


def test_delivered_messages_come_after_seeded_ones(make_engine: Any) -> None:
    engine = make_engine(Dataset("clinic", {"hl7/a.hl7": (header("1") + header("2")).encode()}))
    engine.deliver(payload=header("3"))
    engine.deliver(payload=header("4"))
    assert [row["control_id"] for row in engine.call("GET", "hl7/inbox").json] == ["1", "2", "3", "4"]


def test_seeded_messages_are_not_shared_when_acknowledged(make_engine: Any) -> None:
    dataset = Dataset("clinic", {"hl7/a.hl7": header("1").encode()})
    first, second = make_engine(dataset), make_engine(dataset)
    key = first.call("GET", "hl7/inbox").json[0]["id"]
    first.call("POST", f"hl7/inbox/{key}/ack", json={"ack_code": "AA"})
    assert len(first.rows("hl7/acks")) == 1
    assert second.rows("hl7/acks") == []


def test_other_character_sets() -> None:
    text = header("1").replace("LAB", "LABOR M\u00dcNCHEN")
    assert rows(a=text.encode("latin-1"))[0]["payload"] == text.replace("\n", "\r")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("PID|1\n" + header("1"), 1),
        ("\n\nnot hl7\n", 3),
        (header("1") + "PID|1\nstray text\n", 1),
        (header("1") + "\n" + "MSH|^^^^|\n", 3),
    ],
)
def test_problems_name_file_and_line(content: str, line: int) -> None:
    with pytest.raises(DefinitionError) as caught:
        rows(bad=content)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("seeds/clinic/hl7/bad.hl7", line)


def test_all_problems_are_reported() -> None:
    with pytest.raises(DefinitionError) as caught:
        load_seed(Dataset("clinic", {"hl7/a.hl7": b"x", "hl7/b.txt": b"y", "hl7/c.hl7": b"z"}))
    assert [problem.file.rsplit("/")[-1] for problem in caught.value.problems] == ["a.hl7", "b.txt", "c.hl7"]


def test_nothing_to_load() -> None:
    assert load_seed(None).collections == {}
    assert load_seed(Dataset("clinic", {"fhir/x.json": b"{}"})).collections == {}
    assert load_seed(Dataset("clinic", {"hl7/empty.hl7": b"\n\n"})).collections == {}


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"payload": header("1"), "content": header("1")},
        {"payload": "not hl7"},
        {"payload": ""},
        {"payload": None},
        {"payload": header("1") + "stray"},
        {"content_base64": "***"},
        {"content_base64": base64.b64encode(b"no").decode()},
        {"message": header("1")},
    ],
)
def test_bad_steps_fail_at_load(engine: Any, step: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        engine.simulator.actions["post_hl7_inbox"].model.model_validate(step)


def test_base64_step(engine: Any) -> None:
    engine.deliver(content_base64=base64.b64encode(header("1").encode()).decode())
    assert engine.call("GET", "hl7/inbox").json[0]["control_id"] == "1"
