"""What a page tells its reader to type is typed, on a real server, and prints what the page shows."""

import os
import subprocess
import sys

import pytest

RUN_PAGES = [
    "README.md",
    "docs/quickstart.md",
    "docs/api.md",
    "docs/events.md",
    "docs/exports.md",
    "docs/authoring.md",
    "docs/llm-tasks.md",
    "docs/mess.md",
]
AGENTS = ("browser", "javascript", "openai", "pydantic-ai", "shell")
RUN_ELSEWHERE = {"docs/rehearsal.md": "tests/rehearsal/test_docs.py"} | {
    f"docs/agents/{name}.md": "tests/agents/test_examples.py" for name in AGENTS
}


LONG = ("docs/authoring.md", "docs/mess.md")  # whole benchmarks are proven there, again and again


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in RUN_PAGES])
def test_every_command_prints_what_the_page_shows(run_page, name):
    for block, documented, printed, is_same in run_page(name):
        assert is_same, f"{block} printed\n{printed}\nbut the page shows\n{documented}"


def test_no_page_with_commands_is_left_out(pages):
    typed = {name for name, page in pages.items() if any(b.language == "bash" for b in page.blocks)}
    assert typed - RUN_ELSEWHERE.keys() == set(RUN_PAGES)
    for test in RUN_ELSEWHERE.values():
        assert (pages["README.md"].path.parent / test).is_file()


def test_the_example_test_passes(pages, tmp_path):
    (block,) = [b for b in pages["README.md"].blocks if b.language == "python"]
    (tmp_path / "test_front_desk.py").write_text(block.text, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_front_desk.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@pytest.mark.parametrize(
    ("documented", "printed", "is_same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\nc\n", False),
        ("a", "a\nb\n", False),
        ("a\nb", "a\n", False),
        ("a\n  …\nd", "a\n  b\n  c\nd\n", True),
        ("a\n…\nd", "a\nb\n", False),
        ("…\nb", "a\nb\n", True),
        ('"x": "ab…"', '"x": "abcd"\n', True),
        ('"x": "ab…"', '"x": "abcd",\n', False),
        ("took 0.1 s", "took 12.7 s\n", True),
        ("took 3 times", "took 4 times\n", False),
        ('"at": "2026-04-20T17:10:02.000Z"', '"at": "2027-01-01T00:00:00.123Z"\n', True),
        ('"at": "2026-04-20T17:10:02.000Z"', '"at": null\n', False),
        ("br_01M81686X7DNJC932GC8JJVK38", "br_01M8175MDA6MYJHNNGM2M7MM1W\n", True),
        ("br_01M81686X7DNJC932GC8JJVK38", "tr_\n", False),
        ("status 200", "status 201\n", False),
    ],
)
def test_the_comparison_can_fail(output_matches, documented, printed, is_same):
    assert output_matches(documented, printed) is is_same
