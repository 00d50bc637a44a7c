"""The version of a case over REST: its entity tag, and `If-Match` of who changes what was read (RFC 9110 §13.1.1).

A tag is of what the case says, so it is the same by whichever call it is told. Must hold no rule of the payer's.
"""

import hashlib
from dataclasses import replace
from typing import Final

from sandbox.errors import PreconditionFailed
from sandbox.payer.case_rows import find
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import RouteHandler
from sandbox.wire.entity_tags import lists_etag

_DIGEST_BYTES: Final = 12


def versioned(handler: RouteHandler) -> RouteHandler:
    """Return the handler of a route that answers with a case: the answer has its tag, and `If-Match` must list it as
    the case is before; `PreconditionFailed` otherwise, and nothing is done.
    """

    def handle(tx: Interaction, request: Request) -> Response:
        wanted = request.headers.get("if-match")
        if wanted is not None and "id" in request.params:
            tag = _tag(Response.of_json(find(tx, request.params["id"])))
            if not lists_etag(wanted, tag, is_weak_enough=False):
                raise PreconditionFailed(
                    f"If-Match does not hold: the request has changed since, and is {tag} now; read it again."
                )
        response = handler(tx, request)
        if response.status not in (200, 201):
            return response
        return replace(response, headers={**response.headers, "ETag": _tag(response)})

    return handle


def _tag(response: Response) -> str:
    return f'"{hashlib.blake2b(response.body, digest_size=_DIGEST_BYTES).hexdigest()}"'
