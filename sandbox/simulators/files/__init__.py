"""A file drop, as a payer's or a clinic's SFTP server is one."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from sandbox.definitions.datasets import Dataset
from sandbox.jsonio import Json
from sandbox.keys import SFTP_PASSWORD_PREFIX
from sandbox.playground.branch import Branch, Seed
from sandbox.playground.playground import Sandbox
from sandbox.simulators.base import Check, ModelClass, Notice, Route, ScenarioAction, Simulator, notice_action
from sandbox.simulators.files import checks, routes, seed, tools
from sandbox.simulators.files.actions import DropFileInbox, PickUpFile, drop_file_inbox, pick_up_file, take_notice
from sandbox.simulators.files.config import USERNAME_PREFIX, FilesConfig
from sandbox.simulators.files.content import comparable
from sandbox.simulators.files.index import TREE
from sandbox.simulators.files.leaves import FilesForm
from sandbox.simulators.files.sftp.listener import open_wire
from sandbox.simulators.files.state import content_type_of, read_content
from sandbox.simulators.files.views import VIEWS
from sandbox.simulators.leaves import Form
from sandbox.simulators.showing import Views
from sandbox.simulators.tools import Readable, Tool
from sandbox.simulators.wires import Gate, Post, Wire

__all__ = ["FilesSimulator"]


class FilesSimulator(Simulator):
    """A tree of files that partners drop into and pick up from."""

    type: ClassVar[str] = "Files"
    surface: ClassVar[str] = "files"
    config_model: ClassVar[ModelClass] = FilesConfig
    minted: ClassVar[tuple[str, ...]] = (rf"(?<![0-9A-Za-z]){USERNAME_PREFIX}[0-9A-Za-z_-]{{8}}",)
    form: ClassVar[Form] = FilesForm()
    endpoints: ClassVar[Mapping[str, str]] = {"files_inbox": "files/inbox", "files": "files"}
    seed_files: ClassVar[tuple[str, ...]] = ("files/**",)

    @cached_property
    def _routes(self) -> Sequence[Route]:
        return routes.routes()

    @property
    def routes(self) -> Sequence[Route]:
        """Listing, download, and in extended mode upload, delete and move."""
        return self._routes

    @property
    def collections(self) -> frozenset[str]:
        """The tree."""
        return frozenset({TREE})

    def comparable(self, branch: Branch, collection: str, key: str, value: Json) -> Json:
        """Return a file's content: as JSON where it is that, else as text, else its hash; how it came says nothing."""
        if collection != TREE:
            return None
        return comparable(read_content(branch, value["sha256"]), content_type_of(key, value))

    @property
    def tools(self) -> Sequence[Tool]:
        """List, read, write, move, delete."""
        return tools.TOOLS

    @property
    def readables(self) -> Sequence[Readable]:
        """Files by their path."""
        return tools.READABLE

    @property
    def checks(self) -> Sequence[Check]:
        """`sftp-file-present`."""
        return checks.CHECKS

    @property
    def actions(self) -> Mapping[str, ScenarioAction]:
        """`drop_file_inbox`, `pick_up_file`."""
        return {
            "drop_file_inbox": ScenarioAction(DropFileInbox, drop_file_inbox),
            "pick_up_file": ScenarioAction(PickUpFile, pick_up_file),
            notice_action(self.surface): ScenarioAction(Notice, take_notice),
        }

    @property
    def views(self) -> Views:
        """Files by path."""
        return VIEWS

    def load_seed(self, dataset: Dataset | None, config: Mapping[str, Any]) -> Seed:
        """Take the dataset's folder `files/` as the initial tree; raises `DefinitionError`."""
        return seed.load(dataset)

    def mint_secrets(self, mint: Callable[[str, int], str]) -> dict[str, str]:
        """Mint the user of SFTP."""
        return {"username": mint(USERNAME_PREFIX, 8), "password": mint(SFTP_PASSWORD_PREFIX, 20)}

    def open_wire(self, gate: Gate, post: Post) -> Wire | None:
        """Listen for SFTP."""
        return open_wire(gate, post)

    def credentials(self, sandbox: Sandbox, root_url: str, is_strict: bool) -> dict[str, Json]:
        """Return where the tree is."""
        files_url = f"{root_url}/files"
        return {"root": "/", "inbox_url": f"{files_url}/inbox", "files_url": files_url}
