"""FHIR for a model that calls tools: search, read and write, with Bundles told in short.

A search leaves out what is long and seldom read (narratives, the data of attachments) and says so; `fhir_read` shows a
resource as it is stored, which is what an update has to begin with.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, StringConstraints

from sandbox import jsonio, limits
from sandbox.errors import Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.r4.names import MEDIA_TYPE
from sandbox.simulators.tools import Arguments, Call, Readable, Reply, Tool, explain_json, fitting, shape

_DATA_CHARS: Final = 200
_PATCH_MEDIA_TYPE: Final = "application/json-patch+json"
_LEFT_OUT: Final = "Narratives and long attachments are left out; fhir_read, or full=true, shows them."

Kind = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}$")]
Version = Annotated[str, Field(description="Only if this is still its version.", pattern=r"^[A-Za-z0-9.-]{1,64}$")]


class Search(Arguments):
    """Arguments of `fhir_search`."""

    type: Annotated[Kind, Field(description="Resource type, as Patient.")]
    params: Annotated[
        dict[str, str | list[str]],
        Field(description='Search parameters: {"name": "Reyes", "date": ["ge2026-01-01", "lt2026-02-01"]}.'),
    ] = {}
    elements: Annotated[list[str], Field(description="Top-level elements to show; all without.")] = []
    count: Annotated[int, Field(ge=1, le=limits.TOOL_SEARCH_COUNT_MAX)] = 20
    page: Annotated[str | None, Field(description="next_page of the answer before, for what follows.")] = None
    full: Annotated[bool, Field(description="Leave nothing out of the resources.")] = False


class Read(Arguments):
    """Arguments of `fhir_read`."""

    reference: Annotated[Reference, Field(description="As Patient/123.")]
    elements: Annotated[list[str], Field(description="Top-level elements to show; all without.")] = []
    version: Annotated[str | None, Field(description="An earlier version.", pattern=r"^[A-Za-z0-9.-]{1,64}$")] = None


class Create(Arguments):
    """Arguments of `fhir_create`."""

    resource: dict[str, Any]
    if_none_exist: Annotated[str | None, Field(description="Search that must find nothing: identifier=s|1.")] = None


class Update(Arguments):
    """Arguments of `fhir_update`."""

    resource: Annotated[dict[str, Any], Field(description="The whole resource, with its id.")]
    if_version: Version | None = None


class Patch(Arguments):
    """Arguments of `fhir_patch`."""

    reference: Reference
    operations: Annotated[
        list[dict[str, Any]],
        Field(description='JSON Patch: [{"op": "replace", "path": "/status", "value": "active"}].', min_length=1),
    ]
    if_version: Version | None = None


class Delete(Arguments):
    """Arguments of `fhir_delete`."""

    reference: Reference
    if_version: Version | None = None


class Transaction(Arguments):
    """Arguments of `fhir_transaction`."""

    entries: Annotated[
        list[dict[str, Any]],
        Field(
            min_length=1,
            description='Bundle entries: [{"request": {"method": "POST", "url": "Patient"}, "resource": {…}}].',
        ),
    ]
    type: Annotated[str, Field(pattern="^(transaction|batch)$", description="transaction (all or none) or batch.")] = (
        "transaction"
    )


def _search(arguments: Search) -> Call:
    path = f"fhir/{arguments.type}"
    if arguments.page is not None:
        return Call("GET", path, tuple(parse_qsl(arguments.page, keep_blank_values=True)))
    query = [
        (name, value)
        for name, given in arguments.params.items()
        for value in ([given] if isinstance(given, str) else given)
    ]
    if arguments.elements:
        query.append(("_elements", ",".join(arguments.elements)))
    if "_count" not in arguments.params:
        query.append(("_count", str(arguments.count)))
    return Call("GET", path, tuple(query))


def _show_search(arguments: Search, reply: Reply) -> dict[str, Json]:
    bundle = reply.json()
    by_mode: dict[str, list[Json]] = {"match": [], "include": [], "outcome": []}
    for entry in bundle.get("entry", ()):
        by_mode[entry.get("search", {}).get("mode", "match")].append(entry.get("resource", {}))
    notes = [text for resource in by_mode["outcome"] for text in _issues(resource)]
    resources = by_mode["match"] + by_mode["include"]
    if not arguments.full:
        short = [_shortened(resource) for resource in resources]
        if short != resources:
            notes.append(_LEFT_OUT)
        resources = short
    shown, too_many = fitting(resources, lambda resource: {"reference": reference_of(resource)})
    if too_many:
        notes.append(f"{too_many} only by reference, for the answer's size; ask for fewer (count) or for elements.")
    count = len(by_mode["match"])
    answer: dict[str, Json] = {"matches": shown[:count], "next_page": _next_page(bundle)}
    if "total" in bundle:
        answer["total"] = bundle["total"]
    if by_mode["include"]:
        answer["included"] = shown[count:]
    if notes:
        answer["notes"] = notes
    return answer


def _next_page(bundle: Json) -> str | None:
    following = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)
    return None if following is None else urlsplit(following).query


def reference_of(resource: Json) -> str:
    """Return a resource's relative reference.

    >>> reference_of({"resourceType": "Patient", "id": "1"})
    'Patient/1'
    """
    return f"{resource.get('resourceType', 'Resource')}/{resource.get('id', '')}"


def _shortened(value: Json) -> Json:
    r"""Leave out narratives, and the long data of attachments.

    >>> _shortened({"text": {"div": "…"}, "code": {"text": "x"}, "photo": [{"data": "A" * 400}]})
    {'code': {'text': 'x'}, 'photo': [{'data': '(400 characters of Base64)'}]}
    """
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: f"({len(item)} characters of Base64)"
        if name == "data" and isinstance(item, str) and len(item) > _DATA_CHARS
        else _shortened(item)
        for name, item in value.items()
        if not (name == "text" and isinstance(item, dict) and "div" in item)
    }


def _read(arguments: Read) -> Call:
    path = f"fhir/{arguments.reference}"
    if arguments.version is not None:
        path += f"/_history/{arguments.version}"
    return Call("GET", path, (("_elements", ",".join(arguments.elements)),) if arguments.elements else ())


def _show_read(arguments: Read, reply: Reply) -> dict[str, Json]:
    if len(reply.body) > limits.TOOL_ANSWER_CHARS and not arguments.elements:
        raise Invalid(f"{arguments.reference} is too large for one answer; say which elements to show.")
    return {"resource": reply.json()}


def _create(arguments: Create) -> Call:
    headers = {} if arguments.if_none_exist is None else {"if-none-exist": arguments.if_none_exist}
    return _write("POST", f"fhir/{_type_of(arguments.resource)}", arguments.resource, headers)


def _update(arguments: Update) -> Call:
    key = arguments.resource.get("id")
    if not isinstance(key, str) or not key:
        raise Invalid('The resource needs its "id"; fhir_create makes a new one.')
    return _write("PUT", f"fhir/{_type_of(arguments.resource)}/{key}", arguments.resource, _if(arguments.if_version))


def _type_of(resource: Mapping[str, Any]) -> str:
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not kind.isalpha():
        raise Invalid('The resource needs its "resourceType", as "Patient".')
    return kind


def _patch(arguments: Patch) -> Call:
    headers = {"content-type": _PATCH_MEDIA_TYPE, **_if(arguments.if_version)}
    body = jsonio.dump(arguments.operations)
    return Call("PATCH", f"fhir/{arguments.reference}", headers=headers, body=body)


def _delete(arguments: Delete) -> Call:
    return Call("DELETE", f"fhir/{arguments.reference}", headers=_if(arguments.if_version))


def _transaction(arguments: Transaction) -> Call:
    bundle = {"resourceType": "Bundle", "type": arguments.type, "entry": arguments.entries}
    return _write("POST", "fhir", bundle, {})


def _write(method: str, path: str, resource: Json, headers: Mapping[str, str]) -> Call:
    return Call(method, path, headers={"content-type": MEDIA_TYPE, **headers}, body=jsonio.dump(resource))


def _if(version: str | None) -> dict[str, str]:
    return {} if version is None else {"if-match": f'W/"{version}"'}


def _show_write(arguments: Any, reply: Reply) -> dict[str, Json]:
    resource = reply.json() if reply.body else {}
    is_stored = resource.get("resourceType") not in (None, "OperationOutcome")
    reference = reference_of(resource) if is_stored else getattr(arguments, "reference", "")
    version = reply.headers.get("etag", "").removeprefix("W/").strip('"')
    return {"reference": reference, "version": version or None, "status": reply.status}


def _show_transaction(_: Any, reply: Reply) -> dict[str, Json]:
    entries = []
    for entry in reply.json().get("entry", ()):
        response = entry.get("response", {})
        shown = {name: response[name] for name in ("status", "location") if name in response}
        if "outcome" in response:
            shown["issues"] = _issues(response["outcome"])
        if "resource" in entry:
            shown["resource"] = entry["resource"]
        entries.append(shown)
    shown_entries, _left_out = fitting(entries, lambda entry: {k: v for k, v in entry.items() if k != "resource"})
    return {"entries": shown_entries}


def _issues(outcome: Json) -> list[str]:
    found = []
    for issue in outcome.get("issue", ()):
        said = issue.get("diagnostics") or issue.get("details", {}).get("text") or issue.get("code", "")
        where = ", ".join(issue.get("expression", ()))
        found.append(f"{where}: {said}" if where and where not in said else str(said))
    return found


def explain(reply: Reply) -> str:
    """Return what an OperationOutcome says.

    >>> explain(Reply(400, {}, b'{"resourceType": "OperationOutcome", "issue": [{"diagnostics": "No such type."}]}'))
    'No such type.'
    """
    try:
        value = reply.json()
    except SandboxError:
        value = None
    said = _issues(value) if isinstance(value, dict) and value.get("resourceType") == "OperationOutcome" else []
    return " ".join(said) or explain_json(reply)


_WRITTEN: Final = shape(reference="string", version="string|null", status="integer")
TOOLS: Final = (
    Tool(
        "fhir_search",
        "Search the EHR (FHIR R4) by any R4 search parameter, modifier and prefix; what cannot be is refused by name.",
        Search,
        _search,
        _show_search,
        shape(matches="array", included="array", total="integer", next_page="string|null", notes="array"),
        is_read=True,
        explain=explain,
    ),
    Tool(
        "fhir_read",
        "Read one resource as it is stored. Read before you update.",
        Read,
        _read,
        _show_read,
        shape(resource="object"),
        is_read=True,
        explain=explain,
    ),
    Tool("fhir_create", "Create a resource.", Create, _create, _show_write, _WRITTEN, explain=explain),
    Tool(
        "fhir_update",
        "Replace a resource by the one given: what it leaves out is gone.",
        Update,
        _update,
        _show_write,
        _WRITTEN,
        is_destructive=True,
        explain=explain,
    ),
    Tool("fhir_patch", "Change parts of a resource.", Patch, _patch, _show_write, _WRITTEN, explain=explain),
    Tool(
        "fhir_delete",
        "Delete a resource.",
        Delete,
        _delete,
        _show_write,
        _WRITTEN,
        is_destructive=True,
        explain=explain,
    ),
    Tool(
        "fhir_transaction",
        "Do several reads and writes at once.",
        Transaction,
        _transaction,
        _show_transaction,
        shape(entries="array"),
        is_destructive=True,
        explain=explain,
    ),
)
READABLE: Final = (
    Readable("fhir", "fhir:///{type}/{id}", "chart", "A resource of the EHR.", lambda path: f"fhir/{path}"),
)
