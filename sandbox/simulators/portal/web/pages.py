"""What a page is, what a skin is made of, and what a page sees of its caller.

A page is a path below `portal/web/` with a function that shows it and, where it has a form, one that takes it. Skins
are tables of pages. Must not know any page, nor how one is written.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sandbox.jsonio import Json
from sandbox.payer.config import PayerConfig
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.web import csrf
from sandbox.simulators.portal.web.forms import Form, Problems, said

ROOT = "portal/web/"
SEEN = "seen"
_ESCAPED: Final = re.compile(r"(?:~[0-9A-F]{2})+", re.ASCII)
# What no request is sent without.
REQUIRED: Final = frozenset({"patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi"})
# What the fields and parts of a request are called; a skin may have words of its own.
WORDS: Final[Mapping[str, str]] = {
    "member": "Member",
    "provider": "Ordering provider",
    "procedure": "Procedure",
    "code": "Procedure code",
    "units": "Units",
    "questions": "Clinical questions",
    "answers": "Clinical answers",
    "review": "Check the request, then submit it.",
    "submit": "Submit to the payer",
}


@dataclass(slots=True)
class Visit:
    """One call of a page by who has logged in.

    `params` are the variable parts of its path. Where a form was refused, the page is shown again with `problems`, by
    field (under "" what belongs to none), and with the `form`'s values in its fields. `status` is what it then answers.
    `data` is what the page shows as the REST would answer it, for the record.
    `back` is where a page of an error leads, and what the link says.
    """

    tx: Interaction
    request: Request
    config: PayerConfig
    skin: "Skin"
    session_id: str
    params: Mapping[str, str] = field(default_factory=dict)
    form: Form = field(default_factory=Form)
    problems: Problems = field(default_factory=dict)
    status: int = 200
    row: Json | None = None
    data: Json | None = None
    back: tuple[str, str] | None = None

    @property
    def here(self) -> str:
        """The page's path below `portal/web/`."""
        return self.request.path.removeprefix(ROOT)

    @property
    def token(self) -> str:
        """What the page's forms show, to prove where they came from."""
        return csrf.csrf_token(self.session_id, secret_of(self.tx))

    def filters(self, *names: str) -> dict[str, str]:
        """Return what is asked for in the query, empty fields left out; raises `Invalid` for what the page has not."""
        found: dict[str, str] = {}
        for name, value in self.request.query:
            if name not in names or name in found:
                problem = (
                    "Given more than once." if name in names else f"This page knows: {', '.join(names) or 'none'}."
                )
                raise invalid({name[:100]: [problem]})
            if value.strip():
                found[name] = value.strip()
        return found

    def value(self, name: str, default: str = "") -> str:
        """Return what a field holds: what was sent of it, else the default."""
        return self.form.text(name) if self.form.is_sent else default

    def refuse(self, details: Mapping[str, Sequence[str]], status: int = 422) -> None:
        """Note what is wrong with what was sent, for the page that is shown."""
        self.problems, self.status = said(details), status

    def wrote(self, row: Json) -> Json:
        """Note which case this call changed; return it."""
        self.row = row
        return row


Handler: TypeAlias = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `show` answers a look, `send` takes its form, which goes to the page's own address."""

    path: str
    show: Handler
    send: Handler | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """What the page takes."""
        return ("GET", "HEAD", "POST") if self.send is not None else ("GET", "HEAD")

    def match(self, path: str) -> dict[str, str] | None:
        """Return the variable parts of a path, None where it is no path of this page.

        >>> Page("requests/{id}/appeal", print).match("requests/req_1/appeal")
        {'id': 'req_1'}
        >>> Page("requests/{id}", print).match("requests/"), Page("home", print).match("home")
        (None, {})
        """
        wanted, given = self.path.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        found: dict[str, str] = {}
        for name, part in zip(wanted, given, strict=True):
            if name.startswith("{") and part:
                found[name[1:-1]] = read_segment(part)
            elif name != part:
                return None
        return found


def segment(text: str) -> str:
    """Write an identifier as one part of a path, whatever is in it, without what a URL would have to escape.

    >>> segment("CLM-2026_7"), segment("A/7 é")
    ('CLM-2026_7', 'A~2F7~20~C3~A9')
    """
    return re.sub(
        r"[^0-9A-Za-z_.-]", lambda m: "".join(f"~{byte:02X}" for byte in m[0].encode("utf-8", "replace")), text
    )


