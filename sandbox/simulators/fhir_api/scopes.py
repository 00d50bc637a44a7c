"""SMART scopes: which are granted, and what they allow (SMART App Launch 1.0 `.read`/`.write` and 2.0 `.cruds`).

What a request needs is for each API to say.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

from sandbox.errors import Forbidden, Invalid
from sandbox.r4.model import resource_types

Need: TypeAlias = tuple[str, str]
"""A resource type, or `ANY`, and the letters of SMART 2.0 needed on it: create, read, update, delete, search."""

SCOPE: Final = re.compile(r"(system|user|patient)/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
ANY: Final = "*"
DEFAULT_SCOPE: Final = "system/*.*"
_V1: Final = {"*": "cruds", "read": "rs", "write": "cud"}


class BadScope(Invalid):
    """A scope that is not granted; the message names it."""


def granted(wanted: str) -> str:
    """Return the scopes of client credentials that are granted of those wanted. Raises `BadScope`.

    >>> granted("system/Patient.read user/Patient.read system/Patient.read")
    'system/Patient.read'
    """
    kept = []
    for scope in wanted.split():
        found = SCOPE.fullmatch(scope)
        if found is None or not found[3] or (found[2] != ANY and found[2] not in resource_types()):
            raise BadScope(f'"{scope[:100]}" is not a scope this server grants; use system/Type.read, …')
        if found[1] == "system":
            kept.append(scope)
    if not kept:
        raise BadScope("Client credentials get system scopes only (system/…).")
    return " ".join(dict.fromkeys(kept))


def check(scope: str, needs: Iterable[Need]) -> None:
    """Raise `Forbidden`, naming the scope that is missing, unless the granted scopes allow all that is needed."""
    for resource_type, letters in needs:
        missing = [letter for letter in letters if not _allows(scope, resource_type, letter)]
        if missing:
            wanted = f"system/{resource_type}.{'read' if set(missing) <= {'r', 's'} else 'write'}"
            message = f'The token\'s scope "{scope}" does not allow this; it needs {wanted}.'
            raise Forbidden(message, issue_type="forbidden")


def _allows(scope: str, resource_type: str, letter: str) -> bool:
    for item in scope.split():
        found = SCOPE.fullmatch(item)
        if found is not None and found[2] in (ANY, resource_type) and letter in _V1.get(found[3], found[3]):
            return True
    return False
