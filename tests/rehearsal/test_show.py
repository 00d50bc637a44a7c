import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sandbox.client.reading import read_benchmark_run, read_criterion_run, read_event, read_task_run
from sandbox.rehearsal.records import RunRecord, TaskRecord
from sandbox.rehearsal.show import differences, evidence_lines, label_of, print_run
from sandbox.rehearsal.timeline import body_of, call_of, changes_of, surface_of

AT = "2026-04-20T17:00:00.000Z"


def event(**values: Any) -> Any:
    return read_event({"id": "evt_1", "seq": 1, "type": "fhir_request", "at": AT, **values})


def printed(
    task: dict[str, Any],
    criteria: list[dict[str, Any]],
    events: list[Any],
    *,
    width: int = 120,
    has_bodies: bool = False,
) -> str:
    run = read_benchmark_run({"id": "br_1", "benchmark": {"slug": "mock", "version": 1}, "agent": "[/x]"})
    record = TaskRecord(read_task_run({"id": "tr_1", **task}), tuple(map(read_criterion_run, criteria)), tuple(events))
    stream = io.StringIO()
    print_run(Console(file=stream, width=width), RunRecord(run, (record,)), has_bodies=has_bodies)
    return stream.getvalue()


def test_failed_criteria_come_first_and_lowest_score_first() -> None:
    criteria = [
        {"id": "1", "label": "good", "passed": True, "score": 1.0},
        {"id": "2", "label": "half", "passed": False, "score": 0.5},
        {"id": "3", "label": "none", "passed": False, "score": 0.0},
    ]
    shown = printed({"status": "completed", "verdict": "partial", "score": 0.5}, criteria, [])
    assert shown.index("✗ none") < shown.index("✗ half 0.50") < shown.index("✓ good")
    assert "nothing was done" in shown


def test_a_task_that_never_ran() -> None:
    shown = printed({"status": "cancelled", "key": "[a]"}, [], [])
    assert "[a] · cancelled" in shown
    assert "no criteria were judged" in shown


def test_the_timeline_tells_time_surface_call_status_and_changes() -> None:
    events = [
        event(
            type="scenario_step", request={"method": "SCENARIO", "path": "drop_file_inbox"}, response={"status": 200}
        ),
        event(
            request={"method": "PUT", "path": "fhir/Patient/[1]", "query": "a=b"},
            response={"status": 412},
            changes=[{"collection": "fhir/Patient", "key": "1", "op": "delete"}],
        ),
    ]
    shown = printed({}, [], events)
    assert "scenario  SCENARIO drop_file_inbox" in shown
    for text in ("17:00:00.000", "PUT fhir/Patient/[1]?a=b", "412", "deleted fhir/Patient/1"):
        assert text in shown


def test_calls_of_the_organization_are_marked() -> None:
    looked = event(request={"method": "GET", "path": "files/a"}, actor="organization", view=True)
    written = event(request={"method": "PUT", "path": "files/b"}, actor="organization")
    shown = printed({}, [], [looked, written, event(request={"method": "GET", "path": "files/c"}, actor="agent")])
    assert "GET files/a (looked at)" in shown
    assert "PUT files/b (by the organization)" in shown
    assert "GET files/c\n" in shown or "GET files/c  " in shown


def test_an_event_is_told_by_number_millisecond_and_duration() -> None:
    events = [
        event(seq=1, at="2026-04-20T17:00:00.005Z", duration_ms=0.26, request={"method": "GET", "path": "hl7/inbox"}),
        event(seq=12, at="2026-04-20T17:00:01.250Z", duration_ms=2345.6, request={"method": "GET", "path": "files/x"}),
    ]
    lines = [line.split() for line in printed({}, [], events).splitlines()]
    assert ["#", "time", "surface", "call", "status", "took", "changes"] in lines
    assert ["1", "17:00:00.005", "hl7", "GET", "hl7/inbox", "-", "0.3", "ms"] in lines
    assert ["12", "17:00:01.250", "files", "GET", "files/x", "-", "2.3", "s"] in lines


def test_a_task_says_how_long_it_took() -> None:
    times = {"started_at": "2026-04-20T17:00:00.000Z", "completed_at": "2026-04-20T17:00:00.250Z"}
    assert "completed · took 250 ms" in printed({"status": "completed", **times}, [], [])


