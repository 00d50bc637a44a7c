"""The table of every documented field with its type.

A shape maps a field to the kinds it may have. `documented` fields must all be there; a field that is
in neither `documented` nor `extensions` fails, and so does a wrong type.
"""

import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.clock import parse_instant

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RUN_STATUS = ("active", "completed", "cancelled", "failed")
TASK_STATUS = (*RUN_STATUS, "timed_out")
PHASE = ("created", "started", "completed")
VERDICT = ("pass", "partial", "fail")
REQUEST_ID = re.compile("req_[0-9A-Za-z]{26}")
PLACE_STATUS = ("provisioning", "active", "teardown")


def is_instant(value: Any) -> bool:
    return isinstance(value, str) and bool(INSTANT.fullmatch(value)) and parse_instant(value) is not None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def an_id(prefix: str) -> Any:
    return re.compile(rf"{prefix}_[0-9A-HJKMNP-TV-Z]{{26}}")


KINDS = {
    "string": lambda v: isinstance(v, str) and v != "",
    "text": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": is_number,
    "score": lambda v: is_number(v) and 0 <= v <= 1,
    "instant": is_instant,
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "null": lambda v: v is None,
    "any": lambda v: True,
    "path": lambda v: isinstance(v, str) and v.startswith("/"),
    "url": lambda v: isinstance(v, str) and v.startswith("http://127.0.0.1:"),
}


@dataclass(frozen=True)
class Shape:
    """Fields by name. A kind is a name in KINDS, a pattern, a tuple of literals, a Shape, or [element shape];
    a name that ends with `?` may be null."""

    documented: dict[str, Any]
    extensions: dict[str, Any] = field(default_factory=dict)


def problems(value: Any, kind: Any, at: str = "$") -> list[str]:
    """What is wrong with a value."""
    if isinstance(kind, Shape):
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no object"]
        known = {**kind.documented, **kind.extensions}
        names = {name.rstrip("?"): (name.endswith("?"), inner) for name, inner in known.items()}
        found = [f"{at}.{name} is missing" for name in sorted(set(names) - set(value))]
        found += [f"{at}.{name} is not documented" for name in sorted(set(value) - set(names))]
        for name in set(names) & set(value):
            may_be_null, inner = names[name]
            if not (may_be_null and value[name] is None):
                found += problems(value[name], inner, f"{at}.{name}")
        return found
    if isinstance(kind, list):
        if not isinstance(value, list):
            return [f"{at}: {value!r} is no array"]
        return [p for i, item in enumerate(value) for p in problems(item, kind[0], f"{at}[{i}]")]
    if isinstance(kind, dict):
        return problems(value, Shape(kind), at)
    if isinstance(kind, re.Pattern):
        return [] if isinstance(value, str) and kind.fullmatch(value) else [f"{at}: {value!r} is no {kind.pattern}"]
    if isinstance(kind, tuple):
        return [] if value in kind else [f"{at}: {value!r} is none of {kind}"]
    return [] if KINDS[kind](value) else [f"{at}: {value!r} is no {kind}"]


def check(value: Any, shape: Any) -> None:
    found = problems(value, shape)
    assert not found, "\n".join(found)


