"""A clearinghouse: X12 005010 eligibility, claim status and services review, from the payer's own records."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sandbox.definitions.datasets import Dataset
from sandbox.definitions.mess import Mess
from sandbox.jsonio import Json
from sandbox.payer import seed as payer_seed
from sandbox.playground.branch import Seed
from sandbox.playground.playground import Sandbox
from sandbox.simulators.base import Check, ModelClass, Route, Simulator
from sandbox.simulators.former_memberships import make_messy
from sandbox.simulators.leaves import Form
from sandbox.simulators.showing import Views
from sandbox.simulators.tools import Tool
from sandbox.simulators.x12 import state, tools
from sandbox.simulators.x12.asking import RECEIVER
from sandbox.simulators.x12.checks import X12_RESPONSE
from sandbox.simulators.x12.config import ClearinghouseConfig, read_config
from sandbox.simulators.x12.leaves import X12Form
from sandbox.simulators.x12.routes import ROUTES
from sandbox.simulators.x12.views import VIEWS

__all__ = ["ClearinghouseSimulator"]


class ClearinghouseSimulator(Simulator):
    """A clearinghouse, for the payer of the same environment.

    Members, claims and cases are those of the environment's `Payer`. Where there is none, or with the same dataset, it
    reads them itself.
    """

    type: ClassVar[str] = "Clearinghouse"
    aliases: ClassVar[tuple[str, ...]] = ("X12",)
    surface: ClassVar[str] = "clearinghouse"
    surface_aliases: ClassVar[tuple[str, ...]] = ("x12",)
    config_model: ClassVar[ModelClass] = ClearinghouseConfig
    is_run_scoped_upstream: ClassVar[bool] = False
    endpoints: ClassVar[Mapping[str, str]] = {}
    extension_endpoints: ClassVar[Mapping[str, str]] = {"x12": "clearinghouse"}
    seed_files: ClassVar[tuple[str, ...]] = (payer_seed.FILE, payer_seed.PLAN_FILE)
    has_mess: ClassVar[bool] = True
    # What was asked changes nothing; what a 278 does is a case of the payer's.
    bookkeeping: ClassVar[frozenset[str]] = frozenset({state.TRANSACTIONS, state.INTERCHANGES})
    form: ClassVar[Form] = X12Form()

    @property
    def routes(self) -> Sequence[Route]:
        """Every route of the surface."""
        return ROUTES

    @property
    def collections(self) -> frozenset[str]:
        """What was answered, and the interchanges of both sides."""
        return frozenset({state.TRANSACTIONS, state.INTERCHANGES})

    @property
    def tools(self) -> Sequence[Tool]:
        """Ask for eligibility, claims and authorizations; send interchanges."""
        return tools.TOOLS

    @property
    def checks(self) -> Sequence[Check]:
        """`x12-response`."""
        return (X12_RESPONSE,)

    @property
    def views(self) -> Views:
        """Interchanges by segment."""
        return VIEWS

    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Begin with nothing sent; with a dataset, read the payer's records. Raises `DefinitionError`."""
        own = Seed.of({state.TRANSACTIONS: {}, state.INTERCHANGES: {}})
        return own if dataset is None else own.merged(payer_seed.load(dataset))

    def mess(self, seed: Seed, mess: Mess) -> Seed:
        """Make the payer's records as messy as the payer's portal shows them."""
        return make_messy(seed, mess)

    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return where to send, where answers are read, and whom to address."""
        url = f"{root_url}/{self.surface}"
        named = read_config(sandbox.config)
        return {
            "submission_url": f"{url}/transactions",
            "responses_url": f"{url}/transactions",
            "eligibility_url": f"{url}/eligibility",
            "receiver_id": named.receiver_id or RECEIVER,
            **({} if named.payer_id is None else {"payer_id": named.payer_id}),
        }
