"""What a simulator is: the one interface that all of them have.

A simulator's package holds `__init__.py` (its `Simulator`), `state.py` (rules on the branch),
`routes.py` (wire to call, result to wire), `tools.py` (calls for a model that calls tools), `checks.py` and `seed.py`,
and `views.py` where it has bodies of its own to show. It never imports a sibling.
All of its state is in the branch, in collections named `<surface>/<name>`. A name that begins with
`_` (`fhir/_history`) is bookkeeping: `state-unchanged` does not look at it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias

from pydantic import BaseModel

from sandbox import limits
from sandbox.definitions.assertions import Assertion, StrictModel
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.definitions.problems import Problem
from sandbox.errors import SandboxError
from sandbox.globs import could_match
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Document, Seed
from sandbox.playground.events import Event, Request, Response, Via
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.simulators.leaves import Form, Person
from sandbox.simulators.showing import PLAIN, Views
from sandbox.simulators.tools import Readable, Tool
from sandbox.simulators.vocabulary import Finding, PathTyper, Surroundings, no_findings
from sandbox.simulators.wires import Gate, Post, Wire
from sandbox.subscriptions.home import Home
from sandbox.suggest import did_you_mean

ModelClass: TypeAlias = type[BaseModel]
RouteHandler = Callable[[Interaction, Request], Response]
Access: TypeAlias = Literal["credential", "document", "door", "organization"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server outside answered; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetch(Protocol):
    """Sends one HTTP request to a server outside of this process; simulators never open connections."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        own_headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> Fetched:
        """Return the answer, whatever its status; redirects are not followed.

        `own_headers` come from a definition and win over the caller's `headers`; in them `${NAME}` stands
        for an environment variable of the server. Raises `BadGateway`, `GatewayTimeout`.
        """
        ...


