"""Everything that can be called, set, written or named is in its reference page, and nothing that is gone still is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main

from sandbox import errors, limits
from sandbox.cli import app
from sandbox.definitions import models
from sandbox.llm_tasks.http.addresses import ALIASES
from sandbox.playground.events import EVENT_TYPES, KEPT_REQUEST_HEADERS, KEPT_RESPONSE_HEADERS
from sandbox.record.keeper import SYNC_INTERVAL_S
from sandbox.rehearsal.command import url_variables
from sandbox.settings import Settings
from sandbox.simulators.portal.web.skins import SKINS

PACKAGE = Path(__file__).parents[2] / "sandbox"
METHODS = "GET|POST|PUT|PATCH|DELETE"
SURFACE_PAGES = {"fhir": "fhir", "hl7": "hl7", "files": "files", "portal": "portal", "clearinghouse": "clearinghouse"}
MOUNTS = ("/v1/benchmark-runs/{}/", "/v1/task-runs/{}/", "/t/{}/", "/sandboxes/{}/", "/services/{}/")


def documented_routes(text):
    """Every `METHOD /path` in backticks; path parameters lose their names."""
    found = re.findall(rf"`({METHODS}) (/[^`\s?]*)[^`]*`", text)
    return {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in found}


def is_surface_route(path, registry):
    below = next((path[len(m) :] for m in MOUNTS if path.startswith(m)), None)
    return below is not None and below.split("/")[0] in {
        name for s in registry.simulators for name in (s.surface, *s.surface_aliases)
    }


def aliases(routes):
    """The routes that stand for others; the page of LLM tasks names what they begin with."""
    return {
        (method, path)
        for method, path in routes
        for alias, meant in ALIASES.items()
        if path.startswith(alias) and (method, meant + path.removeprefix(alias)) in routes
    }


def commands():
    """Every command of the command line with its parameters."""
    return typer.main.get_command(app).commands.items()


# -- routes ----------------------------------------------------------------------------------------


def test_every_route_is_documented(pages, routes, registry):
    own = {route for route in routes if not is_surface_route(route[1], registry)} - aliases(routes)
    documented = {r for name in pages if name != "docs/compatibility.md" for r in documented_routes(pages[name].text)}
    assert own - documented == set()


def test_every_alias_is_documented_with_what_it_stands_for(pages, routes):
    section = pages["docs/llm-tasks.md"].section("Addresses")
    rows = dict(re.findall(r"(?m)^\| `([^`…]+?)/?…?` \| `([^`…]+?)/?…?` \|", section))
    assert rows == ALIASES
    assert len(aliases(routes)) > len(ALIASES)


def test_the_api_page_names_no_route_that_is_gone(pages, routes):
    assert documented_routes(pages["docs/api.md"].text) - routes == set()


def test_every_route_of_a_surface_is_in_its_page(pages, registry):
    for simulator in registry.simulators:
        page = pages[f"docs/surfaces/{SURFACE_PAGES[simulator.surface]}.md"].text
        page = re.sub(r"\{[^}]*\}", "{}", page)
        for route in simulator.routes:
            path = re.sub(r"\{[^}]*\}", "{}", route.path)
            if route.method == "*":
                assert simulator.surface in page
                continue
            assert re.search(rf"`{route.method} (?:[^`\s]*/)?{re.escape(path)}[`?/ ]", page), (
                f"{route.method} {route.path}"
            )


def test_every_page_of_a_portal_is_in_their_page(pages):
    text = pages["docs/surfaces/portal-pages.md"].text
    for skin in SKINS.values():
        for page in skin.pages:
            assert f"`{page.path}`" in text, page.path


def test_every_credential_and_endpoint_is_named(pages, registry):
    api = pages["docs/api.md"].text
    for simulator in registry.simulators:
        for endpoint in (*simulator.endpoints, *simulator.extension_endpoints):
            assert f"`{endpoint}`" in api, endpoint


def test_every_error_code_is_in_the_api_page_with_its_status(pages):
    section = pages["docs/api.md"].section("Errors")
    known, waiting = set(), [errors.SandboxError]
    while waiting:
        kind = waiting.pop()
        waiting += [k for k in kind.__subclasses__() if k.__module__ == errors.__name__]
        known.add((kind.status, kind.code))
    documented = {(int(s), c) for s, c in re.findall(r"(?m)^\| (\d{3}) \| `([A-Z_]+)` \|", section)}
    assert documented == known | {(500, "INTERNAL_ERROR")}


def test_every_request_field_is_in_the_api_page(pages):
    from sandbox.api.internal.benchmark_runs import CreateRun
    from sandbox.api.internal.task_runs import Rescore
    from sandbox.api.v1 import CompleteTaskRun, CreateBenchmarkRun
    from sandbox.api.waiting import AdvanceClock

    for model in (CreateBenchmarkRun, CompleteTaskRun, CreateRun, Rescore, AdvanceClock):
        for field in model.model_fields:
            assert re.search(rf'[`"]{field}[`"]', pages["docs/api.md"].prose), f"{model.__name__}.{field}"


# -- compatibility ---------------------------------------------------------------------------------


def compatibility_rows(text):
    """The rows of the route tables: the routes of the first cell, and the state of the second."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if len(cells) >= 2 and cells[1] in ("works", "read-only", "not yet"):
            yield re.findall(rf"`(ALL|{METHODS}) (/[^`\s]*)`", cells[0]), cells[1]


