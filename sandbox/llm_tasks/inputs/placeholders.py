r"""Placeholders of a user prompt: which there are, and what they become.

Both documented spellings count: `{name}` and `{{name}}`. Any other brace is text. Substitution is
one pass over the template: what a value brings in is never looked at again, so an input cannot reach
another placeholder.
"""

import re
from collections.abc import Mapping
from typing import Final

from sandbox import jsonio
from sandbox.jsonio import Json

_PLACEHOLDER: Final = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


def find_params(template: str) -> list[str]:
    """Return the names of the placeholders in the order of their first appearance.

    >>> find_params('Compare {a} with {{ b }} and {a}; answer like {"x": 1}.')
    ['a', 'b']
    """
    return list(dict.fromkeys(match[1] or match[2] for match in _PLACEHOLDER.finditer(template)))


def substitute(template: str, values: Mapping[str, Json]) -> str:
    """Put the values in: text as it is, anything else as JSON. A name without a value stays.

    >>> substitute("{a} and {{b}}", {"a": "{b}", "b": [1, 2]})
    '{b} and [1,2]'
    """

    def put(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return as_text(values[name]) if name in values else match[0]

    return _PLACEHOLDER.sub(put, template)


def as_text(value: Json) -> str:
    """Write a value as it appears in a prompt.

    >>> as_text("plain"), as_text({"a": None})
    ('plain', '{"a":null}')
    """
    return value if isinstance(value, str) else jsonio.dump(value).decode()
