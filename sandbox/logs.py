"""The log: what is written about this server's own doings, never with a secret in it.

Two rules hold for every line, whatever is wrong. A traceback shows code and never the values of variables, which hold
requests with their tokens. And what looks like a secret is replaced at the end, in the finished text, so that it does
not matter which library put it there.
"""

import logging
import os
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import structlog

REDACTED: Final = "[redacted]"
_CHARS_MIN: Final = 8  # shorter ones are words that may stand in any text
_SECRETS: Final = re.compile(
    r"\b(?:vk|vrl_[a-z]+|rb[ksa])_[A-Za-z0-9_.~-]{4,}"  # what this server hands out
    r"|\b(?:APP|FAC)-[A-Za-z0-9]{8,}"  # receivers, whose names are what lets a message in
    r"|\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|(?<=/t/)[A-Za-z0-9_-]{16,}"  # capability URLs
    r"|(?i:(?<=\bbearer )|(?<=\bbasic ))[A-Za-z0-9+/=._~-]{4,}"
    r"|(?i:(?:cookie|authorization|password|passwd|client_secret|client_assertion|api_key|access_token)"
    r"(?:\\?['\"])?\s*[:=]\s*)(?:b?\\?(?P<quote>['\"])(?:(?!(?P=quote)).)*(?:(?P=quote)|$)|(?i:(?:bearer|basic)\s+)?[^\s,;&'\"}\]]+)"
    r"|portal_session=[^\s,;&'\"]+"
)
_SECRET_NAMES: Final = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$")


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return a text with every secret replaced: by how it looks, and the values of environment variables by name.

    >>> redact("KeyError: 'vrl_run_abcdefgh'; Authorization: Bearer x.y.z", {})
    "KeyError: '[redacted]'; [redacted]"
    >>> redact("the key is s3cr3t-value", {"SANDBOX_OPENAI_API_KEY": "s3cr3t-value"})
    'the key is [redacted]'
    """
    for name, value in (os.environ if environ is None else environ).items():
        if len(value) >= _CHARS_MIN and _SECRET_NAMES.search(name) and value in text:
            text = text.replace(value, REDACTED)
    return _SECRETS.sub(REDACTED, text)


def plain_traceback(error: BaseException) -> str:
    """Return where an error came from: files, lines and code, without the values of variables and without secrets."""
    return redact("".join(traceback.format_exception(error)).rstrip())


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


class Log:
    """Writes to whatever structlog is configured for; nothing that is given to it leaves with a secret."""

    def info(self, event: str, **fields: Any) -> None:
        """Say what happened."""
        structlog.get_logger().info(event, **{name: _clean(value) for name, value in fields.items()})

    def error(self, event: str, **fields: Any) -> None:
        """Say what went wrong."""
        structlog.get_logger().error(event, **{name: _clean(value) for name, value in fields.items()})

    def exception(self, event: str, error: BaseException, **fields: Any) -> None:
        """Say what broke, and where."""
        self.error(event, **fields, exception=plain_traceback(error))


class _Handler(logging.Handler):
    """What libraries log, in plain lines, redacted."""

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        super().__init__()
        self._stream = stream
        self.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one finished text."""
        self._stream().write(f"{redact(self.format(record))}\n")


def _redact_line(logger: Any, name: str, line: Any) -> str:
    return redact(str(line))


def configure(stream: Callable[[], TextIO], *, level: int = logging.INFO) -> None:
    """Send what is logged in this process to a stream, redacted, from `level` on; `stream` is asked for each line."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=stream().isatty(), exception_formatter=structlog.dev.plain_traceback),
            _redact_line,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(stream()),
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler(stream))