def is_served(method, path, routes):
    if path.endswith("/*"):
        return any(p.startswith(path[:-1]) for _, p in routes)
    if (method, path) in routes:
        return True
    below = [p for m, p in routes if m == "*" and p.endswith("/{}")]
    return any(path.startswith(p.removesuffix("{}")) for p in below)


def test_what_works_is_served_and_what_is_not_there_is_not(pages, routes):
    checked = 0
    for upstream, state in compatibility_rows(pages["docs/compatibility.md"].text):
        for method, path in upstream:
            path = re.sub(r"\{[^}]*\}", "{}", path)
            assert is_served(method, path, routes) is (state != "not yet"), f"{method} {path} is said to be: {state}"
            checked += 1
    assert checked > 60


def test_every_upstream_route_of_ours_has_a_row(pages, registry):
    """A route that the API page calls upstream is in the compatibility table as well."""
    rows = {
        (method, re.sub(r"\{[^}]*\}", "{}", path))
        for upstream, _ in compatibility_rows(pages["docs/compatibility.md"].text)
        for method, path in upstream
    }
    for line in pages["docs/api.md"].text.splitlines():
        if re.search(r"\| upstream[^|]*\|$", line):
            for route in documented_routes(line):
                assert route in rows, route


# -- settings and the command line -----------------------------------------------------------------


def test_every_setting_is_in_its_page(pages):
    section = pages["docs/settings.md"].section("In Python")
    for field in fields(Settings):
        assert f"`{field.name}`" in section, field.name


def test_every_url_that_a_command_agent_is_given_is_named(pages, registry):
    given = url_variables(dict.fromkeys((*(one.surface for one in registry.simulators), "mcp", "clock"), ""))
    for page in ("docs/rehearsal.md", "docs/settings.md"):
        [row] = re.findall(r"(?m)^\| (`FHIR_URL`.*?) \|", pages[page].text)
        assert set(re.findall(r"`(\w+)`", row)) == set(given), page


def test_every_environment_variable_is_in_its_page_and_no_other(pages):
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    used = set(re.findall(r'"(SANDBOX_[A-Z_]+)"', source))
    section = pages["docs/settings.md"].section("Environment variables")
    assert set(re.findall(r"`(SANDBOX_[A-Z_]+)`", section)) == used


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_option_of_a_command_is_in_its_page(pages, name, command):
    section = pages["docs/settings.md"].text
    heading = next(line for line in section.splitlines() if line.startswith("## ") and f"sandbox {name}" in line)
    section = pages["docs/settings.md"].section(heading.removeprefix("## "))
    for parameter in command.params:
        options = [o for o in (*parameter.opts, *parameter.secondary_opts) if o.startswith("-") and o != "--help"]
        for option in options:
            assert f"`{option}`" in section, f"sandbox {name} {option}"


