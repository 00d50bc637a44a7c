"""Log lines: where they go, from which level on, and what never stands in one.

They go to standard error, whatever that is at the moment. structlog's own configuration is left alone: it belongs to
the program that a server may be running in. The level is this process's, as that of a log always is.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote

import structlog

from sandbox.keys import PREFIXES

LEVELS: Final = ("debug", "info", "warning", "error")
DEFAULT_LEVEL: Final = "info"
_OF_METHOD: Final = {"exception": "error", "critical": "error", "warn": "warning"}
# Keys and tokens by their beginnings, and what stands in a path as a secret of its own.
_KEYS: Final = "|".join(PREFIXES)
_IN_PATHS: Final = re.compile(rf"\b({_KEYS})[\w-]+|(?<=/t/)[^/]+")
_REDACTED: Final = "***"
_CHARS_MIN: Final = 8  # shorter ones are words that may stand in any text
_SECRETS: Final = re.compile(
    rf"\b(?P<prefix>{_KEYS})[A-Za-z0-9_.~-]{{4,}}"  # what this server hands out
    r"|\b(?:APP|FAC)-[A-Za-z0-9]{8,}"  # receivers, whose names are what lets a message in
    r"|\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|(?<=/t/)[A-Za-z0-9_-]{16,}"  # capability URLs
    r"|(?i:(?<=\bbearer )|(?<=\bbasic ))[A-Za-z0-9+/=._~-]{4,}"
    r"|portal_session=[^\s,;&'\"]+"
    r"|(?i:(?:cookie|authorization|password|passwd|client_secret|client_assertion|api_key|access_token)"
    r"(?:\\?['\"])?\s*[:=]\s*)(?:b?\\?(?P<quote>['\"])(?:(?!(?P=quote)).)*(?:(?P=quote)|$)"
    r"|(?i:(?:bearer|basic)\s+)?[^\s,;&'\"}\]]+)"
)
_SECRET_NAMES: Final = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?|HEADERS)$")
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
    return redact(renderer(logger, method, event))


# Tracebacks are plain, since a rich one shows local variables, and a token may be one of them.
_COLOURED: Final = structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)
_PLAIN: Final = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return a text with every secret replaced: by how it looks, and the values of environment variables by name.

    It is applied to the finished line, so that it does not matter which library put a secret there.

    >>> redact("KeyError: 'vrl_run_abcdefgh'; Authorization: Bearer x.y.z", {})
    "KeyError: 'vrl_run_***'; ***"
    >>> redact("the key is s3cr3t-value", {"SANDBOX_OPENAI_API_KEY": "s3cr3t-value"})
    'the key is ***'
    """
    for name, value in (os.environ if environ is None else environ).items():
        if len(value) >= _CHARS_MIN and _SECRET_NAMES.search(name) and value in text:
            text = text.replace(value, _REDACTED)
    return _SECRETS.sub(lambda found: f"{found['prefix'] or ''}{_REDACTED}", text)


class _FromLibraries(logging.Handler):
    """What libraries log, in plain lines, redacted."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one finished text."""
        sys.stderr.write(f"{redact(self.format(record))}\n")


def take_libraries_in() -> None:
    """Write what libraries log, too: for a process that is this server's alone."""
    root = logging.getLogger()
    if not any(isinstance(handler, _FromLibraries) for handler in root.handlers):
        root.addHandler(_FromLibraries())


def without_secrets(path: str) -> str:
    """Return the path of a URL as it may be logged: one line, and keys, tokens and capability secrets left out.

    >>> without_secrets("/v1/benchmark-runs/vrl_run_abc-1/fhir%0A/t/s3cret/hl7/inbox")
    '/v1/benchmark-runs/vrl_run_***/fhir%0A/t/***/hl7/inbox'
    >>> without_secrets("/sandboxes/vk%5Flocal")
    '/sandboxes/vk_***'
    """
    hidden = _IN_PATHS.sub(lambda found: f"{found[1] or ''}***", unquote(path))
    return quote(hidden, safe="/:*$@+,;=()!'&")
