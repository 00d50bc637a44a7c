import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox.client.client import SandboxClient
from sandbox.client.session import TaskSession
from sandbox.client.sync import TaskSessionSync
from sandbox.errors import Invalid
from sandbox.rehearsal.agents import (
    AgentFailed,
    FunctionAgent,
    IdleAgent,
    find_reference,
    load_function,
    load_reference,
)


@pytest.fixture
async def task(client: SandboxClient) -> TaskSession:
    run = await client.create_benchmark_run("mock@1")
    return await client.start_task_run(run.task_runs[0].id)


async def test_idle_does_nothing(fake: Any, task: TaskSession) -> None:
    before = len(fake.seen)
    await IdleAgent().solve(task)
    assert len(fake.seen) == before


async def test_an_async_function_is_given_the_session(task: TaskSession) -> None:
    async def solve(given: TaskSession) -> dict[str, int]:
        return {"status": (await given.request("GET", "fhir/Patient")).status}

    assert await FunctionAgent("x", solve).solve(task) == {"status": 200}
    assert task.calls == 1


async def test_a_plain_function_runs_on_a_thread_with_a_blocking_session(task: TaskSession) -> None:
    threads = []

    def solve(given: TaskSessionSync) -> str:
        threads.append(threading.current_thread())
        given.request("GET", "fhir/Patient")
        return given.key

    assert await FunctionAgent("x", solve).solve(task) == "alpha"
    assert threads[0] is not threading.current_thread()
    assert task.calls == 1


async def test_what_an_agent_raises_names_the_place(tmp_path: Path, task: TaskSession) -> None:
    file = tmp_path / "solution.py"
    file.write_text("import json\n\nasync def solve(task):\n    return json.loads('{')\n")
    with pytest.raises(AgentFailed, match=r"JSONDecodeError: .* \(solution\.py:4\)"):
        await load_reference("solution", file).solve(task)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), StopIteration("x"), TimeoutError()])
async def test_whatever_is_raised_is_a_failed_agent(task: TaskSession, error: BaseException) -> None:
    async def solve(_: TaskSession) -> None:
        raise error

    def blocking(_: TaskSessionSync) -> None:
        raise error

    for function in (solve, blocking):
        with pytest.raises(AgentFailed, match=type(error).__name__):
            await FunctionAgent("x", function).solve(task)


def test_reference_agents_lie_beside_the_benchmark(tmp_path: Path) -> None:
    folder = tmp_path / "second" / "mock" / "v1"
    folder.mkdir(parents=True)
    (folder / "near_miss.py").touch()
    roots = (tmp_path / "first", tmp_path / "second")
    assert find_reference(roots, "mock", "1", "near-miss") == folder / "near_miss.py"
    assert find_reference(roots, "mock", "1", "solution") is None
    assert find_reference(roots, "mock", "2", "near-miss") is None


async def test_a_reference_agent_may_import_its_neighbours_and_no_other_benchmarks(
    tmp_path: Path, task: TaskSession
) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name / "v1"
        folder.mkdir(parents=True)
        (folder / "solution.py").write_text(f"NAME = '{name}'\nasync def solve(task):\n    return NAME\n")
        (folder / "near_miss.py").write_text("from .solution import NAME\ndef solve(task):\n    return NAME * 2\n")
    agents = [load_reference("near-miss", tmp_path / name / "v1" / "near_miss.py") for name in ("a", "b")]
    assert [await agent.solve(task) for agent in agents] == ["aa", "bb"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def broken(:", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("raise RuntimeError('at import')", "at import"),
        ("def other(task): ...", "no function 'solve'"),
        ("solve = 3", "no function 'solve'"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_the_callers_mistake(tmp_path: Path, source: str, said: str) -> None:
    file = tmp_path / "solution.py"
    file.write_text(source)
    with pytest.raises(Invalid, match=said):
        load_reference("solution", file)


async def test_a_function_is_found_in_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_own_agent.py").write_text("async def go(task):\n    return 7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    agent = load_function("my_own_agent:go")
    assert (agent.name, await agent.solve(None)) == ("my_own_agent:go", 7)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="no function 'stop'"):
        load_function("my_own_agent:stop")
    with pytest.raises(Invalid, match="cannot be loaded"):
        load_function("not_there_at_all:go")
    del sys.modules["my_own_agent"]
