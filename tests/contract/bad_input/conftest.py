"""Bad input on every route of the server: a 4xx in the route's own format, and no state changed.

`API` and `SURFACES` hold one row per route; a route without a row fails `test_every_route_has_a_row`.
"""

import asyncio
import email
import json
import re
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox import limits
from sandbox.llm_tasks.http.addresses import is_task_api

MOUNTS = (
    "/v1/benchmark-runs/{benchmark_run_id}",
    "/v1/task-runs/{task_run_id}",
    "/t/{capability}",
    "/sandboxes/{sandbox_id}",
    "/services/{sandbox_id}",
)
DIRECT = ("/sandboxes/", "/services/")
SURFACE_NAMES = ("fhir", "hl7", "files", "portal", "clearinghouse", "x12", "clock")
JSON = {"Content-Type": "application/json"}
ANY_TYPE = [1, 1.5, True, "x", [], {}, None]


@dataclass(frozen=True)
class Row:
    """One route: whose token it wants, what stands in its path, and what its body must be.

    `path` fills the parameters in; `body` is a valid one, None where the route takes none. `wrong`
    gives wrong values by field, `required` the fields that may not be missing. What is open needs no token; what
    `is_direct` is there on the direct paths only, what `is_agents` on all others. `status` is what a `GET` answers.
    An `is_file` is the same for everyone and below every root.
    """

    token: str = "organization"
    path: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    required: tuple[str, ...] = ()
    wrong: dict[str, list[Any]] = field(default_factory=dict)
    query: str = ""
    is_open: bool = False
    has_json: bool = True
    limit: int = limits.REQUEST_BODY_BYTES
    is_direct: bool = False
    is_agents: bool = False
    status: int = 200
    is_file: bool = False


def but(*allowed: type) -> list[Any]:
    """Values of every JSON type but these."""
    return [v for v in ANY_TYPE if type(v) not in allowed]


