"""Rules of TestScript and TestReport.

Test and teardown refer to the actions of setup, so these carry the rules of all three.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from sandbox.jsonio import Json
from sandbox.r4.validation.rule_helpers import count, has

Row: TypeAlias = tuple[str, str, Callable[[Json, Json], bool]]

_SOURCES = (
    "contentType expression headerField minimumId navigationLinks path requestMethod resource responseCode response "
    "validateProfileId"
).split()


def _action(key: str) -> tuple[Row, ...]:
    return (
        (
            key,
            "An action is an operation or an assert, not both.",
            lambda v, r: has(v, "operation") != has(v, "assert"),
        ),
    )


def _assert(compare: str, direction: str, single: str) -> tuple[Row, ...]:
    return (
        (
            compare,
            "compareToSourceId goes with an expression or path to compare.",
            lambda v, r: (
                (not has(v, "compareToSourceId")) != has(v, "compareToSourceExpression", "compareToSourcePath")
            ),
        ),
        (
            direction,
            "A request has no response to assert.",
            lambda v, r: (
                not has(v, "direction")
                or v["direction"] == "response"
                or (v["direction"] == "request" and not has(v, "response", "responseCode"))
            ),
        ),
        (single, "Assert one thing at a time.", lambda v, r: has(v, "extension") or count(v, *_SOURCES) <= 1),
    )


def _operation(key: str) -> tuple[Row, ...]:
    return (
        (
            key,
            "An operation needs a sourceId or exactly one of targetId, url and params.",
            lambda v, r: (
                has(v, "sourceId")
                or count(v, "targetId", "url", "params") == 1
                or v.get("type", {}).get("code") in ("capabilities", "search", "transaction", "history")
            ),
        ),
    )


TESTING_RULES: dict[str, tuple[Any, ...]] = {
    "TestReport.test.action": _action("inv-2"),
    "TestReport.setup.action": _action("inv-1"),
    "TestScript.metadata": (
        (
            "tst-4",
            "A capability is required or validated.",
            lambda v, r: any(has(c, "required") or has(c, "validated") for c in v.get("capability", ())),
        ),
    ),
    "TestScript.variable": (
        (
            "tst-3",
            "Use one of expression, headerField and path.",
            lambda v, r: count(v, "expression", "headerField", "path") <= 2,
        ),
    ),
    "TestScript.setup.action": _action("tst-1"),
    "TestScript.test.action": _action("tst-2"),
    "TestScript.setup.action.assert": _assert("tst-10", "tst-12", "tst-5"),
    "TestScript.setup.action.operation": _operation("tst-7"),
}
