"""The table of the mess in charts: what is done at which level, to what share of which resources.

A level has all rules up to it. `share` is of the resources of these types; those of charts that a definition names are
never worn, only joined. Each rule has a pair beside it in `pairs.py`, which the suite runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sandbox.simulators.fhir.mess.clinic import Clinic, Resource
from sandbox.simulators.fhir.mess.cluttering import (
    add_former_coverages,
    add_mistaken_allergy,
    add_replaced_chart,
    add_second_note,
)
from sandbox.simulators.fhir.mess.wearing import leave_free_text, lose_elements, shorten_dates, unsay_status
from sandbox.simulators.former_coverage import RULE as FORMER_COVERAGE


@dataclass(frozen=True, slots=True)
class Wear:
    """Takes something away: `change` works in place and tells whether it did."""

    level: int
    name: str
    types: tuple[str, ...]
    share: float
    change: Callable[[Resource, Clinic], bool]


@dataclass(frozen=True, slots=True)
class Addition:
    """Adds something beside a resource, which stays as it is."""

    level: int
    name: str
    types: tuple[str, ...]
    share: float
    make: Callable[[Resource, Clinic], list[Resource]]


Rule: TypeAlias = Wear | Addition

_BY_WHOM: Final = ("Practitioner", "PractitionerRole", "Organization", "Location", "Schedule")

RULES: Final[tuple[Rule, ...]] = (
    Wear(1, "unsaid-status", ("Patient", "Condition", *_BY_WHOM), 0.5, unsay_status),
    Wear(
        1,
        "free-text-code",
        ("Condition", "AllergyIntolerance", "Immunization", "MedicationRequest"),
        0.4,
        leave_free_text,
    ),
    Addition(2, "replaced-chart", ("Patient",), 0.4, add_replaced_chart),
    # Whose they are is drawn by the member number, as the payer's portal does.
    Addition(2, FORMER_COVERAGE, ("Coverage",), 1.0, add_former_coverages),
    Addition(2, "noted-twice", ("Condition",), 0.3, add_second_note),
    Wear(3, "partial-date", ("Patient", "Condition", "AllergyIntolerance", "Immunization"), 0.5, shorten_dates),
    Wear(
        3,
        "lost-element",
        ("Patient", "Condition", "Encounter", "Immunization", "MedicationRequest"),
        0.4,
        lose_elements,
    ),
    Addition(3, "entered-in-error", ("Patient",), 0.5, add_mistaken_allergy),
)
