"""The segments of 005010 that the guides here use, element by element (X12.3, X12.22): number, type, length, needed.

Written `number TYPE min max`, with `!` after what is mandatory and `*n` after what repeats; a composite is named.
`WHEN` holds the relational conditions of X12.22 as X12 writes them: P (all or none), R (at least one),
C (the first requires the others), E (not more than one).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Simple:
    """An element. `type` is AN, ID, DT, TM, R or N0; lengths count characters."""

    reference: str
    type: str
    shortest: int
    longest: int
    is_needed: bool
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class Composite:
    """An element made of components."""

    reference: str
    parts: tuple[Simple, ...]
    is_needed: bool
    repeats: int = 1


Element: TypeAlias = Simple | Composite

_COMPOSITES: Final[Mapping[str, str]] = {
    "C001": "355 ID 2 2!, 1018 R 1 15, 649 R 1 10, 355 ID 2 2, 1018 R 1 15, 649 R 1 10",
    "C002": "704 ID 2 2!, 704 ID 2 2, 704 ID 2 2, 704 ID 2 2, 704 ID 2 2",
    "C003": "235 ID 2 2!, 234 AN 1 48!, 1339 AN 2 2, 1339 AN 2 2, 1339 AN 2 2, 1339 AN 2 2, 352 AN 1 80, 234 AN 1 48",
    "C004": "1328 N0 1 2!, 1328 N0 1 2, 1328 N0 1 2, 1328 N0 1 2",
    "C005": "1369 ID 1 2!, 1369 ID 1 2, 1369 ID 1 2, 1369 ID 1 2, 1369 ID 1 2",
    "C006": "1361 ID 1 3!, 1361 ID 1 3, 1361 ID 1 3, 1361 ID 1 3, 1361 ID 1 3",
    "C022": (
        "1270 ID 1 3!, 1271 AN 1 30!, 1250 ID 2 3, 1251 AN 1 35, 782 R 1 18, 380 R 1 15, 799 AN 1 30, 1271 AN 1 30, "
        "1073 ID 1 1"
    ),
    "C023": "1331 AN 1 2!, 1332 ID 1 2, 1325 ID 1 1",
    "C024": "1362 ID 2 3!, 1362 ID 2 3, 1362 ID 2 3, 156 ID 2 2, 26 ID 2 3",
    "C035": "1222 AN 1 30!, 559 ID 2 2, 1073 ID 1 1",
    "C040": "128 ID 2 3!, 127 AN 1 50!, 128 ID 2 3, 127 AN 1 50, 128 ID 2 3, 127 AN 1 50",
    "C043": "1271 AN 1 30!, 1271 AN 1 30!, 98 ID 2 3, 1270 ID 1 3",
    "C052": "1218 ID 1 1!, 1218 ID 1 1, 1218 ID 1 1",
    "C056": "1109 ID 1 1, 1270 ID 1 3, 1271 AN 1 30",
}
_CR: Final = ", ".join(["1 AN 1 80"] * 20)
_SEGMENTS: Final[Mapping[str, str]] = {
    "ST": "143 ID 3 3!, 329 AN 4 9!, 1705 AN 1 35",
    "SE": "96 N0 1 10!, 329 AN 4 9!",
    "BHT": "1005 ID 4 4!, 353 ID 2 2!, 127 AN 1 50, 373 DT 8 8, 337 TM 4 8, 640 ID 2 2",
    "HL": "628 AN 1 12!, 734 AN 1 12, 735 ID 1 2!, 736 ID 1 1",
    "NM1": (
        "98 ID 2 3!, 1065 ID 1 1!, 1035 AN 1 60, 1036 AN 1 35, 1037 AN 1 25, 1038 AN 1 10, 1039 AN 1 10, 66 ID 1 2, "
        "67 AN 2 80, 706 ID 2 2, 98 ID 2 3, 1035 AN 1 60"
    ),
    "N3": "166 AN 1 55!, 166 AN 1 55",
    "N4": "19 AN 2 30, 156 ID 2 2, 116 ID 3 15, 26 ID 2 3, 309 ID 1 2, 310 AN 1 30, 1715 ID 1 3",
    "PER": (
        "366 ID 2 2!, 93 AN 1 60, 365 ID 2 2, 364 AN 1 256, 365 ID 2 2, 364 AN 1 256, 365 ID 2 2, 364 AN 1 256, "
        "443 AN 1 20"
    ),
    "REF": "128 ID 2 3!, 127 AN 1 50, 352 AN 1 80, C040",
    "PRV": "1221 ID 1 3!, 128 ID 2 3, 127 AN 1 50, 156 ID 2 2, C035, 1223 ID 3 3",
    "TRN": "481 ID 1 2!, 127 AN 1 50!, 509 AN 10 10, 127 AN 1 50",
    "DMG": (
        "1250 ID 2 3, 1251 AN 1 35, 1068 ID 1 1, 1067 ID 1 1, C056*10, 1066 ID 1 2, 26 ID 2 3, 659 ID 1 2, 380 R 1 15, "
        "1270 ID 1 3, 1271 AN 1 30"
    ),
    "INS": (
        "1073 ID 1 1!, 1069 ID 2 2!, 875 ID 3 3, 1203 ID 2 3, 1216 ID 1 1, C052, 1219 ID 1 2, 584 ID 2 2, 1220 ID 1 1, "
        "1073 ID 1 1, 1250 ID 2 3, 1251 AN 1 35, 1165 ID 1 1, 19 AN 2 30, 156 ID 2 2, 26 ID 2 3, 1470 N0 1 9"
    ),
    "HI": "C022!, C022, C022, C022, C022, C022, C022, C022, C022, C022, C022, C022",
    "DTP": "374 ID 3 3!, 1250 ID 2 3!, 1251 AN 1 35!",
    "EQ": "1365 ID 1 2*99, C003, 1207 ID 3 3, 1336 ID 1 3, C004",
    "AMT": "522 ID 1 3!, 782 R 1 18!, 478 ID 1 1",
    "III": "1270 ID 1 3, 1271 AN 1 30, 1136 ID 2 2, 933 AN 1 264, 380 R 1 15, C001, 752 ID 2 2, 752 ID 2 2, 752 ID 2 2",
    "SVC": "C003!, 782 R 1 18!, 782 R 1 18, 234 AN 1 48, 380 R 1 15, C003, 380 R 1 15",
    "UM": (
        "1525 ID 1 2!, 1322 ID 1 1, 1365 ID 1 2, C023, C024, 1338 ID 1 3, 1213 ID 1 1, 923 ID 1 1, 1363 ID 1 1, "
        "1514 ID 1 2"
    ),
    "HCR": "306 ID 1 2!, 127 AN 1 50, 1271 AN 1 30, 1073 ID 1 1",
    "HSD": "673 ID 2 2, 380 R 1 15, 355 ID 2 2, 1167 R 1 6, 615 ID 1 2, 616 N0 1 3, 678 ID 1 2, 679 ID 1 1",
    "CRC": "1136 ID 2 2!, 1073 ID 1 1!, 1321 ID 2 3!, 1321 ID 2 3, 1321 ID 2 3, 1321 ID 2 3, 1321 ID 2 3",
    "CL1": "1315 ID 1 1, 1314 ID 1 1, 1352 ID 1 2, 1345 ID 1 1",
    "CR1": _CR,
    "CR2": _CR,
    "CR5": _CR,
    "CR6": _CR,
    "PWK": ("755 ID 2 2!, 756 ID 1 2, 757 N0 1 2, 98 ID 2 3, 66 ID 1 2, 67 AN 2 80, 352 AN 1 80, C002, 1525 ID 1 2"),
    "MSG": "933 AN 1 264!, 934 ID 2 2, 1470 N0 1 9",
    "SV1": (
        "C003!, 782 R 1 18, 355 ID 2 2, 380 R 1 15, 1331 AN 1 2, 1365 ID 1 2, C004, 782 R 1 18, 1073 ID 1 1, "
        "1340 ID 1 1, 1073 ID 1 1, 1073 ID 1 1, 1364 ID 1 2, 1341 ID 1 2, 1327 ID 1 1, 1334 ID 1 1, 127 AN 1 50, "
        "116 ID 3 15, 782 R 1 18, 1337 ID 1 1, 1360 ID 1 1"
    ),
    "SV2": (
        "234 AN 1 48, C003, 782 R 1 18, 355 ID 2 2, 380 R 1 15, 1371 R 1 10, 782 R 1 18, 1073 ID 1 1, 1345 ID 1 1, "
        "1337 ID 1 1"
    ),
    "SV3": (
        "C003!, 782 R 1 18, 1331 AN 1 2, C006, 1358 ID 1 1, 380 R 1 15, 352 AN 1 80, 1327 ID 1 1, 1360 ID 1 1, "
        "1359 ID 1 1"
    ),
    "TOO": "1270 ID 1 3, 1271 AN 1 30, C005",
    "AAA": "1073 ID 1 1!, 559 ID 2 2, 901 ID 2 2, 889 ID 1 1",
    "EB": (
        "1390 ID 1 3!, 1207 ID 3 3, 1365 ID 1 2*99, 1336 ID 1 3, 1204 AN 1 50, 615 ID 1 2, 782 R 1 18, 954 R 1 10, "
        "673 ID 2 2, 380 R 1 15, 1073 ID 1 1, 1073 ID 1 1, C003, C004"
    ),
    "STC": (
        "C043!, 373 DT 8 8, 306 ID 1 2, 782 R 1 18, 782 R 1 18, 373 DT 8 8, 591 ID 3 3, 373 DT 8 8, 429 AN 1 16, C043, "
        "C043, 933 AN 1 264"
    ),
}
WHEN: Final[Mapping[str, tuple[str, ...]]] = {
    "NM1": ("P0809", "C1110", "C1203"),
    "N4": ("C0605",),
    "PER": ("P0304", "P0506", "P0708"),
    "REF": ("R0203",),
    "PRV": ("P0203",),
    "DMG": ("P0102", "P1011"),
    "INS": ("P1112",),
    "EQ": ("R0102",),
    "HSD": ("P0102", "C0605"),
    "PWK": ("P0506",),
    "MSG": ("C0302",),
    "III": ("P0102",),
    "TOO": ("P0102",),
}
NAMES: Final = frozenset(_SEGMENTS)


@cache
def elements_of(segment: str) -> tuple[Element, ...]:
    """Return the elements of a segment in order. Raises `KeyError` for a segment that is not in `NAMES`.

    >>> elements_of("HL")[0]
    Simple(reference='628', type='AN', shortest=1, longest=12, is_needed=True, repeats=1)
    """
    return tuple(_read(text) for text in _SEGMENTS[segment].split(", "))


def _read(text: str) -> Element:
    text, _, repeats = text.partition("*")
    is_needed = text.endswith("!")
    words = text.rstrip("!").split()
    times = int(repeats or 1)
    if len(words) == 1:
        inner = _COMPOSITES[words[0]]
        return Composite(words[0], tuple(_simple(part) for part in inner.split(", ")), is_needed, times)
    return _simple(text, times)


def _simple(text: str, times: int = 1) -> Simple:
    number, kind, shortest, longest = text.rstrip("!").split()
    return Simple(number, kind, int(shortest), int(longest), text.endswith("!"), times)
