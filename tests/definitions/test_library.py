"""Definitions: loaded whole or not at all, and every mistake has a file, a line and a key."""

import base64

import pytest

from sandbox.definitions.models import thaw
from sandbox.definitions.problems import DefinitionError
from sandbox.errors import Malformed, NotFound

FILE = "playgrounds/demo/v1/benchmark.yaml"


def test_a_good_benchmark_loads(load):
    benchmark = load().find("demo@1")
    assert benchmark.definition.reference == "demo@1"
    assert benchmark.seed.collections["files/tree"]
    assert not benchmark.warnings


def test_json_is_read_too(load, home):
    folder = home / "playgrounds" / "demo" / "v1"
    text = (
        '{"slug": "demo", "version": 1, "name": "Demo", "environment": {"name": "E", "simulators": '
        '[{"type": "files", "name": "Drop"}]}, "tasks": [{"key": "a", "name": "A"}]}'
    )
    (folder / "benchmark.yaml").unlink()
    (folder / "benchmark.json").write_text(text)
    assert load().find("demo").definition.tasks[0].key == "a"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("name: Demo", "nam: Demo", 3, "nam", "unknown key"),
        ("name: Demo", "", 1, "name", "is required"),
        ("version: 1", "version: one", 2, "version", "valid integer"),
        ("version: 1", "version: 2", 2, "version", "folder v1/"),
        ("slug: demo", "slug: other", 1, "slug", "folder demo/"),
        ("slug: demo", "slug: Demo", 1, "slug", "pattern"),
        ("type: Files", "type: Fils", 8, "environment.simulators.0.type", 'no simulator type "Fils"'),
        ("type: Hl7", "type: sftp", 9, "environment.simulators.1.type", 'no simulator type "sftp"'),
        ("type: Hl7", "type: files", 9, "environment.simulators.1.type", "already serves the surface files"),
        ("dataset: clinic", "dataset: clinics", 8, "environment.simulators.0.dataset", 'no dataset "clinics"'),
        ("name: Engine}", "name: Engine, config: {x: 1}}", 9, "environment.simulators.1.config.x", "unknown key"),
        ("2026-04-23T09:00:00Z", "yesterday", 6, "environment.clock", "isoformat"),
        ("action: drop_file_inbox", "action: drop_fax", 16, "tasks.0.scenario.steps.0.action", 'no action "drop_fax"'),
        ("path: inbox/a.txt", "pth: inbox/a.txt", 16, "tasks.0.scenario.steps.0.pth", "unknown key"),
        ("action: drop_file_inbox", "action: put_fhir", 16, "tasks.0.scenario.steps.0.action", "surface fhir"),
        ("content: hello", "content: x, when: {event: nope}", 16, "tasks.0.scenario.steps.0.when.event", "event type"),
        (
            "content: hello",
            'content: x, when: {event: hl7_outbound, match: {a: {matches: "("}}}',
            16,
            "tasks.0.scenario.steps.0.when.match",
            "regular expression",
        ),
        ("content: hello", "source: gone.txt", 16, "tasks.0.scenario.steps.0.source", "cannot be read"),
        ("content: hello", "source: ../../../x", 16, "tasks.0.scenario.steps.0.source", "outside"),
        ("weight: 2", "weight: -1", 19, "tasks.0.criteria.0.weight", "greater than or equal to 0"),
        ("weight: 2", "wight: 2", 19, "tasks.0.criteria.0.wight", "unknown key"),
        ("weight: 2", "input_entity: Patient/x", 19, "tasks.0.criteria.0.input_entity", "entities"),
        ("key: first", "key: first\n    name: Twice", 13, "tasks.0.name", "stands twice"),
        ("tasks:", "tasks: []\nx:", 11, "x", "unknown key"),
        ("slug: demo", "slug: [", 3, "", "not valid YAML"),
    ],
)
def test_a_mistake_has_file_line_and_key(load, edit, old, new, line, key, message):
    edit(old, new)
    with pytest.raises(DefinitionError) as raised:
        load()
    shown = [str(p) for p in raised.value.problems]
    wanted = [p for p in raised.value.problems if p.file == FILE and p.key == key and message in p.message]
    assert wanted, shown
    assert wanted[0].line == line, shown


def test_all_mistakes_are_told_at_once(load, edit):
    edit("type: Hl7", "type: Hl9")
    edit("dataset: clinic", "dataset: nope")
    edit("action: drop_file_inbox", "action: nope")
    with pytest.raises(DefinitionError) as raised:
        load()
    assert len(raised.value.problems) == 3


def test_two_tasks_may_not_share_a_key(load, edit):
    edit("tasks:", "tasks:\n  - {key: first, name: Again}")
    with pytest.raises(DefinitionError, match='two tasks have the key "first"'):
        load()


def test_an_unknown_assertion_loads_with_a_warning(load, edit):
    edit("assert: hl7-structural", "assert: hl7-structual")
    (warning,) = load().find("demo@1").warnings
    assert (warning.line, warning.key) == (20, "tasks.0.criteria.0.assertion.assert")
    assert "hl7-structural" in warning.message


def test_what_can_hardly_be_meant_loads_with_a_warning(load, edit):
    edit("weight: 2", "weight: 0")
    (warning,) = load().find("demo@1").warnings
    assert "all weights are 0" in warning.message


def test_sources_are_inlined_so_that_the_frozen_copy_is_whole(load, edit, home):
    edit("content: hello", "source: note.txt")
    benchmark = load().find("demo@1")
    step = benchmark.definition.tasks[0].steps[0]
    assert base64.b64decode(step.args["content_base64"]) == b"from a file"
    assert "source" not in step.args
    (home / "playgrounds" / "demo" / "v1" / "note.txt").write_text("changed")
    again = load().find("demo@1")
    assert again.hash != benchmark.hash


def test_a_frozen_definition_thaws_to_itself(load):
    definition = load().find("demo@1").definition
    assert thaw(definition.frozen()) == definition


def test_the_hash_covers_the_datasets(load, home):
    before = load().find("demo@1").hash
    assert load().find("demo@1").hash == before
    (home / "seeds" / "clinic" / "files" / "readme.txt").write_text("changed")
    assert load().find("demo@1").hash != before


def test_references(load, home):
    library = load()
    assert library.find("demo") is library.find("demo@1")
    for wrong in ("", "@1", "demo@", "demo@x", "demo@-1", "demo@1@2", "demo@\u0661"):
        with pytest.raises(Malformed):
            library.find(wrong)
    for unknown in ("nope", "demo@2", "demo@99999999999999999999"):
        with pytest.raises(NotFound):
            library.find(unknown)


def test_ids_are_the_same_on_every_machine(load):
    definition = load().find("demo@1").definition
    task = definition.tasks[0]
    assert definition.id == "bench_" + definition.id.removeprefix("bench_")
    assert len({definition.id, definition.task_id(task), definition.criterion_id(task, 0)}) == 3
    assert definition.task_id(task) == load().find("demo@1").definition.task_id(task)


def test_missing_directories_are_named(home, registry):
    from sandbox.definitions.library import load_library

    with pytest.raises(DefinitionError, match="is not a directory"):
        load_library([home / "nowhere"], [home / "seeds"], registry)
