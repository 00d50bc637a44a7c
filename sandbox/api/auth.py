"""Who calls: the bearer token of a request, and what it may reach."""

from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from sandbox.api.context import KEY_RING, RUNS, SETTINGS
from sandbox.errors import NotFound, Unauthorized
from sandbox.keys import ORGANIZATION_PREFIX, RUN_PREFIX, SOLVER_PREFIX
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.runs.tokens import Principal
from sandbox.wire.authorization import basic_password, bearer_token


class Carrying(Protocol):
    """What carries a token, and parameters of its path."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields, whatever their case."""
        ...

    @property
    def match_info(self) -> Mapping[str, str]:
        """The parameters of the path."""
        ...


def token_of(request: Carrying, *, takes_basic: bool = False) -> str:
    """Return the bearer token, or with `takes_basic` the password of HTTP Basic; empty when none was sent."""
    header = request.headers.get("Authorization")
    return bearer_token(header) or (basic_password(header) if takes_basic else "")


def bearer(request: web.Request, wanted: str, *, takes_basic: bool = False) -> str:
    """Return the bearer token. Raises `Unauthorized` saying which kind is `wanted`."""
    token = token_of(request, takes_basic=takes_basic)
    if not token:
        raise Unauthorized(f"Send the header Authorization: Bearer <{wanted}>.")
    return token


def organization(request: web.Request) -> Principal:
    """Require an organization key."""
    token = bearer(request, "organization key, vk_…")
    principal = request.app[KEY_RING].find(token)
    if principal is None or principal.solver_id is not None:
        raise Unauthorized(_wrong(token, "an organization key (vk_…)"))
    return principal


def is_organization(request: web.Request) -> bool:
    """Whether the request carries an organization key."""
    return has_organization_key(request.app, request)


def has_organization_key(app: web.Application, request: Carrying) -> bool:
    """Whether what is carried is an organization key."""
    principal = app[KEY_RING].find(token_of(request))
    return principal is not None and principal.solver_id is None


def solver(request: web.Request) -> Principal:
    """Require a solver key."""
    token = bearer(request, "solver key, vrl_slv_…")
    principal = request.app[KEY_RING].find(token)
    if principal is None or principal.solver_id is None:
        raise Unauthorized(_wrong(token, "a solver key (vrl_slv_…)"))
    return principal


async def run_of_token(request: web.Request) -> BenchmarkRun:
    """Require a run token, in extended mode by HTTP Basic too; return its run, active or over."""
    token = bearer(request, "run token, vrl_run_…", takes_basic=not request.app[SETTINGS].is_strict)
    runs = request.app[RUNS]
    run = runs.active_by_token(token) or await runs.find_by_token(token)
    if run is None:
        raise Unauthorized(_wrong(token, "a run token (vrl_run_…) that has not expired"))
    return run


async def run_in_path(request: web.Request) -> BenchmarkRun:
    """Require the run token of the benchmark run in the path; another run's id is not found."""
    run = await run_of_token(request)
    if run.id != request.match_info["benchmark_run_id"]:
        raise NotFound("There is no such benchmark run for this token.")
    return run


async def task_run_in_path(request: web.Request) -> tuple[BenchmarkRun, TaskRun]:
    """Require the run token of the run that the task run in the path belongs to."""
    run = await run_of_token(request)
    wanted = request.match_info["task_run_id"]
    for task_run in run.task_runs:
        if task_run.id == wanted:
            return run, task_run
    raise NotFound("There is no such task run for this token.")


def _wrong(token: str, wanted: str) -> str:
    kinds = {ORGANIZATION_PREFIX: "an organization key", SOLVER_PREFIX: "a solver key", RUN_PREFIX: "a run token"}
    given = next((name for prefix, name in kinds.items() if token.startswith(prefix)), "not one of ours")
    return f"This needs {wanted}; the token sent is {given}, or is not valid here."
