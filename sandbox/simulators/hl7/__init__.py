"""HL7 v2 messages in and out: the simulated interface engine."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from sandbox.definitions.datasets import Dataset
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.playground import Interaction, Sandbox
from sandbox.simulators.base import Check, ModelClass, Route, ScenarioAction, Simulator
from sandbox.simulators.hl7 import deliveries, state, tools
from sandbox.simulators.hl7.checks import HL7_STRUCTURAL
from sandbox.simulators.hl7.config import Hl7Config
from sandbox.simulators.hl7.leaves import Hl7Form
from sandbox.simulators.hl7.pathways.writing import ACTIONS as PATHWAY_STEPS
from sandbox.simulators.hl7.routes import ROUTES
from sandbox.simulators.hl7.seed import PostInbox, load_seed, post_inbox
from sandbox.simulators.hl7.tables import warm_up
from sandbox.simulators.hl7.views import VIEWS
from sandbox.simulators.leaves import Form
from sandbox.simulators.showing import Views
from sandbox.simulators.tools import Readable, Tool

__all__ = ["Hl7Simulator", "warm_up"]


class Hl7Simulator(Simulator):
    """An interface engine: it delivers messages to the agent's inbox and acknowledges what it sends."""

    type: ClassVar[str] = "Hl7"
    surface: ClassVar[str] = "hl7"
    config_model: ClassVar[ModelClass] = Hl7Config
    seed_files: ClassVar[tuple[str, ...]] = ("hl7/**",)
    minted: ClassVar[tuple[str, ...]] = (r"(?<![0-9A-Za-z])(?:APP|FAC)-[0-9A-Za-z_-]{12}",)
    form: ClassVar[Form] = Hl7Form()
    endpoints: ClassVar[Mapping[str, str]] = {"hl7_inbox": "hl7/inbox", "hl7_outbound": "hl7/outbound"}

    def warm_up(self) -> None:
        """Import the message tables of the common versions."""
        warm_up()

    @property
    def routes(self) -> Sequence[Route]:
        """Every route of the surface."""
        return ROUTES

    @property
    def collections(self) -> frozenset[str]:
        """The inbox, what was sent, and the acknowledgments."""
        return frozenset({state.INBOX, state.OUTBOUND, state.ACKS})

    def comparable(self, branch: Branch, collection: str, key: str, value: Json) -> Json:
        """Return what was sent and accepted, less what its sender gives each message anew."""
        return state.comparable(collection, value)

    @property
    def tools(self) -> Sequence[Tool]:
        """Read the inbox, send, acknowledge."""
        return tools.TOOLS

    @property
    def readables(self) -> Sequence[Readable]:
        """Messages of the inbox by id."""
        return tools.READABLE

    @property
    def checks(self) -> Sequence[Check]:
        """`hl7-structural`."""
        return (HL7_STRUCTURAL,)

    def next_moment(self, tx: Interaction) -> datetime | None:
        """Return when a message is next tried at the agent's listener again."""
        return deliveries.next_attempt_at(tx)

    @property
    def actions(self) -> Mapping[str, ScenarioAction]:
        """`post_hl7_inbox`, and the steps of pathways."""
        return {"post_hl7_inbox": ScenarioAction(PostInbox, post_inbox), **PATHWAY_STEPS}

    @property
    def views(self) -> Views:
        """Messages by segment."""
        return VIEWS

    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Parse `hl7/*.hl7` into the inbox. Raises `DefinitionError` with file and line."""
        return load_seed(dataset)

    def mint_secrets(self, mint: Callable[[str, int], str]) -> dict[str, str]:
        """Name the sandbox's own application and facility (MSH-5, MSH-6)."""
        return {"receiving_application": mint("APP-", 12), "receiving_facility": mint("FAC-", 12)}

    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return where to read and send, and in extended mode whom to address."""
        urls: dict[str, Json] = {"inbox_url": f"{root_url}/hl7/inbox", "outbound_url": f"{root_url}/hl7/outbound"}
        return urls if is_strict else {**urls, **sandbox.secrets}

    def port_credentials(self, host: str, port: int | None) -> dict[str, Json]:
        """Return where it takes messages by MLLP; there is no port before its task run is started and after its end."""
        return {"mllp_host": host, "mllp_port": port}
