"""Rewriting references between the entries of a transaction (R4, Bundle, "Resolving references in Bundles").

A reference is replaced where it names another entry's fullUrl: `urn:uuid:…` and absolute URLs as
they are written, relative ones when, resolved against the fullUrl of the entry that holds them,
they give such a URL. Elements of type uri and url follow along, and the links of a narrative.
"""

import re
from functools import partial
from typing import Final, NamedTuple

from sandbox.r4.validation.literals import parse_literal
from sandbox.simulators.fhir.bundles.entry import Entry
from sandbox.simulators.fhir.rest.calls import Call
from sandbox.simulators.fhir.terms.names import collection_of

_ATTRIBUTE: Final = re.compile(r"""((?:href|src)\s*=\s*)(["'])([^"']+)\2""")


class Target(NamedTuple):
    """What a fullUrl stands for: the resource, and the version that it has after the transaction."""

    reference: str
    version: int


class References:
    """The identities of a transaction's entries, by fullUrl."""

    def __init__(self, call: Call, entries: list[Entry]) -> None:
        self._base = call.base
        self._targets: dict[str, Target] = {}
        named = [(e, e.call.path[0], e.assigned_id) for e in entries if e.assigned_id is not None]
        written = {(kind, key) for e, kind, key in named if e.answer is None and e.call.method not in ("GET", "HEAD")}
        for entry, kind, key in named:
            if entry.full_url is not None:
                version = call.tx.branch.version_of(collection_of(kind), key) + ((kind, key) in written)
                self._targets[entry.full_url] = Target(f"{kind}/{key}", version)

    def rewrite(self, entry: Entry) -> None:
        """Replace every reference of an entry's resource that names another entry."""
        if not self._targets:
            return
        root = parse_literal(entry.full_url) if entry.full_url else None
        base = root.base if root is not None and root.base else self._base
        for link in entry.links:
            if link.kind == "xhtml":
                link.holder[link.key] = _ATTRIBUTE.sub(partial(self._replace_attribute, base), link.text)
                continue
            target = self._target(link.text, base)
            if target is not None:
                link.holder[link.key] = target

    def _target(self, text: str, base: str) -> str | None:
        """Return what a link becomes, None for one that stays.

        A version-specific one stays specific, to the version that the resource has now. But where the resource keeps
        its URL, a version that there is on this server means what it says.
        """
        text, mark, fragment = text.partition("#")
        literal = parse_literal(text)
        url = text if literal is None else f"{literal.base or base}/{literal.type}/{literal.id}"
        target = self._targets.get(url)
        if target is None:
            return None
        reference = target.reference
        if literal is not None and literal.version is not None:
            if url == f"{self._base}/{reference}" and _is_of(literal.version, target):
                return None
            reference = f"{reference}/_history/{target.version}"
        return f"{reference}{mark}{fragment}"

    def _replace_attribute(self, base: str, match: re.Match[str]) -> str:
        target = self._target(match[3], base)
        return match[0] if target is None else f"{match[1]}{match[2]}{target}{match[2]}"


def _is_of(version: str, target: Target) -> bool:
    """Tell whether a resource has had a version, or has it with this transaction: they are counted from 1."""
    return version.isdecimal() and version[0] != "0" and int(version) <= target.version
