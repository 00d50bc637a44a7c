"""SMART for this API: a client of its own, whose tokens open nothing else, and what their scopes allow here.

An operation needs the right to create what it takes (`$submit`, `$submit-attachment`) or to read what it answers.
"""

from typing import Final

from sandbox.playground.events import Request
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir_api import scopes
from sandbox.simulators.fhir_api.client import SmartServer
from sandbox.simulators.fhir_api.scopes import ANY, Need
from sandbox.simulators.fhir_api.token import Tokens
from sandbox.simulators.portal.fhir.terms import BASE, PREFIX

TOKENS: Final = Tokens(SmartServer(BASE, PREFIX))
_LETTERS: Final = {"POST": "c", "PUT": "u", "DELETE": "d"}
_OPERATIONS: Final[dict[str, Need]] = {
    "Claim/$submit": ("Claim", "c"),
    "Claim/$inquire": ("ClaimResponse", "rs"),
    "Questionnaire/$questionnaire-package": ("Questionnaire", "rs"),
    "$submit-attachment": ("Claim", "u"),
}


def is_below(path: str) -> bool:
    """Whether a request's path is one of this API.

    >>> is_below("portal/fhir/metadata"), is_below("portal/fhir"), is_below("portal/fhirs")
    (True, True, False)
    """
    return path == BASE or path.startswith(f"{BASE}/")


def check_access(tx: Interaction, request: Request) -> None:
    """Raise `Forbidden` where the scopes of a request's token do not allow it."""
    rest = request.path.removeprefix(BASE).strip("/")
    kind, _, key = rest.partition("/")
    looks = "r" if key not in ("", "_search") else "s"
    needs = [_OPERATIONS.get(rest) or (kind or ANY, looks)]
    if kind == "Subscription" and key != "_search":
        needs = [(kind, _LETTERS.get(request.method, looks))]
        if request.method in ("POST", "PUT"):
            needs.append(("ClaimResponse", "rs"))  # which it is told of
    scopes.check(TOKENS.scope_of(tx, request) or "", needs)
