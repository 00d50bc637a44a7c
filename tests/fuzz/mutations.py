"""Requests that are valid, and what becomes of them when bytes and parts of them are changed at random.

Every one comes from a seed and its number, so one that breaks something can be made again.
"""

import copy
import json
import random
from dataclasses import dataclass
from typing import Final

from tests.fuzz import conftest as known

SURFACES: Final = ("fhir", "fhir", "fhir", "hl7", "hl7", "files", "files", "portal", "portal", "api")
_ODD: Final = (
    b"\x00",
    b"\xff",
    b"%00",
    b"%ff",
    b"\r",
    b"\n",
    b"{",
    b"}",
    b"[",
    b'"',
    b"|",
    b"^",
    b"&",
    b"=",
    b"..",
    b"/",
    b"9" * 30,
)
_JSON_ODD: Final = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x" * 5000,
    "\x00",
    [],
    {},
    [[[]]],
    {"resourceType": "Bundle"},
    "Patient/ana",
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One request as it goes over the wire, less what frames it: the target, header lines, the body."""

    surface: str
    method: str
    target: str
    lines: tuple[bytes, ...]
    body: bytes


class Mutator:
    """Makes requests; `roots` are the paths that surfaces are below."""

    def __init__(self, seed: int, roots: dict[str, str], ids: dict[str, str]) -> None:
        self._chance = random.Random(seed)
        self._roots = roots
        self._ids = ids

    def __call__(self) -> Mutation:
        """Return the next one."""
        chance = self._chance
        surface = chance.choice(SURFACES)
        method, _, path = chance.choice(known.ROUTES[surface]).partition(" ")
        for name, value in self._ids.items():
            path = path.replace(name, value)
        if chance.random() < 0.1:
            method = chance.choice(known.METHODS)
        query = ""
        if chance.random() < 0.4:
            names, values = known.PARAMETERS[surface], known.VALUES
            query = "&".join(f"{chance.choice(names)}={chance.choice(values)}" for _ in range(chance.randrange(1, 4)))
        body, lines = b"", []
        if method in ("POST", "PUT", "PATCH"):
            body = self._body(surface)
            kind = chance.choice(known.CONTENT_TYPES) if chance.random() < 0.3 else "application/json"
            lines.append(b"Content-Type: " + kind.encode())
        if chance.random() < 0.2:
            lines.append(f"{chance.choice(known.HEADERS)}: {chance.choice(known.HEADER_VALUES)}".encode())
        target = f"{self._roots[surface]}/{path}" + (f"?{query}" if query else "")
        if chance.random() < 0.15:
            target = self._bytes(target.encode()).decode("latin-1")
            target = "/" + "".join(c if "!" <= c <= "~" and c != "#" else f"%{ord(c):02x}" for c in target.lstrip("/"))
        if chance.random() < 0.1 and lines:
            lines[-1] = self._bytes(lines[-1]).replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
        return Mutation(surface, method, target, tuple(lines), body)

    def _body(self, surface: str) -> bytes:
        chance = self._chance
        value = json.loads(json.dumps(chance.choice(known.BODIES[surface])))
        if surface == "fhir" and chance.random() < 0.2:
            rows = [{"request": {"method": "POST", "url": "Patient"}, "resource": value}] * chance.randrange(1, 4)
            value = {"resourceType": "Bundle", "type": chance.choice(["batch", "transaction"]), "entry": rows}
        for _ in range(chance.randrange(3)):
            self._change(value, surface)
        raw = json.dumps(value).encode()
        return self._bytes(raw) if chance.random() < 0.3 else raw

    def _change(self, value: object, surface: str) -> None:
        """Change one place of a JSON value."""
        chance = self._chance
        while isinstance(value, dict | list) and value:
            places = list(value) if isinstance(value, dict) else list(range(len(value)))
            place = chance.choice(places)
            inner = value[place]
            if isinstance(inner, dict | list) and inner and chance.random() < 0.6:
                value = inner
                continue
            if chance.random() < 0.2:
                del value[place]
            else:
                value[place] = copy.deepcopy(chance.choice(_JSON_ODD))
            return
        if isinstance(value, dict):
            value[chance.choice(known.FIELDS[surface])] = copy.deepcopy(chance.choice(_JSON_ODD))

    def _bytes(self, raw: bytes) -> bytes:
        """Change some bytes."""
        chance = self._chance
        for _ in range(chance.randrange(1, 4)):
            at, cut = chance.randrange(len(raw) + 1), chance.randrange(4)
            kind = chance.randrange(4)
            if kind == 0:
                raw = raw[:at] + raw[at + cut :]
            elif kind == 1:
                raw = raw[:at] + chance.choice(_ODD) + raw[at:]
            elif kind == 2:
                raw = raw[:at] + raw[at : at + 16] * chance.randrange(1, 8) + raw[at:]
            else:
                raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
        return raw
