"""Models and input processors: what a task may be made of."""

from aiohttp import web

from sandbox.llm_tasks.errors import not_found
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import reply
from sandbox.llm_tasks.http.requests import enter_project, query_bool, query_choice


async def list_models(request: web.Request) -> web.Response:
    """GET P/model: a bare array."""
    enter_project(request, "project:view")
    query_bool(request, "include_retired")
    wanted = query_choice(request, "output_capability", ("", "image"), "")
    return reply([m.to_json() for m in api(request).catalog if not wanted or wanted in m.modalities])


async def get_model(request: web.Request) -> web.Response:
    """GET P/model/{model_id_or_name}."""
    enter_project(request, "project:view")
    name = request.match_info["model_id_or_name"]
    model = api(request).catalog.find(name)
    if model is None:
        raise not_found("model", name)
    return reply(model.to_json())


async def list_input_processors(request: web.Request) -> web.Response:
    """GET P/input_processor: a bare array."""
    enter_project(request, "project:view")
    return reply(api(request).processors.to_json())
