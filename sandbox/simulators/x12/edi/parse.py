"""From a text to its interchanges (X12.5, X12.6 §3 and §4; 005010 TR3 appendix B and C).

The delimiters are those that ISA holds: its widths are fixed, so they stand at known places. What is wrong with an
envelope is kept with it by the code that its acknowledgment has for it; `NotX12` is raised only for what has no ISA,
and so nobody whom an acknowledgment could be written to.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from sandbox import limits, work
from sandbox.errors import Malformed, TooLarge
from sandbox.simulators.x12.edi.envelope import Group, Header, Interchange, TransactionSet
from sandbox.simulators.x12.edi.segments import Delimiters, Segment

VERSION: Final = "00501"
_WIDTHS: Final = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
ISA_CHARS: Final = 3 + sum(_WIDTHS) + len(_WIDTHS) + 1
_BLANK: Final = "\r\n\t "
_BYTE_ORDER_MARK: Final = "\ufeff"
_QUALIFIERS: Final = frozenset("01 14 20 27 28 29 30 33 ZZ".split())
_KNOWN_VERSIONS: Final = re.compile(r"00[2-7]\d\d")
_SET_NUMBER: Final = re.compile(r"[0-9A-Za-z]{4,9}", re.ASCII)
_GROUP_NUMBER: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_COUNT: Final = re.compile(r"\d{1,10}", re.ASCII)
_UNITS_PER_SEGMENT: Final = 3


class NotX12(Malformed):
    """The text has no ISA."""


class Trouble(Exception):
    """What makes an envelope unreadable: the code of TA1-05, and words for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def parse_interchanges(text: str) -> list[Interchange]:
    """Read every interchange of a text, in order; white space between them and between segments means nothing.

    Raises `NotX12`, and `TooLarge` past `limits.X12_SEGMENTS` segments or `limits.X12_INTERCHANGES` interchanges.

    >>> isa = "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          "
    >>> isa += "*260423*0900*^*00501*000000001*0*T*:~"
    >>> gs = "GS*HS*CLINIC*PAYER*20260423*0900*1*X*005010X279A1~"
    >>> [found] = parse_interchanges(isa + gs + "ST*270*0001~SE*2*0001~GE*1*1~IEA*1*000000001~")
    >>> found.problem, found.groups[0].sets[0].kind
    (None, '270')
    """
    rest = text.lstrip(_BYTE_ORDER_MARK + _BLANK)
    if not rest.startswith("ISA"):
        what = f"begins with {rest[:12]!r}" if rest else "is empty"
        raise NotX12(f"Not an X12 interchange: it must begin with an ISA segment, but it {what}.")
    found: list[Interchange] = []
    segments = 0
    while rest:
        if len(found) == limits.X12_INTERCHANGES:
            raise TooLarge(f"More than {limits.X12_INTERCHANGES} interchanges at once; send them one by one.")
        interchange, rest, count = _read_one(rest)
        segments += count
        if segments > limits.X12_SEGMENTS:
            raise TooLarge(f"More than {limits.X12_SEGMENTS:,} segments.")
        found.append(interchange)
    return found


def _read_one(text: str) -> tuple[Interchange, str, int]:
    """Read the interchange that a text begins with; return it, what follows it, and its number of segments."""
    header, delimiters = Header(()), Delimiters()
    try:
        header, delimiters = _read_header(text)
        segments, end = _segments(text, delimiters)
        work.spend(_UNITS_PER_SEGMENT * len(segments))
        if len(text[:end]) > limits.X12_INTERCHANGE_BYTES:
            raise TooLarge(f"The interchange is longer than {limits.X12_INTERCHANGE_BYTES:,} characters.")
        _check_header(header)
        interchange = _assemble(header, delimiters, segments, text[:end])
    except Trouble as trouble:
        if not header.elements:
            header = _guess_header(text)
        end = _end_of_broken(text)
        segments = ()
        interchange = Interchange(
            header, delimiters, text[:end].rstrip(_BLANK), problem=trouble.code, detail=trouble.detail
        )
    rest = text[end:].lstrip(_BLANK)
    if rest and not rest.startswith("ISA"):
        stray = f"what follows IEA is no ISA but {rest[:12]!r}"
        interchange = replace(
            interchange, groups=(), problem=interchange.problem or "024", detail=interchange.detail or stray
        )
        rest = ""
    return interchange, rest, len(segments)


