"""Isolation within batches and transactions: each entry as if it were a request of its own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

from sandbox.errors import BadGateway, GatewayTimeout, Invalid, SandboxError
from sandbox.jsonio import Json
from sandbox.simulators.fhir.bundles.batch import REASONS
from sandbox.simulators.fhir.proxy.isolation import Isolation, Plan, plan
from sandbox.simulators.fhir.rest.calls import at_entry, check_entry_count
from sandbox.simulators.fhir.terms.urls import split_url
from sandbox.simulators.fhir_api.outcome import issues_of, outcome
from sandbox.wire.forms import Pairs, read_pairs

Looker: TypeAlias = Callable[[Any, tuple[str, ...]], Awaitable[None]]


async def isolated_entries(
    look: Looker, isolation: Isolation, base: str, bundle: Json
) -> tuple[Json, dict[int, SandboxError]]:
    """Return a batch or transaction whose entries stay within the task run, and what was refused, by entry.

    An entry of a batch that would be refused as a request of its own is left out and told in the answer;
    of a transaction it is raised, with the entry named.
    """
    if not isinstance(bundle, dict) or not isinstance(bundle.get("entry", []), list):
        raise Invalid("The body is not a Bundle.", issue_type="structure")
    check_entry_count(bundle)
    entries = []
    refused = {}
    for index, entry in enumerate(bundle.get("entry", [])):
        try:
            entries.append(await _isolated(look, isolation, base, entry))
        except (BadGateway, GatewayTimeout):
            raise
        except SandboxError as error:
            refused[index] = at_entry(error, f"Bundle.entry[{index}]")
            if bundle.get("type") != "batch":
                raise refused[index] from None
    rest = {key: item for key, item in bundle.items() if key != "entry"}
    return ({**rest, "entry": entries} if entries else rest), refused


def _plan_of(entry: Json, base: str) -> tuple[Plan, tuple[str, ...], Pairs]:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise Invalid("The entry has no request with a URL.", issue_type="required")
    path, text = split_url(request["url"], base)
    query = read_pairs(text)
    return plan(str(request.get("method")), path, query), path, query


async def _isolated(look: Looker, isolation: Isolation, base: str, entry: Json) -> Json:
    step, path, query = _plan_of(entry, base)
    if step.look is not None:
        await look(step.look, path)
    request = dict(entry["request"])
    if step.narrows:
        request["url"] = "/".join(path) + "?" + urlencode(isolation.narrowed(query))
    if isinstance(request.get("ifNoneExist"), str):
        request["ifNoneExist"] += "&" + urlencode([isolation.criterion])
    result = {**entry, "request": request}
    if step.stamps and "resource" in entry:
        result["resource"] = isolation.stamped(entry["resource"])
    return result


def filtered_answers(
    isolation: Isolation, base: str, sent: Json, answered: Json, refused: Mapping[int, SandboxError]
) -> Json:
    """Return a batch-response or transaction-response without what belongs to others.

    `base` is the proxy's own, which URLs in what was sent may begin with. What was `refused` here is put
    where it belongs.
    """
    entries = answered.get("entry")
    asked = sent.get("entry") if isinstance(sent, dict) else None
    if not isinstance(entries, list) or not isinstance(asked, list):
        if not refused:
            return answered
        entries, asked = [], []
    kept = []
    for position, entry in enumerate(entries):
        row = asked[position] if position < len(asked) else {"request": {"url": "", "method": "GET"}}
        kept.append(_filtered_answer(isolation, base, row, entry))
    for index in sorted(refused):
        error = refused[index]
        status = f"{error.status} {REASONS.get(error.status, '')}".strip()
        kept.insert(index, {"response": {"status": status, "outcome": outcome(issues_of(error))}})
    return {**answered, "entry": kept}


def _filtered_answer(isolation: Isolation, base: str, asked: Json, entry: Json) -> Json:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict):
        return entry
    step, path, _ = _plan_of(asked, base)
    if step.filters and resource.get("resourceType") == "Bundle":
        return {**entry, "resource": isolation.filtered(resource)}
    if step.reads and resource.get("resourceType") != "OperationOutcome" and not isolation.is_ours(resource):
        issues = issues_of(isolation.missing("/".join(path)))
        return {"response": {"status": "404 Not Found", "outcome": outcome(issues)}}
    return entry