def test_every_default_of_serve_is_the_one_that_is_shown(pages):
    section = pages["docs/settings.md"].section("`sandbox serve`")
    defaults = Settings()
    for option, value in (("--host", defaults.host), ("--port", defaults.port), ("--data-dir", defaults.data_dir)):
        assert f"| `{option}` | `{value}` |" in section


def test_what_may_be_lost_with_the_machine_is_said(pages):
    section = pages["docs/concepts.md"].section("What is promised, and what is not")
    assert f"every {SYNC_INTERVAL_S} s" in section and "synchronous=NORMAL" in section
    source = (PACKAGE / "record" / "database.py").read_text(encoding="utf-8")
    assert '"synchronous=NORMAL"' in source


def amounts_of(value):
    """How a number may be written: 1,000 or 16 MiB."""
    found = {f"{value:,}"}
    for unit, size in (("MiB", limits.MIB), ("KiB", limits.KIB)):
        if value % size == 0:
            found.add(f"{value // size:,} {unit}")
    return found


def test_every_limit_is_in_its_page_with_its_number(pages):
    section = pages["docs/settings.md"].section("Limits")
    documented = dict(re.findall(r"(?m)^\| `([A-Z0-9_]+)` \| ([^|]+) \|", section))
    known = {n: v for n, v in vars(limits).items() if n.isupper() and isinstance(v, int) and n not in ("KIB", "MIB")}
    assert documented.keys() == known.keys()
    for name, value in known.items():
        assert documented[name] in amounts_of(value), name


# -- definitions -----------------------------------------------------------------------------------


def test_every_check_is_in_the_reference_and_in_the_compatibility_page(pages, registry):
    for name in registry.checks:
        assert f"\n## {name}\n" in pages["docs/checks.md"].text, name
        assert f"`{name}`" in pages["docs/compatibility.md"].text, name


def test_every_scenario_action_has_its_section_with_every_argument(pages, registry):
    page = pages["docs/scenarios.md"]
    actions = {name: action for name, (action, _) in registry.scenario_actions.items() if "." not in name}
    for name, action in actions.items():
        section = page.section(name)
        for field in action.model.model_fields:
            assert f"| `{field}` |" in section, f"{name}: {field}"
        assert f"action: {name}" in section
    sections = set(re.findall(r"(?m)^## ([a-z_0-9]+)$", page.text))
    assert sections == set(actions)
    for field in models.StepDefinition.model_fields:
        assert f"`{field}" in page.text or f"{field}:" in page.text, field


def test_every_event_type_is_in_its_page(pages):
    section = pages["docs/events.md"].section("Types")
    named = set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", section))
    assert named == EVENT_TYPES


def test_what_is_written_and_what_is_not_yet_is_told_apart(pages, registry):
    section = pages["docs/events.md"].section("Types")
    written = set(re.findall(r"(?m)^\| `(\w+)` \|", section))
    by_routes = {route.event_type for simulator in registry.simulators for route in simulator.routes}
    assert by_routes <= written


def test_every_kept_header_is_named(pages):
    text = pages["docs/events.md"].text.lower()
    for name in KEPT_REQUEST_HEADERS | KEPT_RESPONSE_HEADERS:
        assert f"`{name}`" in text, name


def test_every_field_of_an_event_is_in_its_table(pages):
    from sandbox.jsonio import parse

    page = pages["docs/events.md"]
    (example,) = [b for b in page.blocks if b.language == "json"]
    for field in parse(example.text.encode())["data"][0]:
        assert re.search(rf"(?m)^\|[^|]*`{field}`", page.text), field


def test_every_key_of_a_definition_is_in_the_authoring_page(pages):
    section = pages["docs/authoring.md"].section("Every key")
    for model in (
        models.BenchmarkDefinition,
        models.EnvironmentDefinition,
        models.SimulatorDefinition,
        models.TaskDefinition,
        models.CriterionDefinition,
        models.ScenarioDefinition,
    ):
        for field in model.model_fields:
            assert re.search(rf"`(?:\w+\.)?{field}(?:\.\w+)?`", section), f"{model.__name__}.{field}"


def test_every_simulator_type_is_in_the_authoring_page(pages, registry):
    section = pages["docs/authoring.md"].section("Every key")
    for simulator in registry.simulators:
        assert f"`{simulator.type}`" in section
