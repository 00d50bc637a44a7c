"""A payer's portal for prior authorizations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.keys import PORTAL_PASSWORD_PREFIX, SMART_SECRET_PREFIX
from sandbox.payer import case_rows, determination, due, opening, seed
from sandbox.payer.config import PayerConfig, read_config
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.base import Check, ModelClass, Route, ScenarioAction, Simulator, render_json_error
from sandbox.simulators.fhir_api.client import client_id_of
from sandbox.simulators.fhir_api.outcome import render_error as render_outcome
from sandbox.simulators.fhir_api.token import SECRET, is_named
from sandbox.simulators.former_memberships import make_messy
from sandbox.simulators.leaves import Form, Person
from sandbox.simulators.portal import case_actions, checks, path_types, queries, routes, sessions, tools
from sandbox.simulators.portal.actions import SetPortal, set_portal
from sandbox.simulators.portal.fhir import routes as fhir_routes
from sandbox.simulators.portal.fhir import smart, subscribing
from sandbox.simulators.portal.fhir.terms import BASE as FHIR_BASE
from sandbox.simulators.portal.leaves import PortalForm, people
from sandbox.simulators.portal.views import VIEWS
from sandbox.simulators.portal.web import login, shell
from sandbox.simulators.portal.web import routes as web_routes
from sandbox.simulators.portal.web.pages import ROOT
from sandbox.simulators.showing import Views
from sandbox.simulators.tools import Tool
from sandbox.subscriptions import queue
from sandbox.subscriptions.home import Home

__all__ = ["PayerSimulator"]


class PayerSimulator(Simulator):
    """A payer portal such as RadMD or CoverMyMeds: members, providers, prior authorizations."""

    type: ClassVar[str] = "Payer"
    surface: ClassVar[str] = "portal"
    config_model: ClassVar[ModelClass] = PayerConfig
    endpoints: ClassVar[Mapping[str, str]] = {"portal": "portal"}
    minted: ClassVar[tuple[str, ...]] = (
        r"(?<![0-9A-Za-z])(PA|TN)\d{10}(?!\d)",
        rf"(?<![0-9A-Za-z]){sessions.USERNAME_PREFIX}[0-9A-Za-z_-]{{8}}",
    )
    seed_files: ClassVar[tuple[str, ...]] = (seed.FILE, seed.PLAN_FILE)
    has_mess: ClassVar[bool] = True
    bookkeeping: ClassVar[frozenset[str]] = frozenset({"portal/logins", "portal/sessions"})
    form: ClassVar[Form] = PortalForm()
    own_credential: ClassVar[str] = (
        "Or log in at portal/login; the session cookie it sets is enough for every call. Below portal/fhir it takes an "
        "access token of portal/fhir/token."
    )

    @cached_property
    def _routes(self) -> Sequence[Route]:
        return (*routes.routes(), *web_routes.routes(), *fhir_routes.routes())

    @property
    def routes(self) -> Sequence[Route]:
        """The portal's REST, its pages, and prior authorization over FHIR."""
        return self._routes

    @property
    def collections(self) -> frozenset[str]:
        """Members, providers, requests and what else a check can name."""
        return frozenset(f"{self.surface}/{name}" for name in path_types.COLLECTIONS)

    def comparable(self, branch: Branch, collection: str, key: str, value: Json) -> Json:
        """Return what a document says; of a case, less how it came to be saved."""
        return case_rows.comparable(value) if collection in (case_rows.REQUESTS, case_rows.DRAFTS) else value

    def people(self, branch: Branch) -> Iterable[Person]:
        """The payer's members."""
        return people(branch)

    @property
    def tools(self) -> Sequence[Tool]:
        """Look up, ask for an authorization, follow it."""
        return tools.TOOLS

    @property
    def checks(self) -> Sequence[Check]:
        """`portal-state-match`."""
        return checks.CHECKS

    @property
    def actions(self) -> Mapping[str, ScenarioAction]:
        """`set_portal`, what the payer does by a scenario, and its own delayed actions."""
        return {
            "set_portal": ScenarioAction(SetPortal, set_portal),
            "advance_case": ScenarioAction(case_actions.AdvanceCase, case_actions.advance_case),
            "deny_case": ScenarioAction(case_actions.DenyCase, case_actions.deny_case),
            "request_documents": ScenarioAction(case_actions.RequestDocuments, case_actions.request_documents),
            "decide_claim_appeal": ScenarioAction(case_actions.DecideClaimAppeal, case_actions.decide_appeal),
            determination.ACTION: ScenarioAction(determination.DetermineArguments, due.fall_due),
            sessions.ACTION: ScenarioAction(sessions.SessionEnds, sessions.session_ends),
            opening.OPEN: ScenarioAction(opening.OpenArguments, opening.open_cases),
            case_rows.LAPSE: ScenarioAction(case_rows.LapseArguments, due.lapse),
            **subscribing.ACTIONS,
        }

    @property
    def views(self) -> Views:
        """Cases and members by name."""
        return VIEWS

    def warm_up(self) -> None:
        """Read the pages' templates."""
        shell.warm_up()

    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Read `portal.yaml`; raises `DefinitionError` with file, line and key."""
        return seed.load(dataset)

    def mess(self, seed: Seed, mess: Mess) -> Seed:
        """Give members the memberships that they had before."""
        return make_messy(seed, mess)

    def mint_secrets(self, mint: Callable[[str, int], str]) -> dict[str, str]:
        """Mint the portal's one user, and the secret of the one client of its FHIR API."""
        return {
            "username": mint(sessions.USERNAME_PREFIX, 8),
            "password": mint(PORTAL_PASSWORD_PREFIX, 20),
            SECRET: mint(SMART_SECRET_PREFIX, 32),
        }

    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return where the portal is and how to log in."""
        url = f"{root_url}/portal"
        found: dict[str, Json] = {
            "portal_url": f"{url}/web/",
            "api_url": url,
            "username": sandbox.secrets["username"],
            "password": sandbox.secrets["password"],
        }
        if read_config(sandbox.config).fhir and not is_strict:
            base = f"{root_url}/{FHIR_BASE}"
            client = {"client_id": client_id_of(sandbox), SECRET: sandbox.secrets.get(SECRET, "")}
            found |= {"fhir_url": base, "token_url": f"{base}/token", **client}
        return found

    def is_known(self, tx: Interaction, request: Request) -> bool:
        """Let a session's cookie in, and a client's token where that one's API is: neither opens the other's door."""
        if smart.is_below(request.path):
            return smart.TOKENS.is_known(tx, request)
        return sessions.has_session(tx, request.headers.get("cookie"))

    @property
    def subscriptions(self) -> Home | None:
        """The answers of its FHIR API."""
        return subscribing.HOME

    def next_moment(self, tx: Interaction) -> datetime | None:
        """Return when a notification is next tried again."""
        return queue.next_attempt_at(tx, subscribing.HOME)

    def check_access(self, tx: Interaction, request: Request) -> None:
        """Keep an access token within its scopes; a session may do all."""
        if smart.is_below(request.path):
            smart.check_access(tx, request)

    def render_error(self, error: SandboxError, request: Request | None) -> Response:
        """Render an error as JSON, as a page below `portal/web/`, as an OperationOutcome below `portal/fhir`."""
        if request is not None and request.path.startswith(ROOT):
            return login.explain(error, request)
        if request is not None and smart.is_below(request.path):
            return render_outcome(error, request)
        return render_json_error(queries.worded(error))

    def is_named(self, sandbox: Sandbox, request: Request) -> bool:
        """Whether a log-in has this sandbox's user name, or a request for a token its client id."""
        if smart.is_below(request.path):
            return is_named(sandbox, request)
        named = routes.named_user(request)
        if named is None:
            return sessions.is_of(sandbox, request.headers.get("cookie"))
        return named == sandbox.secrets.get("username")
