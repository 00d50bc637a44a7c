"""`prove --write`: play the reference solution and keep what it changed, for criteria that compare with it."""

from rich.console import Console

from sandbox.client.client import SandboxClient
from sandbox.definitions import solution_states
from sandbox.jsonio import Json
from sandbox.rehearsal.agents import find_reference, load_reference
from sandbox.rehearsal.campaign import EXIT_NOT_PASSED, EXIT_PASSED, Campaign, resolve
from sandbox.rehearsal.progress import ProgressBar
from sandbox.rehearsal.runner import rehearse_once


async def write_states(campaign: Campaign, out: Console, err: Console) -> int:
    """Record the solution's state of every task that asks for it, and return the exit status.

    A solution that fails on the way leaves nothing to compare with; what was kept before stays.
    """
    assert campaign.url is not None
    roots, status = campaign.settings.playground_dirs, EXIT_PASSED
    async with SandboxClient(campaign.url, solver_key=campaign.solver_key, api_key=campaign.api_key) as client:
        for reference in await resolve(client, campaign.benchmarks, roots):
            slug, _, version = reference.partition("@")
            file = find_reference(tuple(roots), slug, version, "solution")
            if file is None or not await _is_asked(client, reference):
                continue
            with ProgressBar(err) as progress:
                agent = load_reference("solution", file)
                result = await rehearse_once(client, reference, agent, campaign.options, progress)
            folder = file.parent
            solution = solution_states.solution_hash(folder)
            kept: dict[str, Json] = {}
            for task in result.task_runs:
                if task.failure is not None:
                    status = EXIT_NOT_PASSED
                    err.print(f"{reference} {task.key}: the solution failed: {task.failure}", style="red", markup=False)
                elif await _asks(client, task.id):
                    kept[task.key] = {**await client.get_task_run_changes(task.id), "solution": solution}
            if not kept:
                continue
            solution_states.write(folder, kept)
            told = f"{len(kept)} task{'' if len(kept) == 1 else 's'}"
            out.print(f"{folder / solution_states.FILE}: the state of {told}", highlight=False, markup=False)
    return status


async def _is_asked(client: SandboxClient, reference: str) -> bool:
    tasks = await client.list_tasks((await client.get_benchmark(reference)).id)
    wanted = [await client.get_task(task.id) for task in tasks]
    return any(solution_states.is_asked_in(c["assertion"]) for task in wanted for c in task.criteria)


async def _asks(client: SandboxClient, task_run_id: str) -> bool:
    snapshot = (await client.get_task_run(task_run_id)).snapshot or {}
    return any(solution_states.is_asked_in(criterion["assertion"]) for criterion in snapshot.get("criteria") or ())