NULL = type(None)
NOTHING = Row(body={})
RUN_ID = {"id": "{run}"}
TASK_ID = {"id": "{task}"}
PLACE_ID = {"id": "{playground}"}
NO_PLACE = [*but(int, str, NULL), -1, 10**9, "", "x", "snap_x", "pg_x"]
COMPLETE = {"output": 1}
CREATE_WRONG = {
    "scored": but(bool),
    "agent": [*but(str, NULL), "x" * 201],
    "seed": [1.5, True, "x", [], {}, -1, 2**53, 10**40],
    "tasks": [*but(list, NULL), [], ["none"], ["refer", "refer"]],
}
API: dict[tuple[str, str], Row] = {
    ("GET", "/"): Row(is_open=True),
    ("GET", "/healthz"): Row(is_open=True),
    ("GET", "/readyz"): Row(is_open=True),
    ("GET", "/metrics"): Row(is_open=True, has_json=False),
    ("POST", "/v1/benchmark-runs"): Row(
        "solver",
        body={"benchmark": "clinic@1"},
        required=("benchmark",),
        wrong={
            "benchmark": [*but(str), "", "@1", "clinic@", "clinic@x", "clinic@-1", "clinic@²", "c" * 201],
            **CREATE_WRONG,
        },
    ),
    ("GET", "/v1/benchmark-runs/{benchmark_run_id}"): Row("run", {"benchmark_run_id": "{run}"}),
    ("POST", "/v1/benchmark-runs/{benchmark_run_id}/cancel"): Row("solver", {"benchmark_run_id": "{run}"}, {}),
    ("POST", "/v1/task-runs/{task_run_id}/start"): Row("run", {"task_run_id": "{other_task}"}, {}),
    ("POST", "/v1/task-runs/{task_run_id}/complete"): Row(
        "run", {"task_run_id": "{task}"}, COMPLETE, wrong={"notes": [*but(str, NULL), "x" * 100_001]}
    ),
    ("GET", "/benchmark-runs"): Row(),
    ("POST", "/benchmark-runs"): Row(
        body={"benchmark_id": "clinic@1"},
        required=("benchmark_id",),
        wrong={"benchmark_id": [*but(str), "", "clinic@x", "bench_x" * 40], **CREATE_WRONG},
    ),
    ("GET", "/benchmark-runs/{id}"): Row(path=RUN_ID),
    ("POST", "/benchmark-runs/{id}/complete"): Row(path=RUN_ID, body={}),
    ("POST", "/benchmark-runs/{id}/cancel"): Row(path=RUN_ID, body={}),
    ("GET", "/benchmark-runs/{id}/export"): Row(path=RUN_ID, query="format=jsonl", has_json=False),
    ("POST", "/benchmark-runs/{id}/publish"): Row(path=RUN_ID, body={}),
    ("POST", "/benchmark-runs/{id}/unpublish"): Row(path=RUN_ID, body={}),
    ("GET", "/leaderboard"): Row(query="benchmark=clinic@1"),
    ("GET", "/task-runs"): Row(query="benchmark_run_id={run}"),
    ("GET", "/task-runs/{id}"): Row(path=TASK_ID),
    ("GET", "/task-runs/{id}/changes"): Row(path={"id": "{done}"}),
    ("POST", "/task-runs/{id}/complete"): Row(
        path=TASK_ID, body=COMPLETE, wrong={"notes": [*but(str, NULL), "x" * 100_001]}
    ),
    ("POST", "/task-runs/{id}/cancel"): Row(path=TASK_ID, body={}),
    ("POST", "/task-runs/{id}/rescore"): Row(
        path={"id": "{done}"}, body={"criteria": "current"}, wrong={"criteria": [*but(str), "other"]}
    ),
    ("GET", "/task-runs/{id}/events"): Row(path=TASK_ID),
    ("GET", "/task-runs/{id}/events/stream"): Row(path=TASK_ID),
    ("GET", "/criterion-runs"): Row(query="task_run_id={task}"),
    ("GET", "/criterion-runs/{id}"): Row(path={"id": "{criterion_run}"}),
    ("GET", "/sandboxes"): Row(),
    ("GET", "/sandboxes/{id}"): Row(path={"id": "{Files}"}),
    ("GET", "/sandboxes/{id}/events"): Row(path={"id": "{Files}"}),
    ("POST", "/sandboxes/{id}/teardown"): Row(path={"id": "{Files}"}, body={}),
    ("GET", "/mllp/strays"): Row(),
    ("GET", "/playgrounds"): Row(),
    ("GET", "/playgrounds/{id}"): Row(path={"id": "{playground}"}),
    ("POST", "/playgrounds/{id}/teardown"): Row(path={"id": "{playground}"}, body={}),
    ("GET", "/playgrounds/{id}/events"): Row(path=PLACE_ID),
    ("POST", "/playgrounds/{id}/snapshot"): Row(path=PLACE_ID, body={"at": 0}, wrong={"at": NO_PLACE}),
    ("POST", "/playgrounds/{id}/fork"): Row(
        path=PLACE_ID, body={"at": 0}, wrong={"at": NO_PLACE, "timeout": [*but(int), 0, 10**9]}
    ),
    ("POST", "/playgrounds/{id}/restore"): Row(
        path=PLACE_ID, body={"to": "now"}, required=("to",), wrong={"to": [*NO_PLACE, None]}
    ),
    ("POST", "/playgrounds/{id}/clock"): Row(
        path=PLACE_ID,
        body={"seconds": 1},
        required=("seconds",),
        wrong={"seconds": [*but(int, float), -1], "to": [*but(str, NULL), "", "tomorrow"]},
    ),
    ("GET", "/playgrounds/{id}/diff"): Row(path=PLACE_ID, query="from=0&to=now"),
    ("POST", "/playgrounds/{id}/diff"): Row(path=PLACE_ID, body={"from": 0}, wrong={"from": NO_PLACE, "to": NO_PLACE}),
    ("GET", "/benchmarks"): Row(),
    ("GET", "/benchmarks/{id}"): Row(path={"id": "clinic@1"}),
    ("GET", "/tasks"): Row(query="benchmark_id={benchmark}"),
    ("GET", "/tasks/{id}"): Row(path={"id": "{task_definition}"}),
}
AUTH_WRONG = {
    "patient_member_id": [*but(str), "", "x" * 65, "nobody"],
    "procedure_code": [*but(str), "", "1", "72148X"],
    "diagnosis_codes": [*but(list), [1], [None], ["nonsense"], ["M54.16"] * 13],
    "provider_npi": [*but(str), "", "1234567890", "12"],
    "clinical_answers": but(dict, NULL),
    "notes": [*but(str, NULL), "x" * 10_001],
    "attachments": [*but(list, NULL), [1], [{}], [{"filename": "../x", "content_base64": "eA=="}]],
    "draft": but(bool),
}
UNITS_WRONG = [*but(int, NULL), 0, 100_001]
DAY_WRONG = [*but(str, NULL), "", "20260423", "2026-02-30", "2026-04-23T09:00:00Z"]
AUTH_WRONG |= {"units": UNITS_WRONG, "service_date": DAY_WRONG}
APPEAL = Row(
    path={"id": "{draft}"},
    body={"rationale": "There is a deficit."},
    required=("rationale",),
    wrong={"rationale": [*but(str), "", "x" * 10_001], "attachments": [*but(list, NULL), [1], [{}]]},
)
PRIOR_AUTH = {
    "patient_member_id": "M1",
    "procedure_code": "72148",
    "diagnosis_codes": ["M54.16"],
    "provider_npi": "1234567893",
}
MEMBER = {"member_id": "M1", "last_name": "Reyes", "first_name": "Ana", "birth_date": "1970-01-01"}
MEMBER_WRONG = {
    "patient_id": [*but(str, NULL), "", "ana", "x" * 129],
    "member_id": [*but(str, NULL), "", "a*b", "x" * 65],
    "last_name": [*but(str, NULL), "", "a~", "x" * 61],
    "first_name": [*but(str, NULL), "", "a:b", "x" * 36],
    "birth_date": [*but(str, NULL), "", "19700101", "1970-13-01"],
    "gender": [*but(str, NULL), "", "banana"],
    "provider_npi": [*but(str, NULL), "", "12", "x" * 10],
}
PAYLOAD = Row(body={"payload": "MSH|"}, required=("payload",), wrong={"payload": but(str)})
SURFACES: dict[tuple[str, str], Row] = {
    ("GET", "hl7/inbox"): Row(),
    ("GET", "hl7/inbox/{id}"): Row(path={"id": "{message}"}),
    ("POST", "hl7/inbox/{id}/ack"): Row(
        path={"id": "{message}"},
        body={"ack_code": "AA"},
        required=("ack_code",),
        wrong={"ack_code": [*but(str), "", "XX"], "text": but(str), "payload": [*but(str), "nonsense"]},
    ),
    ("GET", "hl7/outbound"): Row(),
    ("GET", "hl7/batches"): Row(),
    ("POST", "hl7/outbound"): PAYLOAD,
    ("GET", "hl7/listener"): Row(status=404),  # none is named
    ("PUT", "hl7/listener"): Row(
        body={"host": "127.0.0.1", "port": 2575},
        required=("host", "port"),
        wrong={"host": but(str), "port": [*but(int), 0, -1, 65_536]},
    ),
    ("DELETE", "hl7/listener"): Row(),
    ("GET", "hl7/messages"): Row(),
    ("POST", "hl7/messages"): PAYLOAD,
    ("GET", "files"): Row(),
    ("GET", "files/"): Row(),
    ("GET", "files/inbox"): Row(),
    ("GET", "files/{path}"): Row(path={"path": "inbox/referral.txt"}),
    ("PUT", "files/{path}"): Row(path={"path": "outbox/x.txt"}, body={}, has_json=False, limit=limits.FILE_BYTES),
    ("DELETE", "files/{path}"): Row(path={"path": "inbox/referral.txt"}),
    ("POST", "files/{path}"): Row(path={"path": "inbox/referral.txt"}, body={}, has_json=False),
    ("POST", "portal/prior-auths"): Row(
        body=PRIOR_AUTH,
        required=("patient_member_id", "procedure_code", "diagnosis_codes", "provider_npi"),
        wrong=AUTH_WRONG,
    ),
    ("GET", "portal/prior-auths"): Row(),
    ("GET", "portal/prior-auths/{id}"): Row(path={"id": "{draft}"}),
    ("PATCH", "portal/prior-auths/{id}"): Row(
        path={"id": "{draft}"},
        body={"notes": "x"},
        wrong={n: [v for v in values if v is not None] for n, values in AUTH_WRONG.items()},
    ),
    ("POST", "portal/prior-auths/{id}/submit"): Row(path={"id": "{draft}"}, body={}),
    ("POST", "portal/prior-auths/{id}/attachments"): Row(
        path={"id": "{draft}"},
        body={"filename": "a.pdf", "content_base64": "eA=="},
        required=("filename", "content_base64"),
        wrong={
            "filename": [*but(str), "", "..", "a/b", "a\x00b", "x" * 300],
            "content_base64": [*but(str), "!", "", "eA"],
            "content_type": [*but(str), "", "x", "a/b/c"],
        },
    ),
    ("GET", "portal/prior-auths/{id}/attachments"): Row(path={"id": "{draft}"}),
    ("GET", "portal/prior-auths/{id}/attachments/{aid}"): Row(path={"id": "{draft}", "aid": "{attachment}"}),
    ("GET", "portal/patients"): Row(),
    ("GET", "portal/patients/{member_id}"): Row(path={"member_id": "M1"}),
    ("GET", "portal/providers"): Row(),
    ("GET", "portal/providers/{npi}"): Row(path={"npi": "1234567893"}),
    ("GET", "portal/formulary"): Row(),
    ("GET", "portal/questions"): Row(),
    ("GET", "portal"): Row(is_open=True),
    ("POST", "portal/login"): Row(
        is_open=True,
        body={"username": "x", "password": "y"},
        required=("username", "password"),
        wrong={"username": [*but(str), "x" * 201], "password": [*but(str), "x" * 201]},
        limit=limits.LOGIN_BODY_BYTES,
    ),
    ("POST", "portal/login/code"): Row(
        is_open=True,
        body={"code": "000000"},
        required=("code",),
        wrong={"code": [*but(str), "x" * 21]},
        limit=limits.LOGIN_BODY_BYTES,
    ),
    ("POST", "portal/logout"): Row(body={}),
    ("GET", "portal/prior-auths/{id}/actions"): Row(path={"id": "{draft}"}),
    ("POST", "portal/prior-auths/{id}/withdraw"): Row(
        path={"id": "{draft}"}, body={}, wrong={"reason": [*but(str, NULL), "x" * 501]}
    ),
    ("POST", "portal/prior-auths/{id}/resubmit"): Row(
        path={"id": "{draft}"},
        body={},
        wrong={"notes": [*but(str, NULL), "x" * 10_001], "units": UNITS_WRONG, "service_date": DAY_WRONG},
    ),
    ("POST", "portal/prior-auths/{id}/appeal"): APPEAL,
    ("POST", "portal/prior-auths/{id}/external-review"): APPEAL,
    ("POST", "portal/prior-auths/{id}/peer-to-peer"): Row(
        path={"id": "{draft}"},
        body={},
        wrong={"phone": [*but(str, NULL), "x" * 51], "contact": [*but(str, NULL), "x" * 201]},
    ),
    ("DELETE", "portal/prior-auths/{id}/peer-to-peer"): Row(path={"id": "{draft}"}),
    ("POST", "portal/prior-auths/{id}/peer-to-peer/slot"): Row(
        path={"id": "{draft}"}, body={"slot": 1}, required=("slot",), wrong={"slot": [*but(int), 0, 1_001]}
    ),
    ("POST", "portal/prior-auths/{id}/peer-to-peer/turns"): Row(
        path={"id": "{draft}"}, body={"text": "x"}, required=("text",), wrong={"text": [*but(str), "", "x" * 4_001]}
    ),
    ("GET", "portal/web"): Row(is_open=True),
    ("GET", "portal/web/"): Row(is_open=True),
    ("GET", "portal/web/login"): Row(is_open=True),
    ("POST", "portal/web/login"): Row(is_open=True, body={}, has_json=False, limit=limits.LOGIN_BODY_BYTES),
    ("GET", "portal/web/login/code"): Row(is_open=True),
    ("POST", "portal/web/login/code"): Row(is_open=True, body={}, has_json=False, limit=limits.LOGIN_BODY_BYTES),
    ("GET", "portal/web/public-status"): Row(query="tracking_number=TN1", is_open=True),
    ("GET", "portal/web/static/portal.css"): Row(is_open=True, is_file=True),
    ("*", "portal/web/{path}"): Row(path={"path": "home"}, has_json=False),
    ("GET", "portal/requirements"): Row(query="procedure_code=72148"),
    ("GET", "portal/status"): Row(query="member_id=M1&birth_date=1970-01-01"),
    ("GET", "portal/public-status"): Row(query="tracking_number=TN1", is_open=True),
    ("GET", "portal/eligibility"): Row(query="member_id=M1"),
    ("GET", "portal/claims"): Row(),
    ("GET", "portal/claims/{claim_number}"): Row(path={"claim_number": "CLM1"}),
    ("POST", "portal/claims/{claim_number}/appeal"): replace(APPEAL, path={"claim_number": "CLM1"}),
    ("GET", "portal/appeals"): Row(),
    ("GET", "portal/appeals/{id}"): Row(path={"id": "{appeal}"}),
    ("POST", "clearinghouse/eligibility"): Row(
        body=MEMBER,
        wrong={
            **MEMBER_WRONG,
            "service_type_codes": [*but(list), [], [1], ["300"], ["*"], ["30"] * 100],
            "procedure_code": [*but(str, NULL), "", "a*b", "x" * 31],
            "service_date": [*but(str, NULL), "", "20260423", "2026-02-30"],
            "service_end_date": [*but(str, NULL), "2026-04-23"],
        },
    ),
    ("POST", "clearinghouse/claim-status"): Row(
        body=MEMBER,
        required=("member_id", "last_name"),
        wrong={
            **MEMBER_WRONG,
            "claim_number": [*but(str, NULL), "", "a~b", "x" * 51],
            "patient_account_number": [*but(str, NULL), "", "a^b"],
            "charge": [*but(int, float, NULL), -1, 10**9],
            "service_date": [*but(str, NULL), "2026-4-1"],
        },
    ),
    ("POST", "clearinghouse/prior-auth"): Row(
        body={**MEMBER, "provider_npi": "1234567893", "procedure_code": "72148", "diagnosis_codes": ["M54.16"]},
        wrong={
            **MEMBER_WRONG,
            "action": [*but(str), "", "open"],
            "authorization_number": [*but(str, NULL), "", "PA1", "a:b"],
            "procedure_code": [*but(str, NULL), "", "a*b"],
            "diagnosis_codes": [*but(list), [1], [""], ["M54.16"] * 13],
            "units": [*but(int, NULL), 0, -1, 10**6],
            "service_date": [*but(str, NULL), "tomorrow"],
            "clinical_answers": [*but(dict), {"a": []}, {"a": None}],
            "notes": [*but(str, NULL), "", "x" * 2001],
        },
    ),
    ("POST", "clearinghouse/transactions"): Row(
        body={"x12": "ISA"}, required=("x12",), wrong={"x12": [*but(str), "", "nonsense"]}
    ),
    ("GET", "clearinghouse/transactions"): Row(),
    ("GET", "clearinghouse/transactions/{id}"): Row(path={"id": "{answer}"}),
    ("GET", "clearinghouse/interchanges"): Row(),
    ("GET", "fhir/.well-known/smart-configuration"): Row(is_open=True),
    ("GET", "fhir/metadata"): Row(is_open=True),
    ("*", "fhir/token"): Row(is_open=True, has_json=False, body={}, limit=limits.LOGIN_BODY_BYTES),
    ("POST", "fhir/smart-client"): Row(
        is_direct=True,
        body={"token_lifetime_minutes": 5},
        wrong={
            "token_lifetime_minutes": [*but(int), 0, 61],
            "jwks": [*but(dict, NULL), {}, {"keys": [{}]}],
            "public_key": [*but(str, NULL), "x"],
        },
    ),
    ("GET", "portal/fhir/.well-known/smart-configuration"): Row(is_open=True),
    ("GET", "portal/fhir/metadata"): Row(is_open=True),
    ("*", "portal/fhir/token"): Row(is_open=True, has_json=False, body={}, limit=limits.LOGIN_BODY_BYTES),
    ("*", "portal/fhir"): Row(),
    ("*", "portal/fhir/{path}"): Row(path={"path": "Questionnaire"}),
    ("POST", "clock/advance"): Row(
        is_agents=True,
        body={"seconds": 1},
        required=("seconds",),
        wrong={
            "seconds": [*but(int, float), 0, -1, limits.CLOCK_ADVANCE_S + 1, 10**400],
            "to": [*but(NULL), "next", "last"],
        },
        limit=limits.LOGIN_BODY_BYTES,
    ),
    ("*", "fhir"): Row(),
    ("*", "fhir/{path}"): Row(path={"path": "Patient/ana"}),
}

