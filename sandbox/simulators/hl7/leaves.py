"""The values of HL7 v2 messages that are sent: components of fields, named as paths are (`PID.3.1`).

The envelope (who sends, when, which message of how many), set ids and what only labels a code say nothing of a patient;
whom a message goes to (MSH-5, MSH-6) does. Codes are varied within HL7's tables as far as those stand here.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sandbox.jsonio import Json
from sandbox.simulators.leaves import ABSENT, Form, Kind, Leaf, Path, Sent

# What else may stand in a coded field (HL7 v2.5, tables 0001, 0085, 0078, 0119, 0278, 0004, 0038, 0155, 0206, 0008).
_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "PID.8": ("F", "M"), "OBX.11": ("F", "P", "C"), "OBX.8": ("N", "H", "L", "HH", "LL", "A", "AA"),
    "OBR.25": ("F", "P", "C"), "ORC.1": ("NW", "CA", "OC", "UA", "OK"), "ORC.5": ("IP", "CM", "CA"),
    "SCH.25": ("Booked", "Cancelled", "Noshow"), "AIS.10": ("Booked", "Cancelled"), "PV1.2": ("O", "I", "E"),
    "AL1.2": ("DA", "FA", "MA"), "MSA.1": ("AA", "AE", "AR"), "MSH.9.2": ("S12", "S15", "A01", "A08", "A04"),
}  # fmt: skip
# Triggers that can stand for each other in one structure.
_TRIGGERS: Final[dict[str, str]] = {"S12": "S15", "S13": "S15", "S15": "S12", "A04": "A08", "A08": "A04", "A01": "A08"}
_HEADER: Final = frozenset({5, 6})
_SET_IDS: Final = frozenset("PID PV1 OBX OBR NTE AL1 DG1 IN1 RGS AIS AIP AIL AIG GT1 NK1 SPM".split())
_NAMES: Final = frozenset({("PID", 5), ("NK1", 2), ("GT1", 3), ("IN1", 16)})
_ADDRESSES: Final = frozenset({("PID", 11)})
_TIME: Final = re.compile(r"\d{8}(\d{4}(\d\d(\.\d+)?)?)?([+-]\d{4})?")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


class Hl7Form(Form):
    """A message in JSON (`payload`), or as the body itself."""

    def leaves(self, sent: Sent) -> Iterator[Leaf]:
        """Yield the values of the message that was sent."""
        text = _text(sent.body)
        if text is not None and text.startswith("MSH"):
            for number, segment in enumerate(_segments(text)):
                yield from _values(number, segment, text)

    def with_value(self, sent: Sent, leaf: Leaf, value: Json) -> Sent:
        """Return the request with another component, or with an empty one."""
        text = _text(sent.body)
        assert text is not None
        number, field, repetition, component = (int(part) for part in leaf.path[1:])
        segments = _segments(text)
        fields = segments[number].split(text[3])
        place = field - 1 if fields[0] == "MSH" else field
        repetitions = fields[place].split(text[5])
        components = repetitions[repetition].split(text[4])
        components[component - 1] = "" if value is ABSENT else _escaped(str(value), text)
        repetitions[repetition] = text[4].join(components)
        fields[place] = text[5].join(repetitions)
        segments[number] = text[3].join(fields)
        payload = "\r".join(segments) + "\r"
        body = {**sent.body, "payload": payload} if isinstance(sent.body, dict) else payload
        return replace(sent, body=body)


def _text(body: Json) -> str | None:
    value = body.get("payload") if isinstance(body, dict) else body
    return value if isinstance(value, str) else None


def _segments(text: str) -> list[str]:
    return [line for line in re.split(r"[\r\n]+", text) if line]


def _values(number: int, segment: str, text: str) -> Iterator[Leaf]:
    fields = segment.split(text[3])
    name = fields[0]
    first = 1 if name in _SET_IDS else 0
    value_type = fields[2] if name == "OBX" and len(fields) > 2 else ""
    for place, raw in enumerate(fields[1:], 2 if name == "MSH" else 1):
        if not raw or place == first or (name == "OBX" and place == 2):
            continue
        if name == "MSH" and place not in _HEADER:
            yield from _trigger(number, place, raw, text)
            continue
        for repetition, one in enumerate(raw.split(text[5])):
            components = one.split(text[4])
            for component, value in enumerate(components, 1):
                kind = _kind(name, place, component, value, value_type, components)
                if kind is not None and value:
                    path: Path = (name, number, place, repetition, component)
                    choices = _TABLES.get(f"{name}.{place}", ())
                    yield Leaf(path, value, kind, choices, written=f"{name}.{place}.{component}")


def _trigger(number: int, place: int, raw: str, text: str) -> Iterator[Leaf]:
    parts = raw.split(text[4])
    if place == 9 and len(parts) > 1 and parts[1] in _TRIGGERS:
        other = (_TRIGGERS[parts[1]],)
        yield Leaf(("MSH", number, 9, 0, 2), parts[1], "code", other, written="MSH.9.2")


def _kind(name: str, place: int, component: int, value: str, value_type: str, components: list[str]) -> Kind | None:
    if name == "NTE":
        return "message" if place == 3 else None
    if name == "OBX" and place == 5:
        return {"NM": "number", "TX": "message", "FT": "message", "ST": "message"}.get(value_type, "identifier")  # type: ignore[return-value]
    if name == "OBX" and place == 6:
        return "unit" if component == 1 else None
    if name == "OBX" and place == 7:
        return "message"
    if (name, place) in _NAMES or (name, place) in _ADDRESSES:
        return "identifier" if any(char.isdigit() for char in value) else "name"
    if f"{name}.{place}" in _TABLES:
        return "code" if component == 1 else None
    if _TIME.fullmatch(value):
        return "date"
    if component > 1:  # what labels the first component, and whose number it is
        return None
    if name == "MSH":
        return "identifier"
    if len(components) > 1 and place != 3 and not any(char.isdigit() for char in value):
        return None
    return "identifier" if any(char.isdigit() for char in value) and len(value) > 1 else None


def _escaped(value: str, text: str) -> str:
    escape = text[6]
    value = value.replace(escape, f"{escape}E{escape}")
    for sign, code in ((text[3], "F"), (text[4], "S"), (text[5], "R"), (text[7], "T")):
        value = value.replace(sign, f"{escape}{code}{escape}")
    return value
