"""Rewriting references between the entries of a transaction (R4, Bundle, "Resolving references in Bundles").

A reference is replaced where it names another entry's fullUrl: `urn:uuid:…` and absolute URLs as
they are written, relative ones when, resolved against the fullUrl of the entry that holds them,
they give such a URL. Uris and the links of a narrative follow along.
"""

import re
from typing import Final

from sandbox.simulators.fhir.bundles import Entry
from sandbox.simulators.fhir.validation.literals import Literal, parse_literal

_ATTRIBUTE: Final = re.compile(r"""((?:href|src)\s*=\s*)(["'])([^"']+)\2""")


class References:
    """The identities of a transaction's entries, by fullUrl."""

    def __init__(self, base: str, entries: list[Entry]) -> None:
        self._base = base
        self._targets: dict[str, str] = {}
        for entry in entries:
            if entry.full_url is not None and entry.assigned_id is not None:
                self._targets[entry.full_url] = f"{entry.call.path[0]}/{entry.assigned_id}"

    def rewrite(self, entry: Entry) -> None:
        """Replace every reference of an entry's resource that names another entry."""
        if not self._targets:
            return
        root = parse_literal(entry.full_url) if entry.full_url else None
        base = root.base if root is not None and root.base else self._base
        for link in entry.links:
            if link.kind == "xhtml":
                link.holder[link.key] = _ATTRIBUTE.sub(self._replace_attribute, link.text)
                continue
            target = self._target(link.text, base, is_reference=link.kind == "reference")
            if target is not None:
                link.holder[link.key] = target

    def _target(self, text: str, base: str, *, is_reference: bool) -> str | None:
        direct = self._targets.get(text)
        if direct is not None or not is_reference:
            return direct
        fragment = ""
        if text.startswith("urn:") and "#" in text:
            text, _, fragment = text.partition("#")
            direct = self._targets.get(text)
            return f"{direct}#{fragment}" if direct else None
        literal = parse_literal(text)
        if literal is None:
            return None
        target = self._targets.get(_absolute(literal, base))
        if target is not None and literal.version is not None and target == f"{literal.type}/{literal.id}":
            return None  # it keeps its identity, so the version still means something
        return target

    def _replace_attribute(self, match: re.Match[str]) -> str:
        target = self._targets.get(match[3])
        return match[0] if target is None else f"{match[1]}{match[2]}{target}{match[2]}"


def _absolute(literal: Literal, base: str) -> str:
    return f"{literal.base or base}/{literal.type}/{literal.id}"
