"""What the checks want to know of the upstream, asked once when a task run is completed, and recorded.

So a task run is scored from the record alone here too, and scored again without the upstream: with
the searches that were recorded, and with no others.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

from sandbox import jsonio, limits
from sandbox.errors import BadGateway, NotFound, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.events import Response, scenario_request
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.simulators.base import Fetch
from sandbox.simulators.fhir.proxy.forwarding import Upstream
from sandbox.simulators.fhir.rest.calls import Query
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.simulators.fhir.terms.urls import split_url
from sandbox.wire.forms import read_pairs

ANSWERS: Final = "fhir/_upstream"
EVENT_TYPE: Final = "scenario_step"
_PAGE: Final = 200
_PAGES_MAX: Final = 1_000


def key_of(resource_type: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return what names a search in the record.

    >>> key_of("Patient", [("family", "Chen"), ("gender", "female")])
    'Patient?family=Chen&gender=female'
    """
    return f"{resource_type}?{urlencode(list(parameters))}"


async def observe(
    playground: Playground, sandbox: Sandbox, searches: Iterable[tuple[str, Sequence[tuple[str, str]]]], fetch: Fetch
) -> None:
    """Run searches upstream and record what they find, one event each."""
    for resource_type, parameters in {key_of(*search): search for search in searches}.values():
        try:
            found: Json = {
                "resources": await _all_pages(Upstream.of(sandbox, "", fetch), resource_type, tuple(parameters))
            }
        except SandboxError as error:
            found = {"error": error.message}
        key = key_of(resource_type, parameters)

        def note(tx: Interaction, key: str = key, found: Json = found) -> Response:
            tx.put(ANSWERS, key, found)
            return Response.of_json(
                {"search": key, "matches": len(found.get("resources", ())), "error": found.get("error")}
            )

        request = scenario_request(f"{SURFACE}/{key}")
        await playground.interact(EVENT_TYPE, note, request=request, actor="scenario").committed


async def _all_pages(upstream: Upstream, resource_type: str, parameters: Query) -> list[Json]:
    query = parameters if upstream.isolation is None else upstream.isolation.narrowed(parameters)
    path: tuple[str, ...] = (resource_type,)
    query = (*query, ("_count", str(_PAGE)))
    found: list[Json] = []
    for _ in range(_PAGES_MAX):
        answer = await upstream.send("GET", path, query)
        bundle = jsonio.parse(answer.body) if answer.body else None
        if answer.status != 200 or not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
            raise BadGateway(f"The FHIR server behind this one answered {answer.status} to a search.")
        rows = [
            e.get("resource") for e in bundle.get("entry", ()) if e.get("search", {}).get("mode", "match") == "match"
        ]
        if upstream.isolation is not None:
            rows = [row for row in rows if upstream.isolation.is_ours(row)]
        found += [row for row in rows if isinstance(row, dict) and row.get("resourceType") == resource_type]
        if len(found) > limits.SEARCH_RESULTS:
            raise BadGateway(f"The search matches more than {limits.SEARCH_RESULTS} resources.")
        following = next((link["url"] for link in bundle.get("link", ()) if link.get("relation") == "next"), None)
        if following is None:
            return found
        try:
            path, text = split_url(following, upstream.url)
            query = read_pairs(text)
        except SandboxError as error:
            raise BadGateway(f"The link to the next page cannot be followed: {error.message}") from None
    raise BadGateway(f"The search has more than {_PAGES_MAX} pages.")


def observed(branch: Branch, resource_type: str, parameters: Sequence[tuple[str, str]]) -> list[Json]:
    """Return the resources that a search found upstream when the task run was completed.

    Raises `NotFound` for a search that was not asked then, `BadGateway` for one that failed.
    """
    key = key_of(resource_type, parameters)
    answer = branch.get(ANSWERS, key)
    if answer is None:
        raise NotFound(
            f"what the FHIR server behind this one finds for {key} was not recorded when the task run ended."
        )
    if "resources" not in answer:
        raise BadGateway(answer["error"])
    resources: list[Json] = answer["resources"]
    return resources
