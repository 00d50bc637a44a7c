"""What a parameter of a URL is for: how the answer is written, what a search's result looks like, or which resources.

The one list of each (R4, RESTful API, "General parameters"; Search, "Search result parameters"): for searches, for the
conditions of writes, for the proxy, for the scopes of a token.
"""

from collections.abc import Iterable
from typing import Final

from sandbox.wire.forms import Pairs

# Taken by every call; they say how the answer is written.
FORM_ONLY: Final = frozenset({"_format", "_pretty"})
# At most once, and …
SINGLE: Final = frozenset("_count _total _summary _elements _contained _containedType".split())
# … with those that may be repeated: they shape the result and select nothing.
RESULT: Final = SINGLE | {"_sort", "_include", "_revinclude"}


def is_criterion(name: str) -> bool:
    """Whether a search parameter selects resources, rather than shaping the answer.

    >>> is_criterion("family:exact"), is_criterion("_include:iterate"), is_criterion("_format")
    (True, False, False)
    """
    code = name.partition(":")[0]
    return code not in RESULT and code not in FORM_ONLY


def without_form(query: Iterable[tuple[str, str]]) -> Pairs:
    """Return the parameters that ask for something other than how the answer is written.

    >>> without_form([("_format", "json"), ("family", "a")])
    (('family', 'a'),)
    """
    return tuple(pair for pair in query if pair[0] not in FORM_ONLY)
