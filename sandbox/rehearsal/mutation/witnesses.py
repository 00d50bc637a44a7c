"""Which criteria look at a place: who should have seen a mistake there, and whether a remark there is pinned."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox import jsonio
from sandbox.definitions.models import CriterionDefinition, TaskDefinition
from sandbox.definitions.solution_states import CHECK as STATE_EQUALS_SOLUTION
from sandbox.jsonio import Json


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mistake is: a surface (or `output`), a resource type or path there, and a path within."""

    surface: str
    subject: str
    path: str = ""

    @property
    def names(self) -> list[str]:
        """The names in the path, from the outside; of an HL7 path, the field."""
        parts = self.path.split(".")
        if self.surface == "hl7":
            return [".".join(parts[:2])]
        return [part for part in parts if part and not part.isdigit()]


# The surface of each check that has one; an assertion's `surface` or `surfaces` say it for the others.
_SURFACES = {
    "fhir-resource-state": "fhir",
    "hl7-structural": "hl7",
    "portal-state-match": "portal",
    "sftp-file-present": "files",
    "agent-output": "output",
    "x12-response": "clearinghouse",
    "fax-sent": "faxes",
    "message-sent": "messages",
    "cds-card": "cds",
    "voice-transcript": "calls",
}


def find_witnesses(task: TaskDefinition, place: Place) -> list[str]:
    """Return the labels of the criteria that look at a place; where some name it, those alone."""
    looking = [c for c in task.criteria if any(_looks_at(leaf, place) for leaf in assertions_of(c.assertion))]
    naming = [c for c in looking if any(_name(leaf, place.names[:1]) for leaf in assertions_of(c.assertion))]
    return [criterion.label for criterion in naming or looking]


def are_named(task: TaskDefinition, place: Place) -> bool:
    """Whether some criterion names the value at a place, so that it is no free text."""
    both = [*place.names[:1], *place.names[-1:]]
    return any(_looks_at(leaf, place) and _name(leaf, both) for leaf in _assertions(task.criteria))


def assertions_of(assertion: Json) -> Iterator[dict[str, Any]]:
    """Yield an assertion, or those that it combines."""
    if isinstance(assertion, list):
        for one in assertion:
            yield from assertions_of(one)
    elif isinstance(assertion, dict):
        if "assert" in assertion:
            yield assertion
        for name in ("any_of", "all_of", "not"):
            yield from assertions_of(assertion.get(name))


def _assertions(criteria: list[CriterionDefinition]) -> Iterator[dict[str, Any]]:
    for criterion in criteria:
        yield from assertions_of(criterion.assertion)


def _looks_at(assertion: dict[str, Any], place: Place) -> bool:
    check = assertion.get("assert", "")
    if check == STATE_EQUALS_SOLUTION:
        return place.surface != "output"
    if check == "state-unchanged":
        surfaces = assertion.get("surfaces")
        excepted = [*(assertion.get("except") or ()), *(assertion.get("except_created") or ())]
        is_excepted = any(glob.startswith(f"{place.surface}/{place.subject}/") for glob in excepted)
        return place.surface != "output" and (not surfaces or place.surface in surfaces) and not is_excepted
    surface = _SURFACES.get(check, assertion.get("surface"))
    if surface != place.surface:
        return False
    kind = assertion.get("resource_type")
    return kind is None or kind == place.subject


def _name(assertion: dict[str, Any], names: list[str]) -> bool:
    """Whether an assertion names something by all these names, or looks at all there is."""
    if assertion.get("assert") in (STATE_EQUALS_SOLUTION, "state-unchanged"):
        return False
    if assertion.get("contains") or any(field.get("path") == "" for field in assertion.get("fields") or ()):
        return True
    text = jsonio.dump(assertion).decode()
    return bool(names) and all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names)