def _read_header(text: str) -> tuple[Header, Delimiters]:
    """Read ISA by its fixed widths. Raises `Trouble`."""
    if len(text) < ISA_CHARS:
        raise Trouble("023", f"the text ends within ISA, which has {ISA_CHARS} characters")
    mark = text[3]
    if not _may_separate(mark):
        raise Trouble("026", f"the element separator, the character after ISA, is {mark!r}")
    elements, at = ["ISA"], 4
    for number, width in enumerate(_WIDTHS, 1):
        value = text[at : at + width]
        after = text[at + width]
        if (number < len(_WIDTHS) and after != mark) or (mark in value and number != len(_WIDTHS)):
            raise Trouble("022", f"ISA{number:02} is not {width} characters wide; ISA's elements have fixed widths")
        elements.append(value)
        at += width + 1
    delimiters = Delimiters(mark, elements[16], elements[11], text[ISA_CHARS - 1])
    return Header(tuple(elements)), _checked(delimiters, elements[12])


def _checked(delimiters: Delimiters, version: str) -> Delimiters:
    if delimiters.segment not in "\r\n" and not _may_separate(delimiters.segment):
        raise Trouble("004", f"the segment terminator, the character after ISA16, is {delimiters.segment!r}")
    if not _may_separate(delimiters.component):
        raise Trouble("027", f"the component separator, ISA16, is {delimiters.component!r}")
    if version != VERSION:
        code = "003" if _KNOWN_VERSIONS.fullmatch(version) else "017"
        raise Trouble(code, f"ISA12 is {version!r}; interchanges of version {VERSION} are read here")
    if not _may_separate(delimiters.repetition):
        raise Trouble(
            "022", f"the repetition separator, ISA11, is {delimiters.repetition!r}; 005010 has one, such as ^"
        )
    marks = [delimiters.element, delimiters.component, delimiters.repetition, delimiters.segment]
    if len(set(marks)) < len(marks):
        code = "004" if delimiters.segment in marks[:3] else "027"
        raise Trouble(code, f"one character is two delimiters: {' '.join(map(repr, marks))}")
    return delimiters


def _may_separate(mark: str) -> bool:
    return len(mark) == 1 and not mark.isalnum() and (" " < mark < "\x7f" or "\x1c" <= mark <= "\x1f")


def _check_header(header: Header) -> None:
    """Raise `Trouble` for a value of ISA that cannot be."""
    rules = (
        (1, "010", lambda v: v in ("00", "03"), "00 or 03"),
        (3, "012", lambda v: v in ("00", "01"), "00 or 01"),
        (5, "005", lambda v: v in _QUALIFIERS, "an interchange ID qualifier, such as ZZ"),
        (6, "006", bool, "who sends it"),
        (7, "007", lambda v: v in _QUALIFIERS, "an interchange ID qualifier, such as ZZ"),
        (8, "008", bool, "who is to receive it"),
        (9, "014", lambda v: _is_time(v, "%y%m%d", 6), "a date, YYMMDD"),
        (10, "015", lambda v: _is_time(v, "%H%M", 4), "a time, HHMM"),
        (13, "018", lambda v: len(v) == 9 and v.isascii() and v.isdecimal(), "nine digits"),
        (14, "019", lambda v: v in ("0", "1"), "0 or 1"),
        (15, "020", lambda v: v in ("P", "T"), "P or T"),
    )
    for position, code, is_right, wanted in rules:
        if not is_right(header.get(position)):
            raise Trouble(code, f"ISA{position:02} is {header.get(position)!r}; it must be {wanted}")


def _is_time(text: str, form: str, length: int) -> bool:
    try:
        return len(text) == length and text.isascii() and text.isdecimal() and bool(datetime.strptime(text, form))
    except ValueError:
        return False


def _segments(text: str, delimiters: Delimiters) -> tuple[tuple[Segment, ...], int]:
    """Return the segments after ISA, up to IEA, and where that ends. Raises `Trouble` where there is no IEA."""
    found: list[Segment] = []
    at = ISA_CHARS
    while at < len(text):
        end = text.find(delimiters.segment, at)
        line = text[at : end if end >= 0 else len(text)].strip(_BLANK)
        if end < 0 and line:
            raise Trouble("023", f"the text ends within a segment, {line[:12]!r}")
        at = end + 1 if end >= 0 else len(text)
        if not line:
            continue
        segment = Segment(tuple(line.split(delimiters.element)), delimiters)
        if segment.name == "ISA":
            raise Trouble("023", "another ISA comes before the IEA of this interchange")
        found.append(segment)
        if len(found) > limits.X12_SEGMENTS:
            raise TooLarge(f"More than {limits.X12_SEGMENTS:,} segments.")
        if segment.name == "IEA":
            return tuple(found), at
    raise Trouble("023", "there is no IEA")


