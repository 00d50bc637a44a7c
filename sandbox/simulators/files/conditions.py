"""Conditional requests on a file: RFC 9110 §13. Pure.

The entity tag of a file is its SHA-256, always strong; its date has whole seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.errors import PreconditionFailed
from sandbox.wire.entity_tags import lists_etag
from sandbox.wire.http_dates import format_http_date, parse_http_date


@dataclass(frozen=True, slots=True)
class Validators:
    """What identifies a file's present content; None stands for a file that does not exist."""

    etag: str
    modified: datetime

    @property
    def last_modified(self) -> str:
        """The Last-Modified value."""
        return format_http_date(self.modified)


def check(headers: Mapping[str, str], current: Validators | None, *, is_read: bool) -> Literal["go on", "not modified"]:
    """Evaluate the preconditions in the order of §13.2.2.

    Raises `PreconditionFailed`. `not modified` is only returned for a read.
    """
    tags, since = headers.get("if-match"), headers.get("if-unmodified-since")
    if tags is not None:
        if current is None or not lists_etag(tags, current.etag, is_weak_enough=False):
            raise PreconditionFailed("If-Match does not hold: the file is missing or has changed; read it again.")
    elif since is not None and current is not None:
        limit = parse_http_date(since)
        if limit is not None and current.modified.replace(microsecond=0) > limit:
            raise PreconditionFailed("If-Unmodified-Since does not hold: the file has changed since; read it again.")
    tags, since = headers.get("if-none-match"), headers.get("if-modified-since")
    if tags is not None:
        if current is not None and lists_etag(tags, current.etag, is_weak_enough=True):
            if is_read:
                return "not modified"
            raise PreconditionFailed("If-None-Match does not hold: there is such a file already.")
    elif since is not None and is_read and current is not None:
        limit = parse_http_date(since)
        if limit is not None and current.modified.replace(microsecond=0) <= limit:
            return "not modified"
    return "go on"


def is_range_wanted(headers: Mapping[str, str], current: Validators) -> bool:
    """Tell whether the Range header counts: If-Range (§13.1.5) names the present content, or is absent."""
    condition = headers.get("if-range")
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return condition.strip() == current.etag
    return parse_http_date(condition) == current.modified.replace(microsecond=0)
