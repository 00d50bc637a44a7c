"""The report of a run: what each end of a criterion and of a task run comes to, against the schema."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import xmlschema

from sandbox.record.export import junit
from sandbox.record.export.source import RunRecord, TaskRecord

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit-10.xsd"))
TIMES = {"started_at": "2026-04-23T09:00:00.000Z", "completed_at": "2026-04-23T09:01:02.500Z"}


def criterion(label: str, **more: Any) -> dict[str, Any]:
    plain = {"label": label, "passed": False, "score": 0.0, "weight": 1.0, "axis": None, "required": False}
    return {**plain, "details": "Found nothing.", "evidence": {"total": 0}, **more}


def task(key: str, *criteria: dict[str, Any], status: str = "completed") -> TaskRecord:
    ended = {"status": status, "verdict": None, "score": None, "axes": None, "created_at": TIMES["started_at"], **TIMES}
    snapshot = {"criteria": [{"label": "asked", "weight": 2, "axis": "safety"}]}
    return TaskRecord({"id": f"tr_{key}", "key": key, "snapshot": snapshot, **ended}, criteria)


async def report(*tasks: TaskRecord) -> ET.Element:
    run = {"id": "br_1", "agent": None, "benchmark": {"slug": "mock", "version": "1"}, **TIMES}
    text = b"".join([piece async for piece in junit.write(None, RunRecord(run, tasks), "")])  # type: ignore[arg-type]
    SCHEMA.validate(text.decode())
    return ET.fromstring(text)


def kinds(suite: ET.Element) -> list[str]:
    """What each case came to."""
    return [next((e.tag for e in case if e.tag != "system-out"), "passed") for case in suite.findall("testcase")]


@pytest.mark.parametrize(
    ("status", "more", "kind"),
    [
        ("completed", {"passed": True, "score": 1.0}, "passed"),
        ("completed", {}, "failure"),
        ("completed", {"score": 0.5}, "failure"),
        ("completed", {"weight": 0.0}, "skipped"),
        ("completed", {"weight": 0.0, "required": True}, "failure"),
        ("failed", {}, "error"),
        ("failed", {"passed": True}, "passed"),
    ],
)
async def test_what_a_criterion_comes_to(status: str, more: dict[str, Any], kind: str) -> None:
    root = await report(task("a", criterion("c", **more), status=status))
    (suite,) = root
    assert kinds(suite) == [kind]
    assert suite.get({"failure": "failures", "error": "errors", "skipped": "skipped"}.get(kind, "tests")) == "1"


@pytest.mark.parametrize(
    ("status", "kind"), [("timed_out", "failure"), ("cancelled", "skipped"), ("active", "skipped")]
)
async def test_what_was_never_judged(status: str, kind: str) -> None:
    (suite,) = await report(task("a", status=status))
    assert kinds(suite) == [kind]
    assert suite.find("testcase").get("name") == "asked"  # type: ignore[union-attr]
    assert suite.find("testcase").get("group") == "safety"  # type: ignore[union-attr]


async def test_labels_that_come_again_are_told_apart_and_evidence_is_bounded() -> None:
    long = {"found": "x" * 100_000}
    (suite,) = await report(task("a", criterion("same"), criterion("same", evidence=long, details="y" * 5_000)))
    first, second = suite.findall("testcase")
    assert (first.get("name"), second.get("name")) == ("same", "same (2)")
    failure = second.find("failure")
    assert failure is not None
    assert len(failure.get("message") or "") == 1_000
    assert "cut here" in (failure.text or "")
    assert suite.get("time") == "62.500"
