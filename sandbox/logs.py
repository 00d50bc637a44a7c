"""Log lines: where they go, from which level on, and what never stands in one.

They go to standard error, whatever that is at the moment. structlog's own configuration is left alone: it belongs to
the program that a server may be running in. The level is this process's, as that of a log always is.
"""

import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote

import structlog

from sandbox.keys import PREFIXES

LEVELS: Final = ("debug", "info", "warning", "error")
DEFAULT_LEVEL: Final = "info"
_OF_METHOD: Final = {"exception": "error", "critical": "error", "warn": "warning"}
# Keys and tokens by their beginnings, and what stands in a path as a secret of its own.
_SECRETS: Final = re.compile(rf"\b({'|'.join(PREFIXES)})[\w-]+|(?<=/t/)[^/]+")
_threshold = LEVELS.index(DEFAULT_LEVEL)


class _StandardError:
    """Writes each line in one piece."""

    def msg(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


def set_level(name: str) -> None:
    """Write only what is of this level or above; `name` is one of `LEVELS`."""
    global _threshold
    _threshold = LEVELS.index(name)


def get_logger(*, is_always_heard: bool = False) -> Any:
    """Return a logger; one that is always heard does not look at the level."""
    filtering = [] if is_always_heard else [_drop_below_level]
    return structlog.wrap_logger(
        _StandardError(),
        processors=[
            *filtering,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )


def _drop_below_level(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if LEVELS.index(_OF_METHOD.get(method, method)) < _threshold:
        raise structlog.DropEvent
    return event


def _render(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    renderer = _COLOURED if sys.stderr.isatty() else _PLAIN
    return renderer(logger, method, event)


# Tracebacks are plain, since a rich one shows local variables, and a token may be one of them.
_COLOURED: Final = structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)
_PLAIN: Final = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def without_secrets(path: str) -> str:
    """Return the path of a URL as it may be logged: one line, and keys, tokens and capability secrets left out.

    >>> without_secrets("/v1/benchmark-runs/vrl_run_abc-1/fhir%0A/t/s3cret/hl7/inbox")
    '/v1/benchmark-runs/vrl_run_***/fhir%0A/t/***/hl7/inbox'
    >>> without_secrets("/sandboxes/vk%5Flocal")
    '/sandboxes/vk_***'
    """
    hidden = _SECRETS.sub(lambda found: f"{found[1] or ''}***", unquote(path))
    return quote(hidden, safe="/:*$@+,;=()!'&")
