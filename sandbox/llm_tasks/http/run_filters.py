"""Which runs a list or report is about: the documented query parameters."""

from datetime import timedelta
from typing import Final

from aiohttp import web

from sandbox.llm_tasks.errors import ValidationFailed
from sandbox.llm_tasks.http.dates import read_moment
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.requests import caller_of, query_choice, query_id
from sandbox.llm_tasks.run.stored_runs import RunFilter

_DEFAULT_DAYS: Final = 7


def run_filter(
    request: web.Request,
    project_id: str,
    task_id: str | None,
    *,
    has_default_range: bool,
    errors_only: bool = False,
) -> RunFilter:
    """Read the filters. With a default range a list begins seven days before its end.

    Raises `ValidationFailed` and `MalformedIdentifier`.
    """
    now = api(request).clock.now()
    start_text, end_text = request.query.get("start_date"), request.query.get("end_date")
    end = read_moment("end_date", end_text, now, is_end=True) if end_text else None
    start = read_moment("start_date", start_text, now) if start_text else None
    if start is None and has_default_range:
        start = (end or now) - timedelta(days=_DEFAULT_DAYS)
    if start is not None and end is not None and start > end:
        raise ValidationFailed.at(["query", "start_date"], "start_date is after end_date")
    status = query_choice(request, "status", ("", "success", "error"), "")
    is_error = {"": None, "success": False, "error": True}[status]
    return RunFilter(
        project_id,
        task_id if task_id is not None else query_id(request, "task_id"),
        query_id(request, "task_revision_id"),
        True if errors_only else is_error,
        start,
        end,
        caller_of(request).owner,
    )
