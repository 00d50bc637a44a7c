"""The EHR's tokens, and what their scopes allow of a request (SMART App Launch 1.0 and 2.0)."""

from collections.abc import Iterable
from typing import Final

from sandbox.playground.events import Request
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir.search import SearchRequest
from sandbox.simulators.fhir.smart import scopes
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.simulators.fhir_api.client import SmartServer
from sandbox.simulators.fhir_api.scopes import ANY
from sandbox.simulators.fhir_api.token import Tokens

TOKENS: Final = Tokens(SmartServer(SURFACE, f"{SURFACE}/_", has_config=True))


def check_access(tx: Interaction, request: Request) -> None:
    """Raise `Forbidden` where the scopes of a request's access token do not allow it."""
    scopes.check(TOKENS.scope_of(tx, request) or "", request)


def check_criteria(tx: Interaction, request: Request, searches: Iterable[SearchRequest]) -> None:
    """Raise `Forbidden` where the scopes of a request's access token do not allow these searches."""
    scope = TOKENS.scope_of(tx, request)
    for search in searches if scope is not None else ():
        scopes.check_search(scope or "", search.resource_type or ANY, search.parameters)