def test_bodies_are_shown_when_asked_for_and_only_then() -> None:
    events = [
        event(request={"method": "POST", "path": "portal/prior-auths", "body": {"notes": "[red]knee[/red]"}}),
        event(seq=2, request={"method": "POST", "path": "hl7/outbound", "body": {"payload": "MSH|^~\\&|A\rPID|1\r"}}),
        event(seq=3, request={"method": "PUT", "path": "files/a.bin", "body": {"base64": "AAEC", "size": 3}}),
        event(seq=4, request={"method": "PUT", "path": "files/a.txt", "body": "ring\x1b[2Jbell\x07"}),
        event(seq=5, request={"method": "GET", "path": "files/a.txt", "body": None}),
    ]
    assert "knee" not in printed({}, [], events)
    shown = [line.strip() for line in printed({}, [], events, has_bodies=True).splitlines()]
    for line in ('"notes": "[red]knee[/red]"', "MSH|^~\\&|A", "PID|1", "3 bytes that are no text"):
        assert line in shown
    assert "ring\\x1b[2Jbell\\x07" in shown  # as an escape, not as one


def test_a_body_that_is_kept_by_its_hash_is_named() -> None:
    assert body_of({"body": {"sha256": "ab" * 32, "size": 2_000_000}}) == f"2000000 bytes, SHA-256 {'ab' * 32}"
    assert body_of({"body": {"size": 3}}) == "3 bytes that are no text" and body_of({"body": ""}) == ""


def test_a_call_cannot_break_out_of_its_line() -> None:
    request = {"method": "GET", "path": "files/a\nb\x1b[31m", "query": "x=\x07"}
    assert call_of(request) == "GET files/a\\nb\\x1b[31m?x=\\x07"


def test_evidence_of_every_shape() -> None:
    evidence = {
        "field_results": [
            {"path": "a", "expected": 1, "actual": 2, "passed": False},
            {"path": "b", "expected": 1, "actual": 1, "passed": True},
            {"path": "c", "expected": None, "actual": 3, "passed": False},
            {"path": "d", "expected": None, "one_of": [1], "actual": 3, "passed": False},
        ],
        "assertion_results": [{"path": "status", "expected": "submitted", "actual": None, "passed": False}],
        "phrase_results": [
            {"phrase": "member ID", "found": False, "turn": None},
            {"phrase": "hello", "found": True, "turn": 1},
        ],
        "matched": ["Patient/1"],
        "total": 1,
        "nothing": [],
        "unexpected_changes": [
            {"collection": "fhir/Patient", "key": "1", "before": None, "after": {}},
            {"collection": "fhir/Patient", "key": "2", "before": {}, "after": None},
            {
                "collection": "fhir/Patient",
                "key": "3",
                "before": {"meta": {"versionId": "1"}, "a": 1, "b": 1, "c": 1, "d": 1},
                "after": {"meta": {"versionId": "2"}, "a": 2, "b": 2, "c": 2, "d": 2},
            },
        ],
    }
    assert evidence_lines(evidence) == [
        "a: expected 1, found 2",
        "c: expected null, found 3",
        'd: expected {"one_of":[1]}, found 3',
        'status: expected "submitted", found null',
        'phrase "member ID": not found',
        'matched: ["Patient/1"]',
        "fhir/Patient/1: created",
        "fhir/Patient/2: deleted",
        "fhir/Patient/3: a was 1, is 2",
        "fhir/Patient/3: b was 1, is 2",
        "fhir/Patient/3: c was 1, is 2",
        "fhir/Patient/3: and 1 more",
    ]
    assert evidence_lines(None) == []
    assert evidence_lines({"long": "x" * 200})[0].endswith("…")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, JSON)
def test_differences_are_there_exactly_when_values_differ(before: Any, after: Any) -> None:
    assert list(differences(before, before)) == []
    found = list(differences(before, after))
    # A missing member and one that is null look alike, which is all that may be overlooked.
    assert found or _without_nulls(before) == _without_nulls(after)
    assert all(old != new for _, old, new in found)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        items = [_without_nulls(item) for item in value]
        while items and items[-1] is None:
            items.pop()
        return items
    return value


def test_calls_and_surfaces() -> None:
    assert call_of({"method": "GET", "path": "fhir/Patient", "query": {"name": ["a", "b"], "_count": 5}}) == (
        "GET fhir/Patient?name=a&name=b&_count=5"
    )
    assert call_of({"method": "GET", "path": "hl7/inbox", "query": None}) == "GET hl7/inbox"
    assert surface_of(event(request={"method": "GET", "path": "/files/inbox"})) == "files"
    assert surface_of(event(type="llm_task_run")) == "llm_task_run"


def test_many_changes_are_counted() -> None:
    changes = [{"collection": "fhir/Task", "key": str(i), "op": "put"} for i in range(5)]
    assert changes_of(changes) == "fhir/Task/0, fhir/Task/1, fhir/Task/2 and 2 more"
    assert changes_of([{"collection": "fhir/_history", "key": "1"}]) == ""


def test_a_label_is_found_in_the_copy_of_the_task() -> None:
    assert label_of({"criteria": [{"id": "a"}, {"id": "b", "label": "B"}]}, "b") == "B"
    assert label_of({"criteria": [{"id": "a"}]}, "a") == "a"
