"""What a page is, what a skin is made of, and what a page sees of its caller.

A page is a path below `portal/web/` with a function that shows it and, where it has a form, one that takes it. Skins
are tables of pages. Must not know any page, nor how one is written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sandbox.jsonio import Json
from sandbox.payer.config import PayerConfig
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.web import csrf
from sandbox.simulators.portal.web.forms import Form, Problems, said

ROOT = "portal/web/"
SEEN = "seen"


@dataclass(slots=True)
class Visit:
    """One call of a page by who has logged in.

    `params` are the variable parts of its path. Where a form was refused, the page is shown again with `problems`, by
    field (under "" what belongs to none), and with the `form`'s values in its fields. `status` is what it then answers.
    `data` is what the page shows as the REST would answer it, for the record.
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
                found[name[1:-1]] = part
            elif name != part:
                return None
        return found


@dataclass(frozen=True, slots=True)
class Skin:
    """How a portal is laid out: its pages, what its menu names, and its words for a request.

    `home` is the path of the page that a log-in leads to; `new` that of a new request; `resume` returns where a draft
    is gone on with.
    """

    name: str
    pages: tuple[Page, ...]
    menu: tuple[tuple[str, str], ...]
    tagline: str
    home: str = "home"
    new: str = "new"
    resume: Callable[[Json], str] = lambda row: f"drafts/{row['request_id']}/review"

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


def was_sent_before(row: Json, seen: str, actions: Sequence[str]) -> bool:
    """Tell whether a form that was made when a case had `seen` lines of history was taken already: what came next in
    the history is what the form asks for.

    >>> row = {"history": [{"action": "created"}, {"action": "submitted"}, {"action": "withdrawn"}]}
    >>> was_sent_before(row, "2", ["withdrawn"]), was_sent_before(row, "3", ["withdrawn"])
    (True, False)
    """
    number = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else len(row["history"])
    since = row["history"][number:]
    return bool(since) and since[0]["action"] in actions
