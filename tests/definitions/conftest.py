import pytest

from sandbox.builtin import create_registry

GOOD = """\
slug: demo
version: 1
name: Demo
environment:
  name: Clinic
  clock: 2026-04-23T09:00:00Z
  simulators:
    - {type: Files, name: Drop, dataset: clinic}
    - {type: Hl7, name: Engine}
tasks:
  - key: first
    name: First
    task_item: {instruction: Do it.}
    scenario:
      steps:
        - {action: drop_file_inbox, path: inbox/a.txt, content: hello}
    criteria:
      - label: A message was sent
        weight: 2
        assertion: {assert: hl7-structural, fields: [{path: PID.5.1, expected: Chen}]}
"""


@pytest.fixture(scope="session")
def registry():
    return create_registry()


@pytest.fixture
def home(tmp_path):
    """A directory of benchmarks and one of seeds, with one good benchmark."""
    folder = tmp_path / "playgrounds" / "demo" / "v1"
    folder.mkdir(parents=True)
    (folder / "benchmark.yaml").write_text(GOOD)
    (folder / "note.txt").write_text("from a file")
    files = tmp_path / "seeds" / "clinic" / "files"
    files.mkdir(parents=True)
    (files / "readme.txt").write_text("seeded")
    return tmp_path


@pytest.fixture
def load(home, registry):
    from sandbox.definitions.library import load_library

    def run(**options):
        return load_library([home / "playgrounds"], [home / "seeds"], registry, **options)

    return run


@pytest.fixture
def edit(home):
    def change(old, new, count=1):
        path = home / "playgrounds" / "demo" / "v1" / "benchmark.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, count))

    return change