SURFACES["POST", "portal/fhir/smart-client"] = SURFACES["POST", "fhir/smart-client"]
SURFACES |= {
    (m, f"x12/{p.partition('/')[2]}"): row for (m, p), row in SURFACES.items() if p.startswith("clearinghouse/")
}

IDS = [
    "x",
    "..",
    "%2e%2e",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%2e%2e%5c%2e%2e%5cwindows",
    "%00",
    "a%00b",
    "%ff%fe",
    "%ED%A0%80",
    "%C0%AE%C0%AE%2f",
    "%25",
    "%zz",
    "'%20OR%20'1'='1",
    "%F0%9F%92%89",
    "%0d%0aX-Injected:%201",
    "a" * 5000,
    "-1",
    "null",
    "*",
]


@dataclass
class World:
    """A run with one task started, and everything a path needs."""

    live: Any
    run: Any
    names: dict[str, str]
    tokens: dict[str, str]
    others: dict[str, str]

    def fill(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text

    def routes(self) -> list[tuple[str, str, Row]]:
        """Every route with its parameters still open: (method, path, row)."""
        found = []
        for route in self.live.app.router.routes():
            method, path = route.method, route.resource.canonical
            if method == "HEAD" or is_elsewhere(path):
                continue
            surface = surface_part(path)
            if surface is None:
                found.append((method, path, API[method, path]))
            else:
                mount = path[: -len(surface) - 1]
                found.append((method, path, self.mounted(mount, SURFACES[method, surface], surface)))
        return found

    def mounted(self, mount: str, row: Row, surface: str) -> Row:
        kinds = {
            "files": "{Files}",
            "hl7": "{Hl7}",
            "portal": "{Payer}",
            "fhir": "{Fhir}",
            "clearinghouse": "{Clearinghouse}",
            "x12": "{Clearinghouse}",
        }
        more = {
            "benchmark_run_id": "{run}",
            "task_run_id": "{task}",
            "capability": "{secret}",
            "sandbox_id": kinds.get(surface.partition("/")[0], ""),
        }
        path = {**row.path, **{k: v for k, v in more.items() if "{" + k + "}" in mount}}
        token = "run" if mount.startswith("/v1") else "organization"
        return replace(row, token=token, path=path, is_open=row.is_open or mount.startswith("/t/"))

    def path(self, path: str, row: Row, replaced: dict[str, str] | None = None) -> str:
        """The path with its parameters filled in, some of them replaced."""
        for name, value in {**row.path, **(replaced or {})}.items():
            path = path.replace("{" + name + "}", self.fill(value))
        return path + (f"?{self.fill(row.query)}" if row.query else "")

    async def snapshot(self) -> Any:
        run = await self.live.get(f"/benchmark-runs/{self.run.id}")
        runs = (await self.live.get("/benchmark-runs?limit=100"))["data"]
        return run, runs, self.run.state_hash(0), self.live.state_hash(self.names["other_task"])


def is_elsewhere(path: str) -> bool:
    """Whether a route belongs to the task API, the dashboard or tools, which have forms and tests of their own."""
    return is_task_api(path) or path in ("/oauth2/token", "/ui") or path.startswith("/ui/") or path.endswith("/mcp")


def surface_part(path: str) -> str | None:
    """The part of a canonical path below a mount, None for the API's own routes."""
    for mount in MOUNTS:
        rest = path.removeprefix(mount + "/")
        if rest != path and rest.split("/")[0] in SURFACE_NAMES:
            return rest
    return None


def is_first(path: str) -> bool:
    """Whether a route is the API's own or below its first mount: one implementation serves all mounts."""
    surface = surface_part(path)
    if surface is None:
        return True
    is_direct = any(row.is_direct for (_, name), row in SURFACES.items() if name == surface)
    return path.startswith(DIRECT[0] if is_direct else MOUNTS[0])


@pytest.fixture
async def world(live, kit):
    other = await live.started()
    run = await live.run()
    await run.start(1)
    await run.complete(1)
    third = await live.run()
    secret = (await run.start(0))["urls"]["fhir"].split("/")[-2]
    draft = (await run.call("POST", "portal/prior-auths", json={**PRIOR_AUTH, "draft": True})).json["request_id"]
    uploaded = await run.call(
        "POST", f"portal/prior-auths/{draft}/attachments", json={"filename": "a.pdf", "content_base64": "eA=="}
    )
    attachment = (await run.call("GET", f"portal/prior-auths/{draft}/attachments")).json["data"][0]
    appealed = await run.call("POST", "portal/claims/CLM1/appeal", json={"rationale": "It was authorized."})
    benchmark = await live.get("/benchmarks/clinic@1")
    assert uploaded.status == 201
    names = {
        "run": run.id,
        "task": run.tasks[0],
        "secret": secret,
        "other_task": third.tasks[0],
        "done": run.tasks[1],
        "draft": draft,
        "appeal": appealed.json["appeal_id"],
        "attachment": str(attachment.get("attachment_id") or attachment.get("id")),
        "message": (await run.call("GET", "hl7/inbox")).json[0]["id"],
        "answer": (await run.call("POST", "clearinghouse/eligibility", json=MEMBER)).json["id"],
        "playground": run.value["task_runs"][0]["playground_id"],
        "benchmark": benchmark["id"],
        "task_definition": run.value["task_runs"][0]["task_id"],
        "criterion_run": (await live.get(f"/criterion-runs?task_run_id={run.tasks[1]}"))["data"][0]["id"],
    }
    names |= {s["type"]: s["id"] for s in run.value["sandboxes"] if s["task_run_id"] == run.tasks[0]}
    tokens = {"organization": kit.api_key, "solver": kit.solver_key, "run": run.token, "third": third.token}
    return World(live, run, names, tokens, {"run": other.token})


def token_of(world: World, path: str, row: Row) -> str:
    return world.tokens["third" if "{other_task}" in row.path.values() else row.token]


def assert_refused(answer: Any, path: str, *statuses: int, note: object = "") -> None:
    """A 4xx in the format of the path's surface, with the request id."""
    where = (path[:200], note, answer)
    assert 400 <= answer.status < 500, where
    if statuses:
        assert answer.status in statuses, where
    request_id = answer.headers["X-Request-Id"]
    assert re.fullmatch(r"req_\w{20,}", request_id), where
    assert "X-Injected" not in answer.headers
    if path.endswith("/fhir/token"):
        assert answer.headers["Content-Type"] == "application/json", where
        assert set(answer.json) == {"error", "error_description"} and answer.json["error_description"], where
        return
    if re.match(r"/(v1/(benchmark|task)-runs|sandboxes|services|t)/[^/]*/(portal/)?fhir(/|$|\?)", path):
        assert answer.headers["Content-Type"].startswith("application/fhir+json"), where
        assert answer.json["resourceType"] == "OperationOutcome", where
        assert answer.json["issue"][0]["diagnostics"], where
        return
    if "/portal/web/" in path:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8" and b"<h1>" in answer.body, where
        return
    assert answer.headers["Content-Type"].startswith("application/json"), where
    error = answer.error
    assert set(error) in ({"code", "message", "request_id"}, {"code", "message", "request_id", "details"}), where
    assert error["request_id"] == request_id, where
    assert error["message"] and re.fullmatch("[A-Z_]+", error["code"]), where


@dataclass(frozen=True)
class Raw:
    """An answer to `raw`."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


async def raw(live: Any, request: bytes) -> Any:
    """Send bytes as they are and read the answer."""
    host, port = live.url.removeprefix("http://").split(":")
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        await writer.drain()
        begin, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        headers = email.message_from_bytes(rest)
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        writer.close()
    return Raw(int(begin.split()[1]), headers, body)


def head(method: str, path: bytes | str, token: str, *headers: str) -> bytes:
    target = path if isinstance(path, bytes) else path.encode()
    lines = "".join(
        f"{line}\r\n" for line in ("Host: localhost", f"Authorization: Bearer {token}", "Connection: close", *headers)
    )
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + lines.encode("latin-1") + b"\r\n"


@pytest.fixture(scope="session")
def bad() -> SimpleNamespace:
    """The rows and the functions of this table."""
    return SimpleNamespace(**globals())
