"""What a run is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.jsonio import Json
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.server_links import StartedTaskRun
from sandbox.llm_tasks.tasks.entities import ReportingGroup


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run was asked for. `secrets` are texts that may not be kept, `user_id` who asked,
    `benchmark_run_id` the benchmark run whose token, or started task run, it was asked with."""

    task_input: Mapping[str, Json]
    files: tuple[RunFile, ...]
    user_id: str
    reference: str | None = None
    context_id: str | None = None
    group: ReportingGroup | None = None
    use_fallback_model: bool = False
    started: StartedTaskRun | None = None
    secrets: tuple[str, ...] = ()
    benchmark_run_id: str | None = None