Forwarding = Callable[[Request, Sandbox, Fetch], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route below a surface root, for example `GET hl7/inbox` or `* fhir/{path:.*}`.

    `handler` is synchronous and runs as one interaction. `is_upstream` is False for what only the
    extended mode offers. `redact` names top-level JSON fields of the request body that must not be
    recorded. `forward` comes before the interaction where the sandbox has a configuration: it asks a server outside
    for the answer, which is `request.forwarded` unless it is None.

    `access` says what a caller must show: a `credential` of the playground; nothing, for a `document`, which is an
    event only of who shows one all the same; nothing at a `door`, where the request itself carries what is to be
    proved (a log-in); the `organization`'s key, and the route is there on the direct paths only. `render` is
    for the errors of a route that has a format of its own. `takes_content` says that the body is what is kept, to the
    byte, whatever type it has. `via` is how calls come in that came by plain HTTP.
    `file` answers what is the same for everyone: it is asked without a playground, and is never an event.
    """

    method: str
    path: str
    handler: RouteHandler
    event_type: str
    summary: str
    is_upstream: bool = True
    redact: tuple[str, ...] = ()
    body_limit: int = limits.REQUEST_BODY_BYTES
    forward: Forwarding | None = None
    access: Access = "credential"
    render: Callable[[SandboxError], Response] | None = None
    takes_content: bool = False
    via: Via = "http"
    file: Callable[[Request], Response] | None = None


@dataclass(frozen=True, slots=True)
class ScenarioAction:
    """A scenario step: its arguments and what it does. The step's name is the key in `actions`."""

    model: type[BaseModel]
    run: Callable[[Interaction, Any], None]


@dataclass(frozen=True, slots=True)
class View:
    """What a check may read: the final state, the state at the start, the events, the output; and, where it is kept
    and not stale, what the reference solution changed (`definitions/solution_states.py`)."""

    branch: Branch
    baseline: Branch
    events: Sequence[Event]
    sandboxes: Sequence[Sandbox]
    output: Json
    now: datetime
    solution: Json = None

    def new_keys(self, collection: str) -> frozenset[str]:
        """Return the keys of a collection whose documents were made or changed since the start."""
        before = self.baseline.overlay_of(collection)
        changed = self.branch.overlay_of(collection).items()
        return frozenset(k for k, entry in changed if isinstance(entry, Document) and entry is not before.get(k))


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a check asks of what it selects, and how a candidate stands to it.

    `mode` is that of a field expectation, and `expected` is written as its evidence writes it:
    the value itself, or `{mode: …}`.
    """

    path: str
    expected: Json
    actual: Json
    passed: bool
    mode: str = "expected"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something a check could have selected and did not. `is_new`: made or changed since the start."""

    label: str
    conditions: tuple[Condition, ...]
    is_new: bool = True


def _no_candidates() -> Iterable[Candidate]:
    return ()


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing a check selected, to be compared with the assertion's fields.

    `label` names it for people (`Appointment/01JC…`). `values_at` returns the values at a path,
    an empty list for a missing path, several where a wildcard matched more than one; None means
    that `value` is plain JSON read by dotted paths. `text` is what phrases are looked for in.
    """

    label: str
    value: Json = None
    values_at: Callable[[str], list[Json]] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What a check found, best first. `sought` completes the sentence "found no …".

    `candidates` is asked only when nothing was found and that is a failure: everything that could
    have been meant, the likeliest first; it is read as far as `scoring/nearest.py` looks. `kind`
    names one of them for people. Without a kind there is nothing that could come near.
    `problem` says what could not be evaluated on it; then the check fails, whatever else holds. `doubt` says what was
    found and could not be read; then the check fails where it would pass for want of that.
    """

    sought: str
    subjects: tuple[Subject, ...]
    evidence: Mapping[str, Json] = field(default_factory=dict)
    kind: str = ""
    candidates: Callable[[], Iterable[Candidate]] = _no_candidates
    problem: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check: how an assertion is written and how its subjects are found.

    Comparing the subjects with `fields` (or `assertions`), `count`, `absent`, `contains` is done by
    the scoring engine for all checks alike. `results_key` and `matched_key` name the evidence;
    `matched` and a `matched_key` ending in `s` hold the labels of all subjects, any other the label
    of the one that was compared. A selection's own `evidence` is added, and wins over these.

    `picks` says which subject is compared: the `first`; the `best`, which satisfies the most fields
    and phrases, the first of equals; or `any`: as `best`, and each phrase may be in any subject.
    Phrases are looked for to the letter, or loosely with `has_fuzzy_phrases`.

    `path_type` says what may lie at a path of `fields`, and `inspect` what else is wrong with an assertion
    that a definition holds; neither is asked when a run is scored.
    """

    name: str
    model: type[Assertion]
    select: Callable[[Any, View], Selection]
    results_key: str = "field_results"
    matched_key: str = "matched"
    is_upstream: bool = True
    picks: Literal["first", "best", "any"] = "first"
    has_fuzzy_phrases: bool = False
    path_type: PathTyper | None = None
    inspect: Callable[[Any, Surroundings], Iterable[Finding]] = no_findings


class Notice(StrictModel):
    """Something that one system tells the people of the clinic: a one-time code, a letter."""

    subject: str
    text: str


# Where a notice is taken, the best place first; the simulator there has an action `<surface>.take_notice`.
_NOTICE_PLACES: Final = ("messages", "files")


def send_notice(tx: Interaction, notice: Notice) -> str | None:
    """Send a notice to the system of the playground that takes notices; return its surface, None where there is none.

    It arrives at once, as an event of its own after the present one.
    """
    for surface in _NOTICE_PLACES:
        if tx.sandbox_of(surface) is not None:
            tx.schedule(notice_action(surface), notice.model_dump(mode="json"), after_s=0)
            return surface
    return None


def notice_action(surface: str) -> str:
    """Return the name of the action by which a simulator takes notices.

    >>> notice_action("files")
    'files.take_notice'
    """
    return f"{surface}.take_notice"


class EmptyConfig(StrictModel):
    """A simulator without configuration."""


class Simulator(ABC):
    """One kind of healthcare system that an environment can contain. Stateless: one instance serves
    every playground.

    `surface_aliases` are other names of its surface in paths: what comes in under one is as if under its own.
    `own_credential` names, for error messages, what its log-in gives; `seed_files` are globs of the
    files of a dataset that it reads; `minted` are patterns of what it mints beside ids of 26 characters; `has_mess`
    says that `mess` does something; `form` is how the values of its requests are found and varied.
    """

    type: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    surface: ClassVar[str]
    surface_aliases: ClassVar[tuple[str, ...]] = ()
    config_model: ClassVar[ModelClass] = EmptyConfig
    is_run_scoped_upstream: ClassVar[bool] = True
    endpoints: ClassVar[Mapping[str, str]]
    extension_endpoints: ClassVar[Mapping[str, str]] = {}
    bookkeeping: ClassVar[frozenset[str]] = frozenset()
    minted: ClassVar[tuple[str, ...]] = ()
    seed_files: ClassVar[tuple[str, ...]] = ()
    own_credential: ClassVar[str] = ""
    form: ClassVar[Form] = Form()
    has_mess: ClassVar[bool] = False

    @property
    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Every route of the surface."""

    @property
    def tools(self) -> Sequence[Tool]:
        """What a model that calls tools is offered; each is a way to say a request to one of the routes."""
        return ()

    @property
    def readables(self) -> Sequence[Readable]:
        """What can be read by an address of its own."""
        return ()

    @property
    def checks(self) -> Sequence[Check]:
        """The checks that read this simulator's state."""
        return ()

    @property
    def collections(self) -> frozenset[str]:
        """The names of the collections that its state has, less bookkeeping (`_…`); none where they are open."""
        return frozenset()

    def find_path_problem(self, glob: str) -> str | None:
        """Return why no request to this surface can have a path that matches a glob, None when one can."""
        templates = sorted({route.path for route in self.routes})
        if any(could_match(glob, template) for template in templates):
            return None
        return f"no request has such a path{did_you_mean(glob, templates)}"

    def comparable(self, branch: Branch, collection: str, key: str, value: Json) -> Json:
        """Return what a document says, less what two runs that did the same never share; None for nothing.

        Minted ids and times may stay: they are compared as such.
        """
        return value

    def people(self, branch: Branch) -> Iterable[Person]:
        """Return whose records this system holds."""
        return ()

    @property
    def actions(self) -> Mapping[str, ScenarioAction]:
        """The scenario steps this simulator understands, and its own delayed actions."""
        return {}

    @property
    def subscriptions(self) -> Home | None:
        """What it lends to the rules of FHIR Subscriptions, where it has any."""
        return None

    @abstractmethod
    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Parse and validate the dataset's share of this simulator into sealed collections.

        Raises `DefinitionError` with file and line.
        """

    def mess(self, seed: Seed, mess: Mess) -> Seed:
        """Return a seed made as messy as is said, sealed like the one given; that one, unless there are rules for it.

        What it adds and takes away is data alone, valid as any seed, and never what the definition names.
        """
        return seed

    @property
    def views(self) -> Views:
        """How its bodies and documents are shown to people."""
        return PLAIN

    def warm_up(self) -> None:
        """Load what the first request would otherwise wait for; called once, on a thread, at start."""
        return

    def inspect_seed(self, dataset: Dataset) -> Sequence[Problem]:
        """Look closer at a dataset that loads than loading does; for `sandbox check`."""
        return ()

    def mint_secrets(self, mint: Callable[[str, int], str]) -> dict[str, str]:
        """Return the secrets of one sandbox; `mint(prefix, length)` makes one that nobody can guess.

        They are no part of the branch, and nothing made of them may be: two runs of one seed have the same state.
        """
        return {}

    @abstractmethod
    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return what an agent needs to connect; `root_url` is the absolute surface root."""

    def port_credentials(self, host: str, port: int | None) -> dict[str, Json]:
        """Return how to reach the sandbox beside HTTP; `port` is its own one, None while none is open."""
        return {}

    def open_wire(self, gate: Gate, post: Post) -> Wire | None:
        """Open the way in that is no HTTP, where this simulator has one; called once, when the server starts.

        Raises `WireError`.
        """
        return None

    def is_known(self, tx: Interaction, request: Request) -> bool:
        """Whether a request carries what this sandbox itself gave out: an access token, a session's cookie.

        Reads only, and never the body. Raises `Unauthorized` for what was good once, saying why it is not any more.
        """
        return False

    def holds_state(self, sandbox: Sandbox) -> bool:
        """Whether what is done here stays in the playground, and not on a server outside."""
        return True

    def next_moment(self, tx: Interaction) -> datetime | None:
        """Return when something happens here by itself that is no step of the playground's; None for nothing."""
        return None

    def check_access(self, tx: Interaction, request: Request) -> None:
        """Raise `Forbidden` where the credential found by `is_known` does not allow the request; reads only."""
        return

    def is_named(self, sandbox: Sandbox, request: Request) -> bool:
        """Whether a log-in names this sandbox: which one is meant where several stand behind one door."""
        return False

    async def before_scoring(
        self, playground: Playground, sandbox: Sandbox, assertions: Iterable[Assertion], fetch: Fetch
    ) -> None:
        """Bring into the record what checks would have to ask a server outside.

        Checks are pure and read what is recorded; this runs once, when a task run is completed, and
        records by `playground.interact`. `assertions` are the task's, with their entities' values.
        """
        return

    def render_error(self, error: SandboxError, request: Request | None) -> Response:
        """Render an error in this surface's own format: as JSON, unless it has another.

        Of a request that did not come to a route `request` has method and path alone.
        """
        return render_json_error(error)


def render_json_error(error: SandboxError, request_id: str | None = None) -> Response:
    """Render an error as `{"error": {code, message, details?, request_id?}}`, with the headers it asks for."""
    body: dict[str, Json] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = {name: list(messages) for name, messages in error.details.items()}
    if request_id is not None:
        body["request_id"] = request_id
    return replace(Response.of_json({"error": body}, error.status), headers=error.headers)
