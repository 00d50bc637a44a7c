"""Criterion runs for people: failed first, what was expected beside what was found. From the API's own JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.rehearsal.show import differences

# Whatever a check calls its list of comparisons.
_RESULT_KEYS: Final = ("field_results", "assertion_results", "phrase_results")
_SHOWN_ELSEWHERE: Final = frozenset(
    {*_RESULT_KEYS, "nearest", "count", "unexpected_changes", "total", "matched_events"}
)
_CHANGES_SHOWN: Final = 8
# What every write changes says nothing.
_META_PATHS: Final = frozenset({"meta.versionId", "meta.lastUpdated"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that was asked: where, what was expected, what was found."""

    path: str
    expected: Json
    actual: Json
    passed: bool
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class CriterionView:
    """One criterion run. `of` names what its comparisons are about; `seqs` are the numbers of the events it matched;
    `rest` is evidence of other kinds. `is_withheld`: of a scored run, to be seen with the organization key."""

    id: str
    label: str
    passed: bool
    score: float
    weight: float
    axis: str | None
    required: bool
    details: str
    of: str
    comparisons: tuple[Comparison, ...]
    seqs: tuple[int, ...]
    rest: Mapping[str, Json]

    @property
    def kind(self) -> str:
        """The verdict that its score comes to, for the colour."""
        return "pass" if self.passed else "partial" if self.score > 0 else "fail"


def criterion_views(criterion_runs: Iterable[Mapping[str, Any]]) -> list[CriterionView]:
    """Return criterion runs as the API shows them (`GET /task-runs/{id}`) for people: failed first, heavy first."""
    views = [_view(run) for run in criterion_runs]
    return sorted(views, key=lambda view: (view.passed, view.score, -view.weight))


def _view(run: Mapping[str, Any]) -> CriterionView:
    evidence = run.get("evidence") if isinstance(run.get("evidence"), dict) else {}
    assert isinstance(evidence, dict)
    nearest = evidence.get("nearest")
    of = nearest.get("label", "") if isinstance(nearest, dict) else ""
    return CriterionView(
        run["id"],
        run.get("label") or run.get("criterion_id", ""),
        bool(run["passed"]),
        run["score"] or 0.0,
        run["weight"],
        run.get("axis"),
        bool(run.get("required")),
        run.get("details") or "",
        of or _matched(evidence),
        tuple(_comparisons(evidence)),
        tuple(event["seq"] for event in evidence.get("matched_events") or () if isinstance(event, dict)),
        {n: v for n, v in evidence.items() if n not in _SHOWN_ELSEWHERE and v not in (None, [], {}, "")},
    )


def _matched(evidence: Mapping[str, Json]) -> str:
    """Return the label of what was compared."""
    for name, value in evidence.items():
        if name.startswith("matched") and name != "matched_events" and value:
            first = value[0] if isinstance(value, list) else value
            return first if isinstance(first, str) else ""
    return ""


def _comparisons(evidence: Mapping[str, Json]) -> Iterator[Comparison]:
    """Yield what was compared, what failed first; where nothing was found, what the nearest thing differs in."""
    nearest = evidence.get("nearest")
    near = [_comparison(item) for item in nearest.get("differences", ())] if isinstance(nearest, dict) else []
    yield from near
    if isinstance(count := evidence.get("count"), dict) and not count.get("passed", True):
        least, most = count.get("min"), count.get("max")
        wanted = f"{least if least is not None else 0} to {most}" if most is not None else f"{least} or more"
        yield Comparison("how many", wanted if least != most else least, count.get("satisfying"), False)
    items = [_comparison(item) for name in _RESULT_KEYS for item in evidence.get(name) or ()]
    yield from sorted(items, key=lambda item: item.passed)
    yield from changes_of(evidence.get("unexpected_changes") or ())


def _comparison(item: Mapping[str, Any]) -> Comparison:
    if "phrase" in item:
        wanted = "not said" if item.get("forbidden") else "said"
        found = "said" if item.get("found") else "not said"
        return Comparison(f"“{item['phrase']}”", wanted, found, bool(item.get("passed", item.get("found"))))
    expected = item.get("expected")
    if expected is None and "expected" not in item:
        expected = {k: v for k, v in item.items() if k not in ("path", "actual", "passed")}
    return Comparison(str(item.get("path", "")), expected, item.get("actual"), bool(item.get("passed")))


def changes_of(changes: Sequence[Mapping[str, Any]]) -> Iterator[Comparison]:
    """Yield what was not to change, a line for every field that did.

    >>> [line] = changes_of([{"collection": "c", "key": "k", "before": {"a": 1}, "after": {"a": 2}}])
    >>> line.path, line.expected, line.actual
    ('c/k a', 1, 2)
    """
    for change in changes:
        what, before, after = (
            f"{change.get('collection')}/{change.get('key')}",
            change.get("before"),
            change.get("after"),
        )
        if before is None or after is None:
            yield Comparison(what, "no change", "added" if before is None else "removed", False, True)
            continue
        found = [d for d in differences(before, after) if d[0] not in _META_PATHS]
        for path, old, new in found[:_CHANGES_SHOWN]:
            yield Comparison(f"{what} {path}", old, new, False, True)
        if len(found) > _CHANGES_SHOWN:
            yield Comparison(what, "no change", f"{len(found) - _CHANGES_SHOWN} more changes", False, True)
