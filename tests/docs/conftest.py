"""The pages of the documentation, their code blocks, and a shell in which a page's commands are run.

A page is read as its reader would use it: `console` blocks that begin with `make run` or `sandbox serve` start a
server, `bash` blocks are pasted into one shell in order, and the `text` or `json` block that follows either of them is
what was printed. In printed output `…` stands for what was left out; ids, times and the like are masked.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from sandbox.app import create_app
from sandbox.builtin import create_registry
from sandbox.runs.registry import Registry
from sandbox.settings import Settings
from tests.own_ports import OWN_PORTS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN_URL = "http://127.0.0.1:8787"
RECORD_SEPARATOR = "\x1e"
OUTPUT_LANGUAGES = ("text", "json")

MASKS = [
    (r"\b(?:br|tr|sb|pg|crun|crit|task|sim|env|bench|org|slv|client|evt|hl7msg|due)_[0-9A-HJKMNP-TV-Z]{26,}", "<id>"),
    (r"\bvrl_(?:run|cs|smart)_[\w-]+", "<secret>"),
    (r"\breq_[0-9a-f]{26}", "<request id>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\bWyI[\w-]+", "<cursor>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?", "<time>"),
    (r"(?m)^Date: .*", "Date: <time>"),
    (r"(?m)^Server: .*", "Server: <server>"),
    (r"\b\d\d:\d\d:\d\d(?:\.\d{3})?\b", "<time>"),
    (r'"duration_ms": ?[\d.e-]+', '"duration_ms": <n>'),
    (r"(?:<|\b)\d+(?:\.\d+)? m?s\b", "<duration>"),
    (r"\bin \d+\.\d+s\b", "in <duration>"),
    (r"curl/[\d.]+", "curl/<version>"),
    (r"/t/[\w-]{43}", "/t/<secret>"),
    (r"[ \t]+", " "),
    (r"[━─]+", "━"),
    (r"(?m) $", ""),
]


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is where its text begins, 1-based."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One page of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        found = []
        for match in re.finditer(r"(?ms)^```(\w*)\n(.*?)^```$", self.text):
            line = self.text.count("\n", 0, match.start(2)) + 1
            found.append(Block(self.name, line, match[1], match[2]))
        return found

    @cached_property
    def prose(self) -> str:
        return re.sub(r"(?ms)^```.*?^```$", "", self.text)

    def section(self, title: str) -> str:
        """The text below a heading, up to the next one of its level or above."""
        match = re.search(rf"(?m)^(#+) {re.escape(title)}$", self.text)
        assert match, f"{self.name} has no section {title}"
        end = re.compile(rf"(?m)^#{{1,{len(match[1])}}} ").search(self.text, match.end())
        return self.text[match.end() : end.start() if end else None]


@dataclass(frozen=True)
class Step:
    """Something to run, and what the page says it prints (None: nothing is said)."""

    block: Block
    printed: str | None


def steps_of(page: Page) -> list[Step]:
    steps, blocks = [], page.blocks
    for position, block in enumerate(blocks):
        runs = block.language == "bash" or (block.language == "console" and "sandbox serve" in as_command(block.text))
        if runs:
            after = blocks[position + 1] if position + 1 < len(blocks) else None
            printed = after.text if after is not None and after.language in OUTPUT_LANGUAGES else None
            steps.append(Step(block, printed))
    return steps


def as_command(text: str) -> str:
    """The command of a console block; `make run` is what the Makefile says it is."""
    command = text.splitlines()[0].removeprefix("$ ").strip()
    if command == "make run":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        match = re.search(r"(?m)^run:.*\n\t(.*)$", makefile)
        assert match, "the Makefile has no target run"
        command = match[1].replace("$(BIN)", ".venv/bin").replace("$(ARGS)", "")
    return command


def masked(text: str) -> str:
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def output_pattern(documented: str) -> str:
    """A regular expression that printed output must match as a whole."""
    parts = []
    for line in masked(documented).split("\n"):
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece) for piece in line.split("…")) + r"\n")
    return "".join(parts)


def matches(documented: str, printed: str) -> bool:
    return re.fullmatch(output_pattern(documented), masked(printed) + "\n") is not None


class Shell:
    """One bash in an empty directory, where `.venv/bin` has this distribution's commands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = SHOWN_URL
        self._servers: list[subprocess.Popen[str]] = []
        self._blocks = 0
        commands = directory / ".venv" / "bin"
        commands.mkdir(parents=True)
        for name, module in (("sandbox", "sandbox"), ("pytest", "pytest"), ("python", "")):
            run = f'exec {shlex.quote(sys.executable)} {"-m " + module if module else ""} "$@"\n'
            (commands / name).write_text(f"#!/bin/sh\n{run}")
            (commands / name).chmod(0o755)
        hidden = ("SANDBOX_", "PYTEST_", "COV_", "COLUMNS")
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        self._environment |= {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **OWN_PORTS}
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=directory,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def run(self, block: Block) -> str:
        """Run a block and return what it printed, with the address that the page shows."""
        if block.language == "console":
            return self._serve(as_command(block.text))
        self._blocks += 1
        file = self.directory / f".block-{self._blocks}.sh"
        file.write_text(block.text.replace(SHOWN_URL, self.url), encoding="utf-8")
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self._bash.stdin.write(f". ./{file.name} < /dev/null; printf '{RECORD_SEPARATOR}\\n'\n")
        self._bash.stdin.flush()
        lines = []
        while RECORD_SEPARATOR not in (line := self._bash.stdout.readline()):
            assert line or self._bash.poll() is None, f"{block}: the shell ended\n{''.join(lines)}"
            lines.append(line)
        lines.append(line.replace(RECORD_SEPARATOR, ""))
        file.unlink()
        return "".join(lines).replace(self.url, SHOWN_URL)

    def _serve(self, command: str) -> str:
        server = subprocess.Popen(
            [*shlex.split(command), "--port", "0"],
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._servers.append(server)
        assert server.stdout is not None
        lines = [server.stdout.readline()]
        if not lines[0].startswith("sandbox ready at "):
            server.kill()
            pytest.fail(lines[0] + server.stdout.read())
        self.url = lines[0].split()[-1]
        while not lines[-1].lstrip().startswith("-H 'Content-Type"):
            lines.append(server.stdout.readline())
            assert lines[-1], "the server ended"
        return "".join(lines).replace(self.url, SHOWN_URL)

    def close(self) -> None:
        self._bash.terminate()
        for process in (*self._servers, self._bash):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    found = Shell(tmp_path)
    yield found
    found.close()


@pytest.fixture
def run_page(shell: Shell) -> Any:
    """Run every command of a page and return `(block, documented output, printed output, whether they match)`."""

    def run(name: str) -> list[tuple[Block, str, str, bool]]:
        results = []
        for step in steps_of(Page(ROOT / name)):
            printed = shell.run(step.block)
            documented = step.printed or ""
            results.append((step.block, documented, printed, matches(documented, printed)))
        return results

    return run


@pytest.fixture(scope="session")
def pages() -> dict[str, Page]:
    found = [Page(path) for path in PAGES]
    return {page.name: page for page in found}


@pytest.fixture(params=PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param)


@pytest.fixture(scope="session")
def registry() -> Registry:
    return create_registry()


@pytest.fixture(scope="session")
def routes() -> set[tuple[str, str]]:
    """Every route of the server as (method, path); names of path parameters are left out."""
    app = create_app(Settings())
    found = set()
    for route in app.router.routes():
        assert route.resource is not None
        if route.method != "HEAD":
            found.add((route.method, re.sub(r"\{[^}]*\}", "{}", route.resource.canonical)))
    return found


@pytest.fixture(scope="session")
def output_matches() -> Any:
    return matches
