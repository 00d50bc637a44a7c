"""From the dataset's folder `files/` to sealed collections: the initial tree, as is."""

from sandbox import limits
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError, Problem
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Seed
from sandbox.simulators.files.index import TREE
from sandbox.simulators.files.state import CONTENT, seed_rows

FOLDER = "files"


def load(dataset: Dataset | None) -> Seed:
    """Read the initial tree; without a dataset it is empty.

    Raises `DefinitionError` naming each file that cannot be in a tree.
    """
    tree: dict[str, Json] = {}
    contents: dict[str, bytes] = {}
    problems = []
    for path, content in dataset.under(FOLDER) if dataset is not None else ():
        try:
            rows, bodies = seed_rows(iter([(path, content)]))
        except SandboxError as error:
            shown = dataset.display(f"{FOLDER}/{path}") if dataset is not None else path
            problems.append(Problem(shown, 0, "", error.message))
            continue
        tree |= rows
        contents |= bodies
    total = sum(row["size"] for row in tree.values())
    if total > limits.FILE_TREE_BYTES and dataset is not None:
        message = f"the tree holds {total} bytes; it may hold {limits.FILE_TREE_BYTES}"
        problems.append(Problem(dataset.display(FOLDER), 0, "", message))
    if problems:
        raise DefinitionError(problems)
    return Seed.of({TREE: tree, CONTENT: contents})
