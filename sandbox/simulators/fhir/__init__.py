"""FHIR R4 (4.0.1): an EHR's REST API over the playground's branch.

`state.py` and `history.py` hold the rules of the store: one resource, and its versions. `rest/` has the RESTful
interactions on it, `bundles/` batches and transactions, `patch/` the forms of PATCH, `operations/` what begins
with `$`, `search/` the searches, `validation/` what a receiver would refuse, `smart/` tokens and scopes, `mess/`
what makes seeds messy, `proxy/` the same surface in front of another server, `terms/` the readings of R4 that all of
these share; `subscriptions.py` says whom to notify. `table.py` puts together what is served, `routes.py` is the wire.
For scores: `checks.py`, its vocabulary in `path_types.py`, its near misses in `nearness.py`, what FHIRPath sees in
`fhirpath.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sandbox import limits
from sandbox.definitions.assertions import Assertion
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.errors import SandboxError
from sandbox.globs import compile_glob
from sandbox.jsonio import Json
from sandbox.keys import SMART_SECRET_PREFIX
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.r4.model import resource_types
from sandbox.r4.validation import structures
from sandbox.simulators.base import Check, Fetch, ModelClass, Route, ScenarioAction, Simulator
from sandbox.simulators.fhir import proxy, routes, seed, tools
from sandbox.simulators.fhir.actions import ACTIONS
from sandbox.simulators.fhir.checks import FHIR_RESOURCE_STATE, searches_of
from sandbox.simulators.fhir.leaves import FhirForm, people
from sandbox.simulators.fhir.mess import make_messy
from sandbox.simulators.fhir.rest.address import SYSTEM
from sandbox.simulators.fhir.smart.tokens import TOKENS, check_access
from sandbox.simulators.fhir.subscriptions import HOME
from sandbox.simulators.fhir.table import CAPABILITY
from sandbox.simulators.fhir.terms.names import SURFACE, collection_of
from sandbox.simulators.fhir.terms.server_meta import without_server_meta
from sandbox.simulators.fhir.views import VIEWS
from sandbox.simulators.fhir_api import outcome
from sandbox.simulators.fhir_api.client import client_id_of
from sandbox.simulators.fhir_api.token import SECRET, is_named, render_oauth
from sandbox.simulators.leaves import Form, Person
from sandbox.simulators.showing import Views
from sandbox.simulators.tools import Readable, Tool
from sandbox.subscriptions import queue
from sandbox.subscriptions.home import Home
from sandbox.suggest import did_you_mean

EVENT_TYPE = "fhir_request"


def _interactions(path: str, summary: str) -> Route:
    return Route("*", path, routes.handle, EVENT_TYPE, summary, forward=proxy.forward)


class FhirSimulator(Simulator):
    """An EHR with a FHIR R4 API."""

    type = "Fhir"
    surface = SURFACE
    config_model: ClassVar[ModelClass] = proxy.FhirConfig
    form: ClassVar[Form] = FhirForm()
    endpoints = {"fhir": "fhir"}
    seed_files = ("fhir/**",)
    has_mess = True
    own_credential = (
        "Or get an access token at fhir/token with the client_id and client_secret of the sandbox's credentials."
    )

    @property
    def routes(self) -> Sequence[Route]:
        """Both statements of what is served are for everyone, a token is to log in for; all else is one dispatch."""
        return (
            Route(
                "GET",
                "fhir/.well-known/smart-configuration",
                TOKENS.configuration,
                EVENT_TYPE,
                "SMART discovery",
                access="document",
            ),
            Route(
                "GET",
                "fhir/metadata",
                routes.handle,
                EVENT_TYPE,
                "CapabilityStatement",
                forward=proxy.forward,
                access="document",
            ),
            Route(
                "*",
                "fhir/token",
                TOKENS.token,
                EVENT_TYPE,
                "SMART token",
                redact=(SECRET, "client_assertion"),
                body_limit=limits.LOGIN_BODY_BYTES,
                access="door",
                render=render_oauth,
            ),
            Route(
                "POST",
                "fhir/smart-client",
                TOKENS.register,
                EVENT_TYPE,
                "Register the SMART client's public keys",
                is_upstream=False,
                access="organization",
            ),
            _interactions("fhir", "FHIR system interactions"),
            _interactions("fhir/{path:.*}", "FHIR interactions"),
        )

    @property
    def collections(self) -> frozenset[str]:
        """One for each resource type."""
        return frozenset(map(collection_of, resource_types()))

    def find_path_problem(self, glob: str) -> str | None:
        """Return why no request can have a path that matches a glob: below the base stands a type or an operation."""
        steps = glob.split("/")
        if len(steps) < 2 or "**" in steps[:2]:
            return super().find_path_problem(glob)
        own = {route.path.split("/")[1] for route in self.routes if "/" in route.path and "{" not in route.path}
        known = [*resource_types(), *SYSTEM, *own]
        if steps[1].startswith("$") or any(compile_glob(steps[1]).full_match(name) for name in known):
            return None
        return f"{steps[1]} is no resource type{did_you_mean(steps[1], known)}"

    def comparable(self, branch: Branch, collection: str, key: str, value: Json) -> Json:
        """Leave out what the server writes on every update."""
        return without_server_meta(value)

    def people(self, branch: Branch) -> Iterable[Person]:
        """Everybody who has a chart."""
        return people(branch)

    @property
    def tools(self) -> Sequence[Tool]:
        """Search, read and write."""
        return tools.TOOLS

    @property
    def readables(self) -> Sequence[Readable]:
        """Resources by type and id."""
        return tools.READABLE

    @property
    def checks(self) -> Sequence[Check]:
        """`fhir-resource-state`."""
        return (FHIR_RESOURCE_STATE,)

    @property
    def actions(self) -> Mapping[str, ScenarioAction]:
        """`put_fhir`, `delete_fhir`."""
        return ACTIONS

    @property
    def views(self) -> Views:
        """Resources by name, references as links."""
        return VIEWS

    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Load `fhir/*.json` and `fhir/*.ndjson`; a proxy has none, its data is the upstream's."""
        if dataset is not None and proxy.is_proxied(config):
            message = "a FHIR simulator with config.upstream takes no dataset: what it serves is its upstream's"
            raise DefinitionError.at(f"seeds/{dataset.name}", message)
        return seed.load_seed(dataset, config)

    def mess(self, seed: Seed, mess: Mess) -> Seed:
        """Make the charts as messy as those of a clinic become over the years."""
        return make_messy(seed, mess)

    def warm_up(self) -> None:
        """Read R4's definitions, compile every resource type, put the CapabilityStatement together."""
        for name in resource_types():
            structures.structure(name)
        CAPABILITY.prepare()

    def inspect_seed(self, dataset: Dataset) -> Sequence[Problem]:
        """Return what an independent implementation finds wrong in a dataset."""
        return seed.deep_check(dataset)

    @property
    def subscriptions(self) -> Home | None:
        """Its store."""
        return HOME

    def next_moment(self, tx: Interaction) -> datetime | None:
        """Return when a notification is next tried again."""
        return queue.next_attempt_at(tx, HOME)

    def is_known(self, tx: Interaction, request: Request) -> bool:
        """Let SMART access tokens in."""
        return TOKENS.is_known(tx, request)

    def holds_state(self, sandbox: Sandbox) -> bool:
        """A proxy holds nothing."""
        return not proxy.is_proxied(sandbox.config)

    def check_access(self, tx: Interaction, request: Request) -> None:
        """Keep an access token within its scopes."""
        check_access(tx, request)

    def is_named(self, sandbox: Sandbox, request: Request) -> bool:
        """Whether a token request has this sandbox's client id."""
        return is_named(sandbox, request)

    def mint_secrets(self, mint: Callable[[str, int], str]) -> dict[str, str]:
        """Mint the SMART client's secret."""
        return {SECRET: mint(SMART_SECRET_PREFIX, 32)}

    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return the base URL and the SMART client."""
        return {
            "fhir_base_url": f"{root_url}/{SURFACE}",
            "token_url": f"{root_url}/{SURFACE}/token",
            "client_id": client_id_of(sandbox),
            SECRET: sandbox.secrets.get(SECRET, ""),
        }

    async def before_scoring(
        self, playground: Playground, sandbox: Sandbox, assertions: Iterable[Assertion], fetch: Fetch
    ) -> None:
        """Ask the upstream of a proxy what the checks search for."""
        if proxy.is_proxied(sandbox.config):
            await proxy.observe(playground, sandbox, searches_of(assertions), fetch)

    def render_error(self, error: SandboxError, request: Request | None) -> Response:
        """Render an error as an OperationOutcome."""
        return outcome.render_error(error, request)


__all__ = ["FhirSimulator"]