def _assemble(header: Header, delimiters: Delimiters, segments: tuple[Segment, ...], text: str) -> Interchange:
    trailer = segments[-1]
    if trailer.get(2) != header.control_number:
        raise Trouble("001", f"IEA02 is {trailer.get(2)!r} and ISA13 is {header.control_number!r}")
    acknowledgments: list[Segment] = []
    groups: list[Group] = []
    parts = _Parts(segments[:-1])
    for segment in parts:
        if segment.name == "TA1" and not groups:
            acknowledgments.append(segment)
        elif segment.name == "GS":
            groups.append(_group(segment, parts))
        else:
            raise Trouble("024", f"{segment.name[:12]!r} stands between groups; GS opens one")
    if not _COUNT.fullmatch(trailer.get(1)) or int(trailer.get(1)) != len(groups):
        raise Trouble("021", f"IEA01 is {trailer.get(1)!r}, and there are {len(groups)} groups")
    if not groups and not acknowledgments:
        raise Trouble("024", "there is no group in it")
    numbers = [group.control_number for group in groups]
    checked = (
        replace(g, problems=(*g.problems, "19")) if g.control_number in numbers[:i] else g for i, g in enumerate(groups)
    )
    return Interchange(header, delimiters, text.rstrip(_BLANK), tuple(checked), tuple(acknowledgments))


class _Parts:
    """Segments to be taken one by one, of which the next can be looked at."""

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self._segments = segments
        self._at = 0

    def __iter__(self) -> Iterator[Segment]:
        while self._at < len(self._segments):
            self._at += 1
            yield self._segments[self._at - 1]

    @property
    def next_name(self) -> str:
        """The name of the segment to come; empty at the end."""
        return self._segments[self._at].name if self._at < len(self._segments) else ""

    def take(self) -> Segment:
        """Return the next segment."""
        self._at += 1
        return self._segments[self._at - 1]


def _group(header: Segment, parts: _Parts) -> Group:
    sets: list[TransactionSet] = []
    trailer = None
    while parts.next_name not in ("", "GS"):
        segment = parts.take()
        if segment.name == "GE":
            trailer = segment
            break
        if segment.name != "ST":
            raise Trouble("024", f"{segment.name[:12]!r} stands between transaction sets; ST opens one")
        sets.append(_set(segment, parts))
    numbers = [one.control_number for one in sets]
    checked = tuple(
        replace(s, problems=(*s.problems, "23")) if s.control_number in numbers[:i] else s for i, s in enumerate(sets)
    )
    problems = []
    if trailer is None:
        problems.append("3")
    elif trailer.get(2) != header.get(6):
        problems.append("4")
    if trailer is not None and (not _COUNT.fullmatch(trailer.get(1)) or int(trailer.get(1)) != len(sets)):
        problems.append("5")
    if not _GROUP_NUMBER.fullmatch(header.get(6)):
        problems.append("6")
    return Group(header, checked, trailer, tuple(problems))


def _set(header: Segment, parts: _Parts) -> TransactionSet:
    segments = [header]
    trailer = None
    while parts.next_name not in ("", "ST", "GE", "GS"):
        segment = parts.take()
        segments.append(segment)
        if segment.name == "SE":
            trailer = segment
            break
    problems = []
    if not re.fullmatch(r"\d{3}", header.get(1), re.ASCII):
        problems.append("6")
    if not _SET_NUMBER.fullmatch(header.get(2)):
        problems.append("7")
    if trailer is None:
        problems.append("2")
    else:
        if trailer.get(2) != header.get(2):
            problems.append("3")
        if not _COUNT.fullmatch(trailer.get(1)) or int(trailer.get(1)) != len(segments):
            problems.append("4")
    return TransactionSet(tuple(segments), trailer, tuple(problems))


def _guess_header(text: str) -> Header:
    """Return what an ISA whose widths are wrong says, as far as its separators go."""
    mark = text[3:4]
    if not _may_separate(mark):
        return Header(("ISA",))
    return Header(tuple(text[:200].split(mark)[:17]))


def _end_of_broken(text: str) -> int:
    """Return where what follows a broken interchange begins: the next ISA at the beginning of a segment."""
    found = re.search(r"[^0-9A-Za-z ][\r\n\t ]*(?=ISA[^0-9A-Za-z ])", text[3:])
    return found.end() + 3 if found is not None else len(text)
