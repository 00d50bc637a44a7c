"""`pathway` of a scenario: one patient's way through a hospital, step after step, as scenario steps on the clock."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

PREFIX: Final = "hl7_"


def expand_pathway(pathway: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the scenario steps of a pathway. Raises `ValueError` for an entry that is none.

    A step without a patient is of the one before it. Waiting adds up: what comes after `{after_seconds: 60}` comes a
    minute later.

    >>> expand_pathway([{"admit": {"patient": "Patient/1"}}, {"after_seconds": 60}, {"transfer": {"location": "4W"}}])
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'action': 'hl7_admit', 'after_seconds': 0, 'patient': 'Patient/1'},
     {'action': 'hl7_transfer', 'after_seconds': 60.0, 'patient': 'Patient/1', 'location': '4W'}]
    """
    steps: list[dict[str, Any]] = []
    after: float = 0
    patient: Any = None
    for number, entry in enumerate(pathway, 1):
        if not isinstance(entry, Mapping) or not entry:
            raise ValueError(f"entry {number} of the pathway must be a step such as {{admit: {{…}}}}")
        name, *more = entry
        if name == "after_seconds":
            if more or isinstance(entry[name], bool) or not isinstance(entry[name], int | float) or entry[name] < 0:
                raise ValueError(f"entry {number} of the pathway: after_seconds is a number, 0 or more, by itself")
            after += float(entry[name])
            continue
        arguments = entry[name] if entry[name] is not None else {}
        if not isinstance(arguments, Mapping):
            raise ValueError(f"entry {number} of the pathway: the arguments of {name} must be a mapping")
        step = {**arguments, **{key: entry[key] for key in more}}
        patient = step.get("patient", patient)
        own = {} if patient is None else {"patient": patient}
        steps.append({"action": f"{PREFIX}{name}", "after_seconds": after, **own, **step})
    return steps
