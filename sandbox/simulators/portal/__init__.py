"""A payer's portal for prior authorizations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.keys import PORTAL_PASSWORD_PREFIX
from sandbox.payer import case_rows, determination, due, seed
from sandbox.payer.config import PayerConfig
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.base import Check, ModelClass, Route, ScenarioAction, Simulator, render_json_error
from sandbox.simulators.former_memberships import make_messy
from sandbox.simulators.leaves import Form, Person
from sandbox.simulators.portal import case_actions, checks, path_types, queries, routes, sessions, tools
from sandbox.simulators.portal.actions import SetPortal, set_portal
from sandbox.simulators.portal.leaves import PortalForm, people
from sandbox.simulators.portal.views import VIEWS
from sandbox.simulators.showing import Views
from sandbox.simulators.tools import Tool

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
    own_credential: ClassVar[str] = "Or log in at portal/login; the session cookie it sets is enough for every call."

    @cached_property
    def _routes(self) -> Sequence[Route]:
        return routes.routes()

    @property
    def routes(self) -> Sequence[Route]:
        """The portal's REST."""
        return self._routes

    @property
    def collections(self) -> frozenset[str]:
        """Members, providers, requests and what else a check can name."""
        return frozenset(f"{self.surface}/{name}" for name in path_types.COLLECTIONS)

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
            case_rows.LAPSE: ScenarioAction(case_rows.LapseArguments, due.lapse),
        }

    @property
    def views(self) -> Views:
        """Cases and members by name."""
        return VIEWS

    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Read `portal.yaml`; raises `DefinitionError` with file, line and key."""
        return seed.load(dataset)

    def mess(self, seed: Seed, mess: Mess) -> Seed:
        """Give members the memberships that they had before."""
        return make_messy(seed, mess)

    def mint_secrets(self, mint: Callable[[str, int], str]) -> dict[str, str]:
        """Mint the portal's one user."""
        return {"username": mint(sessions.USERNAME_PREFIX, 8), "password": mint(PORTAL_PASSWORD_PREFIX, 20)}

    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return where the portal is and how to log in."""
        url = f"{root_url}/portal"
        return {
            "portal_url": url,
            "api_url": url,
            "username": sandbox.secrets["username"],
            "password": sandbox.secrets["password"],
        }

    def is_known(self, tx: Interaction, request: Request) -> bool:
        """Let a session's cookie in."""
        return sessions.has_session(tx, request.headers.get("cookie"))

    def render_error(self, error: SandboxError, request: Request | None) -> Response:
        """Render an error as JSON; a refusal says which calls are possible, as this REST names them."""
        return render_json_error(queries.worded(error))

    def is_named(self, sandbox: Sandbox, request: Request) -> bool:
        """Whether a log-in has this sandbox's user name."""
        named = routes.named_user(request)
        if named is None:
            return sessions.is_of(sandbox, request.headers.get("cookie"))
        return named == sandbox.secrets.get("username")
