"""Where the pages are, and what the application needs for them."""

from collections.abc import Mapping

import aiohttp_jinja2
from aiohttp import web

from sandbox.api import front
from sandbox.dashboard import (
    access,
    bodies,
    compare,
    definitions,
    doing,
    events,
    playgrounds,
    runs,
    stream,
    task_runs,
    templating,
)
from sandbox.dashboard.access import LOGIN, ROOT, Session
from sandbox.dashboard.shell import (
    Form,
    harden,
    own_path,
    page,
    read_form,
    render,
    see_other,
    set_theme,
    show_error,
    write,
)
from sandbox.dashboard.templating import Asset
from sandbox.errors import NotFound, SandboxError, Unauthorized

ASSETS = web.AppKey("dashboard_assets", Mapping[str, Asset])


async def show_static(request: web.Request) -> web.Response:
    """GET /ui/static/{name}: the stylesheet and the script, under an address that changes when they do; for anybody."""
    asset = request.app[ASSETS].get(request.match_info["name"])
    if asset is None:
        raise NotFound("There is no such file.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return web.Response(body=asset.content, content_type=asset.media_type, charset="utf-8", headers=headers)


async def show_login(request: web.Request) -> web.Response:
    """GET /ui/login: the form for an organization key."""
    return _login_page(request, request.query.get("next", ""), None)


async def log_in(request: web.Request) -> web.Response:
    """POST /ui/login: begin a session, then see the page that was asked for."""
    try:
        access.refuse_strangers(request)
        form = await read_form(request)
    except SandboxError as error:
        return show_error(request, None, error)
    try:
        session = access.log_in(request, form.get("key", "").strip())
    except Unauthorized as error:
        return _login_page(request, form.get("next", ""), error)
    response = see_other(own_path(form.get("next", "")))
    access.set_cookie(request, response, session)
    return response


def _login_page(request: web.Request, wanted: str, problem: Unauthorized | None) -> web.Response:
    status = 200 if problem is None else problem.status
    message = None if problem is None else problem.message
    return render(request, None, "login.html", http_status=status, next=own_path(wanted), problem=message)


async def log_out(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/logout: end the session."""
    request.app[access.SESSIONS].close(session)
    response = see_other(LOGIN)
    access.forget_cookie(request, response)
    return response


async def show_nothing(request: web.Request, session: Session) -> web.Response:
    """GET below /ui where there is no page; with nothing but a slash, the list of runs is meant."""
    if not request.match_info["rest"]:
        return see_other(ROOT)
    raise NotFound("There is no such page.")


async def show_front(request: web.Request) -> web.StreamResponse:
    """GET /: the dashboard for browsers; for programs, what this server is."""
    if front.prefers_html(",".join(request.headers.getall("Accept", ()))):
        response = see_other(ROOT)
        response.headers["Vary"] = "Accept"
        return response
    return await front.front(request)


def add_routes(app: web.Application) -> None:
    """Add the dashboard to an application: its routes, its templates, its sessions, its headers."""
    app[ASSETS] = templating.assets()
    environment = templating.settle(aiohttp_jinja2.setup(app, **templating.options()))
    environment.globals["asset"] = {name: f"{ROOT}/static/{name}?v={a.version}" for name, a in app[ASSETS].items()}
    access.open_sessions(app)
    app[stream.ROWS] = stream.Rows()
    app.on_response_prepare.append(harden)
    router = app.router
    router.add_get("/", show_front)
    router.add_get(f"{ROOT}/static/{{name}}", show_static)
    router.add_get(LOGIN, show_login)
    router.add_post(LOGIN, log_in)
    router.add_post(f"{ROOT}/logout", write(log_out))
    router.add_post(f"{ROOT}/theme", write(set_theme))
    router.add_get(ROOT, page(runs.show_runs))
    router.add_get(f"{ROOT}/runs/{{id}}", page(runs.show_run))
    router.add_get(f"{ROOT}/runs/{{id}}/live", stream.follow_run, allow_head=False)
    router.add_post(f"{ROOT}/runs/{{id}}/cancel", write(runs.cancel_run))
    router.add_get(f"{ROOT}/task-runs/{{id}}", page(task_runs.show_task_run))
    router.add_get(f"{ROOT}/task-runs/{{id}}/live", stream.follow, allow_head=False)
    router.add_get(f"{ROOT}/compare", page(compare.show_comparison))
    router.add_get(f"{ROOT}/benchmarks", page(definitions.show_benchmarks))
    router.add_get(f"{ROOT}/benchmarks/{{reference}}", page(definitions.show_benchmark))
    router.add_get(f"{ROOT}/datasets", page(definitions.show_datasets))
    router.add_get(f"{ROOT}/datasets/{{name}}", page(definitions.show_dataset))
    router.add_get(f"{ROOT}/problems", page(definitions.show_problems))
    _add_playground_routes(router)
    router.add_get(f"{ROOT}/{{rest:.*}}", page(show_nothing))


def _add_playground_routes(router: web.UrlDispatcher) -> None:
    root = f"{ROOT}/playgrounds/{{id}}"
    router.add_get(f"{ROOT}/playgrounds", page(playgrounds.show_playgrounds))
    router.add_get(root, page(playgrounds.show_playground))
    router.add_get(f"{root}/documents", page(playgrounds.show_documents))
    router.add_get(f"{root}/content", page(bodies.show_content))
    router.add_get(f"{root}/content/pages/{{page}}", page(bodies.show_content_page))
    router.add_get(f"{root}/state", page(playgrounds.show_state))
    router.add_get(f"{root}/events/{{seq}}", page(events.show_event))
    router.add_get(f"{root}/events/{{seq}}/{{side}}", page(bodies.show_body))
    router.add_get(f"{root}/events/{{seq}}/{{side}}/pages/{{page}}", page(bodies.show_body_page))
    router.add_post(f"{root}/send", write(doing.send))
    router.add_post(f"{root}/fork", write(doing.fork))
    router.add_post(f"{root}/clock", write(doing.advance_clock))
    router.add_post(f"{root}/restore", write(doing.restore))
    router.add_post(f"{root}/teardown", write(doing.tear_down))
