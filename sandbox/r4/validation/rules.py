"""R4's invariants, as a table of named rules per structure.

A rule's test gets the object and the resource it stands in, and says whether the rule is kept. It
may assume well-formed values: a test that raises is taken as kept, since the structure check has
already reported what is malformed. Rules that R4 marks as warnings are not here.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.r4.validation.rule_helpers import Rule
from sandbox.r4.validation.rules_bundle import BUNDLE_RULES
from sandbox.r4.validation.rules_clinical import CLINICAL_RULES
from sandbox.r4.validation.rules_conformance import CONFORMANCE_RULES
from sandbox.r4.validation.rules_definitions import DEFINITION_RULES
from sandbox.r4.validation.rules_testing import TESTING_RULES
from sandbox.r4.validation.rules_types import TYPE_RULES

__all__ = ["RULES", "Rule"]

Table: TypeAlias = Mapping[str, tuple[tuple[str, str, Callable[[Json, Json], bool]], ...]]


def _collected(*tables: Table) -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for table in tables:
        for name, rows in table.items():
            found[name] = found.get(name, ()) + tuple(Rule(*row) for row in rows)
    return found


RULES: Final = _collected(TYPE_RULES, CLINICAL_RULES, CONFORMANCE_RULES, DEFINITION_RULES, TESTING_RULES, BUNDLE_RULES)
# Rules of R4 that the walk itself sees to, and the names under which others have the same rule again.
WALKED: Final = frozenset("dom-2 ele-1 ref-1 txt-1 txt-2".split())
SAME: Final[Mapping[str, str]] = {
    "tst-6": "tst-5", "tst-8": "tst-7", "tst-9": "tst-7", "tst-11": "tst-10", "tst-13": "tst-12",
}  # fmt: skip
