"""A run within a started task run: its event in the playground, which the check `llm-task` reads."""

from typing import Final

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.llm_tasks.run.request import RunRequest
from sandbox.llm_tasks.server_links import StartedTaskRun
from sandbox.llm_tasks.tasks.entities import Task
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Commit, Interaction

# What a seeded task run's events leave out, as it is different every time.
_VARYING: Final = frozenset(
    "id created llm_call_timing input_processor_timing files run_data reference context_id".split()
)


async def record_event(
    started: StartedTaskRun, task: Task, request: RunRequest, body: dict[str, Json]
) -> Commit | None:
    """Make the run an event of the task run, unless that ended meanwhile; return its commit. Raises `TooLarge`."""
    playground = started.playground
    if playground.is_torn_down:
        return None
    asked = {
        "task": task.name,
        "task_input": body["run_data"]["submitted"],
        "files": [{"filename": f.original_filename, "content_type": f.content_type} for f in request.files],
    }
    shown = body
    if playground.random_seed is not None:
        shown = {name: value for name, value in body.items() if name not in _VARYING}
    call = Request(
        "POST", f"llm-tasks/{task.name}/run", body=jsonio.dump(asked), headers={"content-type": "application/json"}
    )

    def record(tx: Interaction) -> Response:
        return Response.of_json(shown)

    async with playground.turns.mine():
        if playground.is_torn_down:
            return None
        return playground.interact("llm_task_run", record, request=call).committed
