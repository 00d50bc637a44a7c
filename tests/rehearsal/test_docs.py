"""The rehearsal page names every option and every agent, and its Python example runs."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from sandbox.rehearsal.agents import FunctionAgent
from sandbox.rehearsal.commands import register

PAGE = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")


def _commands() -> dict[str, Any]:
    app = typer.Typer()
    register(app, lambda _: None)  # type: ignore[arg-type, return-value]
    return dict(get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["rehearse", "runs", "show"])
def test_every_option_is_on_the_page(name: str) -> None:
    command = _commands()[name]
    options = [opt for parameter in command.params for opt in parameter.opts if opt.startswith("-")]
    assert len(options) >= 4
    for option in options:
        assert f"`{option}" in PAGE, option


def test_every_kind_of_agent_and_every_variable_is_on_the_page() -> None:
    words = "solution near-miss alternative idle module:function SANDBOX_URL BENCHMARK_RUN_ID TASK_RUN_ID RUN_TOKEN"
    for word in words.split():
        assert f"`{word}`" in PAGE, word


async def test_the_function_of_the_page_works() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(source, namespace)

    class Found:
        def raise_for_status(self) -> "Found":
            return self

        def json(self) -> Any:
            return {"total": 2}

    class Task:
        async def request(self, method: str, path: str, *, params: Any) -> Found:
            assert (method, path, params) == ("GET", "fhir/Patient", {"family": "Okafor"})
            return Found()

    assert await FunctionAgent("page", namespace["solve"]).solve(Task()) == {"patients": 2}  # type: ignore[arg-type]
