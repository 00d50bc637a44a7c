"""The initial tree."""

import pytest

from sandbox import limits
from sandbox.definitions.datasets import Dataset
from sandbox.definitions.problems import DefinitionError
from sandbox.playground.playground import Sandbox
from sandbox.simulators.files import FilesSimulator, state


def test_only_the_folder_files_is_taken():
    seed = FilesSimulator().load_seed(
        Dataset("d", {"files/inbox/a": b"x", "fhir/p.json": b"{}", "portal.yaml": b""}), {}
    )
    assert list(seed.collections[state.TREE]) == ["inbox/a"]


def test_without_a_dataset_the_tree_is_empty():
    assert len(FilesSimulator().load_seed(None, {}).collections[state.TREE]) == 0


def test_every_unsafe_file_is_named(monkeypatch):
    monkeypatch.setattr(limits, "FILE_BYTES", 3)
    files = {"files/inbox": b"x", "files/a\\b": b"x", "files/big": b"xxxx", "files/ok": b"x"}
    with pytest.raises(DefinitionError) as caught:
        FilesSimulator().load_seed(Dataset("d", files), {})
    assert [problem.file for problem in caught.value.problems] == [
        "seeds/d/files/inbox",
        "seeds/d/files/a\\b",
        "seeds/d/files/big",
    ]


def test_a_tree_past_its_limit(monkeypatch):
    monkeypatch.setattr(limits, "FILE_TREE_BYTES", 3)
    FilesSimulator().load_seed(Dataset("d", {"files/a": b"xxx"}), {})
    with pytest.raises(DefinitionError):
        FilesSimulator().load_seed(Dataset("d", {"files/a": b"xx", "files/b": b"yy"}), {})


def test_credentials():
    sandbox = Sandbox("sb", "sim", "Files", "Drop", "files", {}, {})
    assert FilesSimulator().credentials(sandbox, "http://h/v1/benchmark-runs/br", False) == {
        "root": "/",
        "inbox_url": "http://h/v1/benchmark-runs/br/files/inbox",
        "files_url": "http://h/v1/benchmark-runs/br/files",
    }
