"""What proves that a form came from a page of its own session (OWASP, "HMAC based token pattern").

A token is made from the session's id and the sandbox's secret, so that nothing is stored; it is good for that session
alone, and opens nothing without the session's cookie.
"""

import hmac
from typing import Final

from sandbox.errors import Forbidden

FIELD: Final = "csrf"
REFUSAL: Final = "This form was not sent from a page of your session. Open the page again and send it from there."


def csrf_token(session_id: str, secret: str) -> str:
    """Return the token of a session's forms.

    >>> csrf_token("session_1", "s") == csrf_token("session_1", "s") != csrf_token("session_2", "s")
    True
    """
    return hmac.digest(secret.encode(), f"portal-form\x1f{session_id}".encode(), "sha256").hex()


def check_token(session_id: str, secret: str, given: str) -> None:
    """Raise `Forbidden` for a form that does not show its session's token."""
    if not secret or not hmac.compare_digest(csrf_token(session_id, secret).encode(), given.encode()):
        raise Forbidden(REFUSAL)
