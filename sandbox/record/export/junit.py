"""JUnit XML for CI: a suite for each task run, a test case for each criterion.

Written to the schema that Jenkins' xUnit plugin publishes, `junit-10.xsd`. That knows properties of suites only, so
a criterion's axis, weight and score stand among those of its suite, by the criterion's number; its axis is its
`group`, too.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from sandbox import jsonio
from sandbox.clock import parse_instant
from sandbox.record.export.source import RunRecord, RunSource, TaskRecord

# What XML 1.0 has no character for.
_NO_CHARACTER: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MESSAGE_CHARS: Final = 1000
_EVIDENCE_CHARS: Final = 20_000
_KINDS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_FACTS: Final = ("axis", "weight", "required", "score")


async def write(source: RunSource, record: RunRecord, url: str) -> AsyncIterator[bytes]:
    """Yield the report."""
    cases = [list(_cases(task)) for task in record.tasks]
    everything = [case for of_task in cases for case in of_task]
    totals = {name: text for name, text in _counts(everything).items() if name != "skipped"}
    name = f"{record.benchmark} {record.run['id']}"
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes(name=name, time=_seconds(record.run), **totals)}>\n".encode()
    for task, of_task in zip(record.tasks, cases, strict=True):
        for piece in _suite(record, task, of_task):
            yield piece.encode()
    yield b"</testsuites>\n"


@dataclass(frozen=True, slots=True)
class _Case:
    """One criterion: what became of it (`failure`, `error`, `skipped`, None where it passed), and why."""

    label: str
    outcome: str | None
    message: str
    body: str
    facts: Mapping[str, str]


def _cases(task: TaskRecord) -> Iterator[_Case]:
    """Yield what became of each criterion; where none was judged, of those that would have been."""
    task_run = task.task_run
    criteria = task.criterion_runs or (task_run["snapshot"] or {}).get("criteria") or ()
    for label, criterion in zip(_distinct([str(c["label"]) for c in criteria]), criteria, strict=True):
        facts = {name: _text(criterion[name]) for name in _FACTS if criterion.get(name) is not None}
        if task.criterion_runs:
            outcome, message = _judged(criterion, task_run["status"])
            yield _Case(label, outcome, message, f"{message}\n{_evidence(criterion['evidence'])}", facts)
        else:
            said = f"The task run is {task_run['status']}; nothing was judged."
            yield _Case(label, "failure" if task_run["status"] == "timed_out" else "skipped", said, said, facts)


def _judged(criterion: Mapping[str, Any], status: str) -> tuple[str | None, str]:
    """Return the outcome of a criterion run and what to say of it. One without weight breaks no build."""
    details = str(criterion["details"] or "")
    if criterion["passed"]:
        return None, details
    if not criterion["weight"] and not criterion["required"]:
        return "skipped", f"It did not pass, and has no weight. {details}"
    return "error" if status == "failed" else "failure", details


def _suite(record: RunRecord, task: TaskRecord, cases: Sequence[_Case]) -> Iterator[str]:
    task_run, name = task.task_run, f"{record.benchmark}.{task.key}"
    begun = (task_run["started_at"] or task_run["created_at"])[:19]
    head = _attributes(name=name, id=task_run["id"], timestamp=begun, time=_seconds(task_run), **_counts(cases))
    yield f"  <testsuite{head}>\n    <properties>\n"
    for key, value in _properties(record, task, cases):
        yield f"      <property{_attributes(name=key, value=value)}/>\n"
    yield "    </properties>\n"
    for case in cases:
        group = {"group": case.facts["axis"]} if "axis" in case.facts else {}
        yield f"    <testcase{_attributes(name=case.label, classname=name, **group)}>\n"
        said = ", ".join(f"{key} {value}" for key, value in case.facts.items())
        if case.outcome is None:
            said = f"{said}\n{case.message}"
        else:
            why = _attributes(message=case.message[:_MESSAGE_CHARS], type="criterion")
            yield f"      <{case.outcome}{why}>{_content(case.body)}</{case.outcome}>\n"
        yield f"      <system-out>{_content(said)}</system-out>\n    </testcase>\n"
    yield "  </testsuite>\n"


def _properties(record: RunRecord, task: TaskRecord, cases: Sequence[_Case]) -> Iterator[tuple[str, str]]:
    task_run = task.task_run
    yield "benchmark_run_id", record.run["id"]
    yield "agent", record.run["agent"] or ""
    for name in ("status", "verdict", "score"):
        yield name, _text(task_run[name])
    for axis, found in (task_run["axes"] or {}).items():
        yield f"axis.{axis}.score", _text(found["score"])
        yield f"axis.{axis}.weight", _text(found["weight"])
    for number, case in enumerate(cases, 1):
        for name, value in (("label", case.label), *case.facts.items()):
            yield f"criterion.{number}.{name}", value


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    found = {name: str(sum(case.outcome == kind for case in cases)) for name, kind in _KINDS.items()}
    return {"tests": str(len(cases)), **found}


def _distinct(labels: Sequence[str]) -> list[str]:
    """Number labels that come again: a report's cases are told apart by their names.

    >>> _distinct(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    seen: dict[str, int] = {}
    names = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        names.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return names


def _seconds(of: Mapping[str, Any]) -> str:
    """Return how long a run or task run took; nothing for one that did not end."""
    if not of["started_at"] or not of["completed_at"]:
        return "0.000"
    return f"{(parse_instant(of['completed_at']) - parse_instant(of['started_at'])).total_seconds():.3f}"


def _evidence(evidence: Any) -> str:
    if not evidence:
        return ""
    text = jsonio.dump_pretty(evidence).decode()
    return text if len(text) <= _EVIDENCE_CHARS else f"{text[:_EVIDENCE_CHARS]}\n… cut here, {len(text)} characters."


def _text(value: Any) -> str:
    """Write a value as a property.

    >>> _text(2 / 3), _text(1.0), _text(None), _text(True), _text("safety")
    ('0.666667', '1', '', 'true', 'safety')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(_NO_CHARACTER.sub('�', value))}" for name, value in values.items())


def _content(text: str) -> str:
    return escape(_NO_CHARACTER.sub("�", text))