BENCHMARK_REF = {"slug": "string", "version": re.compile(r"\d+"), "name": "string"}
URLS = dict.fromkeys(("fhir", "hl7", "files", "portal", "clearinghouse", "mcp", "clock"), "url")
ENDPOINTS = dict.fromkeys(("fhir", "hl7_inbox", "hl7_outbound", "files_inbox", "files", "portal", "x12"), "path")
SFTP = {
    "sftp_host": "string",
    "sftp_port": "int",
    "username": "string",
    "password": "string",
    "host_key": "string",
    "host_key_fingerprint": re.compile("SHA256:.+"),
}
CREDENTIALS = {
    "Fhir": {"fhir_base_url": "url", "token_url": "url", "client_id": "string", "client_secret": "string"},
    "Hl7": Shape(
        {"inbox_url": "url", "outbound_url": "url"},
        {
            "receiving_application": "string",
            "receiving_facility": "string",
            "mllp_host": "string",
            "mllp_port?": "int",
        },
    ),
    "Files": Shape({"root": "string"}, {"inbox_url": "url", "files_url": "url", **SFTP}),
    "Payer": Shape(
        {"portal_url": "url", "api_url": "url", "username": re.compile("provider_.+"), "password": "string"},
        {"fhir_url": "url", "token_url": "url", "client_id": "string", "client_secret": "string"},
    ),
    "Clearinghouse": Shape(
        {"submission_url": "url", "responses_url": "url"},
        {"eligibility_url": "url", "receiver_id": "string"},
    ),
}
RUN_SANDBOX = {
    "id": an_id("sb"),
    "simulator_id": an_id("sim"),
    "type": tuple(CREDENTIALS),
    "name": "string",
    "task_run_id": an_id("tr"),
    "playground_id": an_id("pg"),
    "status": PLACE_STATUS,
    "credentials": "object",
}
CREATED_TASK_RUN = Shape(
    {
        "id": an_id("tr"),
        "task_id": an_id("task"),
        "name": "string",
        "phase": PHASE,
        "start_url": "path",
        "complete_url": "path",
        "playground_id": an_id("pg"),
    },
    {"key": "string", "endpoints": ENDPOINTS},
)
CREATED = Shape(
    {
        "benchmark_run_id": an_id("br"),
        "benchmark": BENCHMARK_REF,
        "scored": "bool",
        "phase": ("created",),
        "bearer_token": re.compile(r"vrl_run_[\w-]{40}"),
        "bearer_token_expires_at": "instant",
        "endpoints": ENDPOINTS,
        "sandboxes": [RUN_SANDBOX],
        "task_runs": [CREATED_TASK_RUN],
    },
    {"status": ("active",), "agent?": "string", "seed?": "int", "mess": "int", "created_at": "instant"},
)
PUBLIC_TASK_RUN = Shape(
    {
        **CREATED_TASK_RUN.documented,
        "status": TASK_STATUS,
        "verdict?": VERDICT,
        "score?": "score",
    },
    {
        **CREATED_TASK_RUN.extensions,
        "urls?": URLS,
        "started_at?": "instant",
        "timeout_at?": "instant",
        "completed_at?": "instant",
        "failed_required": ["string"],
        "tags": ["string"],
        "baseline?": "object",
    },
)
PUBLIC_RUN = Shape(
    {
        "benchmark_run_id": an_id("br"),
        "benchmark": BENCHMARK_REF,
        "scored": "bool",
        "phase": PHASE,
        "status": RUN_STATUS,
        "verdict?": VERDICT,
        "score?": "score",
        "agent?": "string",
        "started_at?": "instant",
        "completed_at?": "instant",
        "endpoints": ENDPOINTS,
        "sandboxes": [RUN_SANDBOX],
        "task_runs": [PUBLIC_TASK_RUN],
    },
    {"bearer_token_expires_at": "instant", "figures?": "object"},
)
STARTED = Shape(
    {
        "task_run_id": an_id("tr"),
        "benchmark_run_id": an_id("br"),
        "task_id": an_id("task"),
        "name": "string",
        "phase": ("started",),
        "status": ("active",),
        "started_at": "instant",
        "timeout_at": "instant",
        "task_item?": "object",
        "endpoints": ENDPOINTS,
        "sandboxes": [RUN_SANDBOX],
    },
    {"key": "string", "urls": URLS, "waiting": {"allowed": "bool", "advance_url?": "path"}},
)
CHECKED = {
    "criterion_run_id": an_id("crun"),
    "criterion_id": an_id("crit"),
    "label": "string",
    "axis?": "string",
    "weight": "number",
    "passed": "bool",
    "score": "score",
}
SCORED_CHECK = Shape(CHECKED, {"required": "bool"})
CHECK = Shape({**CHECKED, "details": "string", "evidence": "object"}, {"required": "bool"})
COMPLETION = {
    "task_run_id": an_id("tr"),
    "benchmark_run_id": an_id("br"),
    "phase": ("completed",),
    "status": ("completed",),
    "verdict": VERDICT,
    "score": "score",
    "axes": "object",
    "checks": [CHECK],
    "started_at": "instant",
    "completed_at": "instant",
}
COMPLETED = Shape(COMPLETION, {"failed_required": ["string"]})
COMPLETED_SCORED = Shape({**COMPLETION, "checks": [SCORED_CHECK]}, COMPLETED.extensions)
CRITERION_RUN = Shape(
    {
        "id": an_id("crun"),
        "task_run_id": an_id("tr"),
        "criterion_id": an_id("crit"),
        "passed": "bool",
        "score": "score",
        "details?": "string",
        "evidence?": "object",
        "started_at": "instant",
        "completed_at?": "instant",
    },
    {"label": "string", "axis?": "string", "weight": "number", "required": "bool", "superseded_at?": "instant"},
)
INTERNAL_RUN = Shape(
    {
        "id": an_id("br"),
        "benchmark_id": an_id("bench"),
        "status": RUN_STATUS,
        "phase": PHASE,
        "scored": "bool",
        "verdict?": VERDICT,
        "score?": "score",
        "agent?": "string",
        "started_at?": "instant",
        "completed_at?": "instant",
    },
    {
        "benchmark": BENCHMARK_REF,
        "organization_id": an_id("org"),
        "solver_id?": an_id("slv"),
        "seed?": "int",
        "mess": "int",
        "figures?": "object",
        "definition_hash": re.compile("[0-9a-f]{64}"),
        "published_at?": "instant",
        "created_at": "instant",
        "updated_at": "instant",
    },
)
INTERNAL_TASK_RUN = Shape(
    {
        "id": an_id("tr"),
        "benchmark_run_id": an_id("br"),
        "task_id": an_id("task"),
        "playground_id": an_id("pg"),
        "status": TASK_STATUS,
        "phase": PHASE,
        "verdict?": VERDICT,
        "score?": "score",
        "started_at?": "instant",
        "completed_at?": "instant",
    },
    {
        "key": "string",
        "name": "string",
        "axes?": "object",
        "output?": "any",
        "notes?": "text",
        "failed_required": ["string"],
        "tags": ["string"],
        "baseline?": "object",
        "timeout_at?": "instant",
        "created_at": "instant",
    },
)
FULL_TASK_RUN = Shape(
    {**INTERNAL_TASK_RUN.documented, "criterion_runs": [CRITERION_RUN], "snapshot?": "object"},
    INTERNAL_TASK_RUN.extensions,
)
SANDBOX = Shape(
    {
        "id": an_id("sb"),
        "simulator_id": an_id("sim"),
        "playground_id?": an_id("pg"),
        "status": PLACE_STATUS,
        "credentials?": "object",
        "organization_id": an_id("org"),
        "created_at": "instant",
        "updated_at": "instant",
    },
    {"type": tuple(CREDENTIALS), "name": "string", "datasets": "array"},
)
PLAYGROUND = Shape(
    {
        "id": an_id("pg"),
        "environment_id": an_id("env"),
        "status": PLACE_STATUS,
        "organization_id": an_id("org"),
        "created_at": "instant",
        "updated_at": "instant",
        "sandboxes": [SANDBOX],
    },
    {"benchmark_run_id?": an_id("br"), "task_run_id?": an_id("tr"), "forked_from?": "object", "expires_at?": "instant"},
)
# What is told of one, and not in lists.
FULL_PLAYGROUND = Shape(
    PLAYGROUND.documented,
    {
        **PLAYGROUND.extensions,
        "state_hash": re.compile("[0-9a-f]{64}"),
        "events": "int",
        "clock": "object",
        "snapshots": "array",
    },
)
BENCHMARK = Shape(
    {
        "id": an_id("bench"),
        "name": "string",
        "description?": "string",
        "timeout?": "number",
        "concurrency?": "int",
        "environment_id?": an_id("env"),
        "organization_id": an_id("org"),
        "slug?": "string",
        "version?": "int",
        "published": "bool",
        "visibility": ("Public", "Private"),
        "created_at": "instant",
        "updated_at": "instant",
    },
    {"source": ("file",), "definition_hash": re.compile("[0-9a-f]{64}")},
)
TASK = Shape(
    {
        "id": an_id("task"),
        "benchmark_id": an_id("bench"),
        "name": "string",
        "timeout?": "number",
        "task_item?": "object",
        "scenario?": "object",
        "tags": "array",
        "created_at": "instant",
    },
    {"key": "string", "entities": "array", "source": ("file",)},
)
CRITERION = {
    "id": an_id("crit"),
    "task_id": an_id("task"),
    "input_entity_id?": "string",
    "label": "string",
    "assertion": "object",
    "weight": "number",
    "axis?": "string",
    "created_at": "instant",
}
EVENT = {
    "id": re.compile("evt_[0-9A-HJKMNP-TV-Z]{26,33}"),
    "seq": "int",
    "sandbox_id?": an_id("sb"),
    "playground_id": an_id("pg"),
    "task_run_id?": an_id("tr"),
    "type": "string",
    "at": "instant",
    "duration_ms": "number",
    "request?": {"method": "string", "path": "string", "query?": "text", "headers": "object", "body?": "any"},
    "response?": {"status": "int", "headers": "object", "body?": "any"},
    "changes": [{"collection": "string", "key": "string", "version": "int", "op": ("put", "delete")}],
    "actor": ("agent", "organization", "scenario"),
    "via?": ("http", "mcp", "mllp", "sftp", "browser"),
}


def more(shape: Shape, documented: dict[str, Any] | None = None, extensions: dict[str, Any] | None = None) -> Shape:
    """A shape with more fields."""
    return Shape({**shape.documented, **(documented or {})}, {**shape.extensions, **(extensions or {})})


def page_of(element: Any) -> Shape:
    meta = {"next?": "string", "prev?": "string", "limit": "int"}
    return Shape({"data": [element], "next_cursor?": "string", "_meta": meta})


ERROR = {"error": Shape({"code": "string", "message": "string", "request_id": REQUEST_ID})}
ERROR_WITH_DETAILS = {
    "error": Shape({"code": "string", "message": "string", "details": "object", "request_id": REQUEST_ID})
}


@pytest.fixture(scope="session")
def table() -> SimpleNamespace:
    """The shapes and the functions of this table."""
    return SimpleNamespace(**globals())
