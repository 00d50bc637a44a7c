"""Pages hang together: links lead somewhere, examples load, and the wording keeps to a few rules."""

import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from sandbox.checking import check_definitions
from sandbox.definitions.yamlio import load_located
from sandbox.scoring.parsing import UnsupportedAssertion, parse_assertion

ROOT = Path(__file__).parents[2]
ENTITY = {"resourceType": "Patient", "id": "maria-chen"}

ADVERTISING = "blazing cutting-edge effortless game-chang industry-leading powerful revolutioni seamless world-class"
UNFINISHED = r"\b(?:TODO|FIXME|TBD|XXX|lorem ipsum)\b"
MACHINE_PATHS = r"(?<![\w./$}])/(?:home|root|Users|work|tmp|mnt|private|var/folders)/"
EMOJI = "[\U0001f300-\U0001faff\u2600-\u26ff\u2705\u274c\u2728]"


def anchor_of(heading):
    """A heading's anchor as code hosts make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def links_of(page):
    return re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", page.prose)


def test_relative_links_lead_somewhere(page, pages):
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.exists(), f"{page.name} links to {link}"
        assert path.is_relative_to(ROOT), f"{page.name} links outside of the repository: {link}"
        if anchor:
            text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))
            anchors = {anchor_of(heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)}
            assert anchor in anchors, f"{page.name} links to {link}"


def test_pictures_are_there_and_say_what_they_show(page):
    for text, link in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", page.prose):
        assert (page.path.parent / link).is_file() and len(text) > 20, f"{page.name} shows {link}"


def test_every_page_can_be_reached_from_the_readme(pages):
    reached, waiting = set(), ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in pages:
            continue
        reached.add(name)
        for link in links_of(pages[name]):
            if not re.match(r"[a-z]+:", link):
                path = (pages[name].path.parent / link.partition("#")[0]).resolve()
                if path.is_relative_to(ROOT):
                    waiting.append(path.relative_to(ROOT).as_posix())
    unreached = set(pages) - reached
    # The index is where the documentation begins for those who come from elsewhere.
    assert unreached <= {"docs/index.md"}


def test_every_page_is_in_the_index_or_below_one_that_is(pages):
    linked = {
        (pages["docs/index.md"].path.parent / link.partition("#")[0]).resolve()
        for link in links_of(pages["docs/index.md"])
    }
    for name, page in pages.items():
        if name.startswith("docs/") and name.count("/") == 1 and name != "docs/index.md":
            assert page.path in linked, name


def test_wording(page):
    assert not re.search(UNFINISHED, page.text)
    assert not re.search(EMOJI, page.text)
    for word in ADVERTISING.split():
        assert word not in page.prose.lower(), word


def test_nothing_of_the_writers_machine(page):
    assert not re.search(MACHINE_PATHS, page.text)
    for place in {str(ROOT), str(Path.home()), sys.prefix}:
        assert place == "/" or f"{place}/" not in page.text, place


def test_headings_begin_with_one_title(page):
    headings = re.findall(r"(?m)^(#+) ", re.sub(r"(?ms)^```.*?^```$", "", page.text))
    assert headings[0] == "#" and headings.count("#") == 1
    for before, after in pairwise(headings):
        assert len(after) <= len(before) + 1


def test_fences_are_closed_and_have_known_languages(page):
    assert len(re.findall(r"(?m)^```", page.text)) == 2 * len(page.blocks)
    for block in page.blocks:
        assert block.language in {
            "",
            "bash",
            "console",
            "http",
            "ini",
            "json",
            "python",
            "sh",
            "sql",
            "text",
            "toml",
            "yaml",
        }, block


# -- examples --------------------------------------------------------------------------------------


def yaml_blocks(page):
    return [(block, load_located(block.text, str(block)).value) for block in page.blocks if block.language == "yaml"]


def steps_in(value):
    """Scenario steps anywhere in an example."""
    if isinstance(value, dict):
        if "action" in value:
            yield value
        else:
            for item in value.values():
                yield from steps_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from steps_in(item)


def assertions_in(value):
    if isinstance(value, dict):
        if "assert" in value:
            yield value
        else:
            for item in value.values():
                yield from assertions_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from assertions_in(item)


def test_every_yaml_example_parses(page):
    for block in page.blocks:
        if block.language == "yaml":
            yaml.safe_load(block.text)


def test_every_scenario_step_in_an_example_is_accepted(page, registry):
    surfaces = {simulator.surface for simulator in registry.simulators}
    for block, value in yaml_blocks(page):
        for step in steps_in(value):
            args = {k: v for k, v in step.items() if k not in ("action", "after_seconds", "when", "source")}
            if "source" in step:  # what a file would bring; that it exists is the loader's question
                args |= {
                    "put_fhir": {"resource": ENTITY},
                    "post_hl7_inbox": {"payload": "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r"},
                }.get(step["action"], {"content": "x"})
            assert registry.step_problems(step["action"], args, surfaces) == [], f"{block}: {step['action']}"


def test_every_assertion_in_an_example_is_accepted(page, registry):
    for block, value in yaml_blocks(page):
        for assertion in assertions_in(value):
            parsed = parse_assertion(registry.checks, assertion, ENTITY)
            assert not isinstance(parsed, UnsupportedAssertion), f"{block}: {parsed}"


def test_every_whole_benchmark_in_an_example_loads(page, tmp_path):
    for block, value in yaml_blocks(page):
        if isinstance(value, dict) and "slug" in value and "tasks" in value:
            directory = tmp_path / value["slug"] / f"v{value['version']}"
            directory.mkdir(parents=True)
            (directory / "benchmark.yaml").write_text(block.text, encoding="utf-8")
            report = check_definitions(tmp_path, ())
            assert report.problems == (), f"{block}: {report}"


def test_there_are_whole_benchmarks_among_the_examples(pages):
    whole = [
        block
        for page in pages.values()
        for block, value in yaml_blocks(page)
        if isinstance(value, dict) and "slug" in value and "tasks" in value
    ]
    assert whole


@pytest.mark.parametrize("name", ["mock"])
def test_the_worked_example_is_that_of_the_built_in_benchmark(pages, name):
    """What the authoring page shows of `mock@2` is in it, but for texts that it shortens."""
    (shown,) = [v for b, v in yaml_blocks(pages["docs/authoring.md"]) if isinstance(v, dict) and v.get("slug") == name]
    folder = ROOT / "playgrounds" / name / f"v{shown['version']}"
    real = yaml.safe_load((folder / "benchmark.yaml").read_text(encoding="utf-8"))
    assert shown["environment"]["simulators"] == real["environment"]["simulators"]
    for task in shown["tasks"]:
        (whole,) = [t for t in real["tasks"] if t["key"] == task["key"]]
        assert task["entities"] == whole["entities"]
        assert task["criteria"] == whole["criteria"]
