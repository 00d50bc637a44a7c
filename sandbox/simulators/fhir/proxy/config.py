"""The configuration of a FHIR simulator: its SMART client, and the server it stands in front of, if any."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.playground.playground import Sandbox
from sandbox.simulators.fhir_api.keys import SmartConfig

TAG_SYSTEM: Final = "urn:sandbox:task"
TIMEOUT_S: Final = 30.0
TIMEOUT_MAX_S: Final = 300.0
_OURS: Final = frozenset({"host", "content-length", "content-type", "accept", "transfer-encoding", "connection"})


class FhirConfig(StrictModel):
    """`upstream` is a FHIR R4 base URL. `headers` go with every request to it; in their values
    `${NAME}` stands for an environment variable of the server. `isolation: tag` gives each task
    run its own share of the upstream by a `meta.tag`. `smart` is about the client that gets tokens. `validation:
    lenient` stores what R4 does not allow, and says so (`rest/lenience.py`); an upstream has its own mind."""

    upstream: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    isolation: Literal["tag", "none"] = "none"
    timeout_s: float = Field(default=TIMEOUT_S, gt=0, le=TIMEOUT_MAX_S)
    smart: SmartConfig | None = None
    validation: Literal["strict", "lenient"] = "strict"

    @field_validator("upstream")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_url = False
        if not is_url or parts.query or parts.fragment or parts.username is not None:
            raise ValueError(f'"{value}" is not a base URL; write http://host/path without query or credentials')
        return value.rstrip("/")

    @field_validator("headers")
    @classmethod
    def _sendable(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f'"{name}" is not the name of a header')
            if name.lower() in _OURS:
                raise ValueError(f'"{name}" is set by the proxy itself')
            if any(ord(char) < 32 and char != "\t" for char in text):
                raise ValueError(f'the value of "{name}" has control characters')
        return value

    @model_validator(mode="after")
    def _needs_an_upstream(self) -> Self:
        if self.upstream is not None and self.validation == "lenient":
            raise ValueError("validation: lenient with upstream: what is valid is for the server behind to say")
        given = self.model_fields_set - {"upstream", "smart", "validation"}
        if self.upstream is None and given:
            raise ValueError(f"{', '.join(sorted(given))} without upstream: there is no server to send to")
        return self


def is_proxied(config: Mapping[str, Any]) -> bool:
    """Whether a sandbox of this configuration is a proxy.

    >>> is_proxied({}), is_proxied({"upstream": "http://ehr.test/fhir"})
    (False, True)
    """
    return config.get("upstream") is not None


def tag_of(sandbox: Sandbox) -> tuple[str, str]:
    """Return the system and code of the tag that marks a task run's own resources."""
    return TAG_SYSTEM, sandbox.id
