"""How FHIR is shown: resources as JSON with their references as links, named as people name them."""

import re
from typing import Final

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.simulators.fhir.terms.names import collection_of
from sandbox.simulators.showing import Gist, Link, Views

# The last two parts of a reference, relative or absolute, versioned or not (R4, "References", 2.3.0.1).
_REFERENCE: Final = re.compile(
    r"(?:https?://[^?#\s]*/)?([A-Z][A-Za-z]{2,40})/([A-Za-z0-9.-]{1,64})(?:/_history/[^/\s]+)?"
)
_NAMING: Final = ("display", "text", "description", "title", "status")


def title(collection: str, value: Json) -> str:
    """Return what a resource is called: a person's name, a code's text, else what it says of itself.

    >>> title("fhir/Patient", {"name": [{"given": ["Ana"], "family": "Reyes"}], "birthDate": "1970-01-01"})
    'Ana Reyes, 1970-01-01'
    >>> title("fhir/Observation", {"code": {"coding": [{"display": "Hemoglobin"}]}, "status": "final"})
    'Hemoglobin, final'
    """
    if not isinstance(value, dict):
        return ""
    parts: list[Json] = [_name(value.get("name")) or _concept(value)]
    parts += [value.get(name) for name in ("birthDate", "status", "date", "authoredOn", "effectiveDateTime", "start")]
    return ", ".join(text for text in parts if isinstance(text, str) and text)[:120]


def _name(value: Json) -> str:
    if isinstance(value, str):
        return value
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return ""
    if isinstance(first.get("text"), str):
        return str(first["text"])
    given = first.get("given")
    words = [*(given if isinstance(given, list) else []), first.get("family")]
    return " ".join(word for word in words if isinstance(word, str))


def _concept(value: Json) -> str:
    for name in ("code", "medicationCodeableConcept", "vaccineCode", "type", "serviceType", "category", "reasonCode"):
        concept = value.get(name)
        concept = concept[0] if isinstance(concept, list) and concept else concept
        if not isinstance(concept, dict):
            continue
        codings = concept.get("coding")
        coding = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
        found = concept.get("text") or coding.get("display") or coding.get("code")
        if isinstance(found, str):
            return found
    return next((str(value[name]) for name in _NAMING[1:4] if isinstance(value.get(name), str)), "")


def find_link(name: str, text: str) -> Link | None:
    """Return where a reference leads, whether as `reference` or as the `fullUrl` of an entry.

    >>> find_link("reference", "Patient/ana")
    Link(collection='fhir/Patient', key='ana')
    >>> find_link("reference", "#p1"), find_link("display", "Patient/ana")
    (None, None)
    """
    if name not in ("reference", "fullUrl"):
        return None
    found = _REFERENCE.fullmatch(text)
    return None if found is None else Link(collection_of(found[1]), found[2])


def gist(request: bytes, answer: bytes) -> Gist | None:
    """Return what an attempt at a notification was about, and what came of it.

    >>> told = b'{"resource": "Patient/1/_history/2", "state": "pending", "error": "It answered 500.", "attempt": 2}'
    >>> gist(b"", told)
    Gist(text='Patient/1/_history/2, pending after attempt 2: It answered 500.', is_refused=True)
    """
    try:
        told = jsonio.parse(answer)
    except SandboxError:
        return None
    if not isinstance(told, dict) or "state" not in told:
        return None
    error = told.get("error")
    after = f" after attempt {told.get('attempt')}: {error}" if error else ""
    return Gist(f"{told.get('resource')}, {told['state']}{after}"[:120], bool(error))


VIEWS: Final = Views(title=title, find_link=find_link, gists={"subscription_delivery": gist})
