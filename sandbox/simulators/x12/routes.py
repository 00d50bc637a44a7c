"""HTTP for the clearinghouse: wire to call, result to wire.

`eligibility` is upstream's; all else is an extension. A JSON body is written as the interchange that asks the same,
which is answered like any other; raw interchanges are answered raw, whatever is wrong in them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.errors import Invalid, Malformed
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route
from sandbox.simulators.growing import PARAMETERS, page
from sandbox.simulators.x12 import state
from sandbox.simulators.x12.asking import ask_claim_status, ask_eligibility, ask_prior_auth
from sandbox.simulators.x12.bodies import (
    ClaimStatus,
    Eligibility,
    PriorAuth,
    Transactions,
    is_raw,
    raw_charset,
    raw_text,
    read_body,
)
from sandbox.simulators.x12.reading import read_answer

Ask = Callable[[Interaction, Any], str]


def post_eligibility(tx: Interaction, request: Request) -> Response:
    """`POST eligibility`: a 271 for a person."""
    return _ask(tx, request, Eligibility, ask_eligibility)


def post_claim_status(tx: Interaction, request: Request) -> Response:
    """`POST claim-status`: a 277 for a person's claims."""
    return _ask(tx, request, ClaimStatus, ask_claim_status)


def post_prior_auth(tx: Interaction, request: Request) -> Response:
    """`POST prior-auth`: a 278 for a case."""
    return _ask(tx, request, PriorAuth, ask_prior_auth)


def _ask(tx: Interaction, request: Request, model: type[Any], ask: Ask) -> Response:
    _no_query(request)
    sent = ask(tx, read_body(request, model))
    received = state.receive(tx, sent)
    row = received.rows[-1]  # an acknowledgment, where there is one, comes before the answer
    said = read_answer(row["transaction"], row["response_x12"])
    answer = {
        "id": row["id"],
        "transaction": row["transaction"],
        "status": row["status"],
        "errors": row["errors"],
        **(said[0] if said else {}),
        "others": said[1:],
        "x12": received.text,
        "request_x12": sent,
    }
    return Response.of_json(answer)


def post_transactions(tx: Interaction, request: Request) -> Response:
    """`POST transactions`: interchanges, answered with interchanges; as JSON where they came in JSON."""
    _no_query(request)
    if not is_raw(request):
        body: Transactions = read_body(request, Transactions)
        received = state.receive(tx, body.x12)
        shown = [_shown(row) for row in received.rows]
        return Response.of_json({"x12": received.text, "transactions": shown})
    charset = raw_charset(request)
    received = state.receive(tx, raw_text(request, charset))
    named = "" if charset == "utf-8" else f"; charset={charset}"
    return Response(200, received.text.encode(charset, "replace"), request.media_type + named)


def _shown(row: Json) -> Json:
    names = ("id", "transaction", "request", "status", "about", "errors")
    answers = read_answer(row["transaction"], row["response_x12"])
    return {**{name: row[name] for name in names}, "answers": answers}


def get_transactions(tx: Interaction, request: Request) -> Response:
    """`GET transactions`: what was answered, oldest first."""
    return _list(tx, request, state.TRANSACTIONS)


def get_transaction(tx: Interaction, request: Request) -> Response:
    """`GET transactions/{id}`."""
    _no_query(request)
    row = state.get_transaction(tx, request.params["id"])
    return Response.of_json({**state.public(row), "answers": read_answer(row["transaction"], row["response_x12"])})


def get_interchanges(tx: Interaction, request: Request) -> Response:
    """`GET interchanges`: what came in and what went back, oldest first."""
    return _list(tx, request, state.INTERCHANGES)


def _list(tx: Interaction, request: Request, collection: str) -> Response:
    unknown = next((name for name, _ in request.query if name not in PARAMETERS), None)
    if unknown is not None:
        problem = f"Unknown parameter; this route knows: {', '.join(PARAMETERS)}."
        raise Invalid(f"{unknown[:40]}: {problem}", details={unknown[:40]: [problem]})
    return page(request, state.list_rows(tx.branch, collection), state.public)


def _no_query(request: Request) -> None:
    if request.query:
        raise Malformed(f'This route takes no parameters; "{request.query[0][0][:40]}" is one.')


def _routes() -> Iterator[Route]:
    root, event = "clearinghouse", "x12_transaction"
    yield Route("POST", f"{root}/eligibility", post_eligibility, event, "Ask for eligibility and benefits (270, 271)")
    for method, path, handler, summary in (
        ("POST", "claim-status", post_claim_status, "Ask where claims stand (276, 277)"),
        ("POST", "prior-auth", post_prior_auth, "Open, ask after, change or cancel a case (278)"),
        ("POST", "transactions", post_transactions, "Send interchanges"),
        ("GET", "transactions", get_transactions, "List the answers"),
        ("GET", "transactions/{id}", get_transaction, "Read an answer"),
        ("GET", "interchanges", get_interchanges, "List the interchanges"),
    ):
        yield Route(method, f"{root}/{path}", handler, event, summary, is_upstream=False)


ROUTES: Final = tuple(_routes())