def read_segment(part: str) -> str:
    """Return the identifier that a part of a path holds; what was not written by `segment` is as it is.

    >>> read_segment("A~2F7~20~C3~A9"), read_segment("A~B"), read_segment("~FF")
    ('A/7 é', 'A~B', '~FF')
    """

    def read(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found[0].replace("~", "")).decode()
        except UnicodeDecodeError:
            return found[0]

    return _ESCAPED.sub(read, part)


def request_at(row: Json) -> str:
    """Return the address of a case below `portal/web/`.

    >>> request_at({"request_id": "REQ/7"})
    'requests/REQ~2F7'
    """
    return f"requests/{segment(row['request_id'])}"


def draft_at(row: Json, step: str = "") -> str:
    """Return the address of a step of a draft; without one, what they all begin with.

    >>> draft_at({"request_id": "req_1"}, "exam"), draft_at({"request_id": "req_1"})
    ('drafts/req_1/exam', 'drafts/req_1/')
    """
    return f"drafts/{segment(row['request_id'])}/{step}"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a new request: its page below the draft, what it is called, and which fields are written there."""

    name: str
    label: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skin:
    """How a portal is laid out: its pages, what its menu names, the steps of a new request, and its words for one.

    `home` is the path of the page that a log-in leads to; `new` that of a new request.
    """

    name: str
    pages: tuple[Page, ...]
    menu: tuple[tuple[str, str], ...]
    tagline: str
    home: str = "home"
    new: str = "new"
    steps: tuple[Step, ...] = ()
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)

    def after(self, step: str) -> str:
        """Return the step that follows a step."""
        names = [item.name for item in self.steps]
        return names[names.index(step) + 1]

    def step_of(self, name: str) -> str:
        """Return the step where a field is written; the first one where none is."""
        return next((step.name for step in self.steps if name in step.fields), self.steps[0].name)

    def resume(self, row: Json) -> str:
        """Return the page where a draft is gone on with: its first step that lacks what every request needs; then what
        follows that, until something was written there.

        >>> steps = (Step("member", "Member", ("patient_member_id",)), Step("exam", "Exam", ("procedure_code",)),
        ...     Step("records", "Records", ("notes",)), Step("review", "Review"))
        >>> row = {"request_id": "req_1", "patient_member_id": "M1", "procedure_code": None}
        >>> skin = Skin("radmd", (), (), "", steps=steps)
        >>> skin.resume(row), skin.resume({**row, "procedure_code": "72148"})
        ('drafts/req_1/exam', 'drafts/req_1/records')
        """
        missing = (step for step in self.steps for name in step.fields if name in REQUIRED and not row.get(name))
        step = next(missing, None)
        if step is None:
            needed = [place for place, item in enumerate(self.steps) if REQUIRED & set(item.fields)]
            further = self.steps[max(needed, default=-1) + 1 :]
            is_written = any(row.get(name) for item in further for name in item.fields)
            step = further[-1] if is_written else further[0]
        return draft_at(row, step.name)

    def find(self, path: str) -> tuple[Page, dict[str, str]] | None:
        """Return the page at a path and its variable parts."""
        for page in self.pages:
            params = page.match(path)
            if params is not None:
                return page, params
        return None


def secret_of(tx: Interaction) -> str:
    """Return the secret that tokens of this sandbox are made with."""
    return (tx.sandbox.secrets if tx.sandbox else {}).get("password", "")


def done_since(row: Json, seen: str, actions: Sequence[str]) -> list[Json]:
    """Return what was done of these since a form was made, when a case had `seen` lines of history. Whether it was this
    form that asked for it is told by what the form says.

    >>> row = {"history": [{"action": "created"}, {"action": "submitted"}, {"action": "withdrawn", "reason": "Twice"}]}
    >>> done_since(row, "2", ["withdrawn"]), done_since(row, "3", ["withdrawn"]), done_since(row, "", ["withdrawn"])
    ([{'action': 'withdrawn', 'reason': 'Twice'}], [], [])
    """
    number = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else len(row["history"])
    return [entry for entry in row["history"][number:] if entry["action"] in actions]
