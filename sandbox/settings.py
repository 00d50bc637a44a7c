"""Settings: what `sandbox serve` may be told, by option or by environment variable."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from sandbox import limits
from sandbox.wire.whole_numbers import read_whole_number

DEFAULT_PORT: Final = 8787
DEFAULT_MLLP_PORT: Final = 2575
DEFAULT_DATA_DIR: Final = Path(".sandbox")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_TRUE: Final = ("1", "true", "yes", "on")
_PORT_MAX: Final = 65_535
_COUNT_MAX: Final = 999_999_999
_FALSE: Final = ("", "0", "false", "no", "off")
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PORTS: Final = re.compile(r"(\d{1,5})-(\d{1,5})")
_AGE: Final = re.compile(r"([0-9]{1,5})([dh])")
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def builtin(name: str) -> Path:
    """Return the directory of the built-in `playgrounds` or `seeds`: in the wheel, or in the checkout."""
    package = Path(__file__).parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


class SettingError(ValueError):
    """An environment variable or option that cannot be read; the message names it and what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a server needs to know to start.

    A port of 0 is a free one; `sftp_port` None is SFTP's usual one, or a free one where that is taken.

    `playgrounds` and `seeds` replace the built-in directories when given. `url_base` is the address
    clients use when it differs from host and port. Keys left out are the well-known ones on
    loopback; on any other address they are generated and printed once.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data_dir: Path = DEFAULT_DATA_DIR
    playgrounds: tuple[Path, ...] = ()
    seeds: tuple[Path, ...] = ()
    is_strict: bool = False
    url_base: str | None = None
    api_key: str | None = None
    solver_key: str | None = None
    run_token_lifetime_s: float = limits.RUN_TOKEN_LIFETIME_S
    run_idle_s: float | None = None
    max_active_playgrounds: int = limits.ACTIVE_PLAYGROUNDS
    sftp_port: int | None = 0
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    is_loss_accepted: bool = False
    prune_older_than: timedelta | None = None
    is_keeping_published: bool = True
    is_recording: bool = True
    is_watching: bool = True
    is_access_logged: bool = False
    openai_base_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_models: tuple[str, ...] = ()
    llm_seed: int = 0
    llm_is_recording: bool = False
    llm_cassette_dir: Path | None = None
    llm_fetch_hosts: tuple[str, ...] = ()
    llm_search_dir: Path | None = None
    otel_endpoint: str | None = None
    otel_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    otel_has_bodies: bool = False
    mllp_port: int = 0
    mllp_ports: range | None = None
    outbound_hosts: tuple[str, ...] = ()

    @property
    def wire_ports(self) -> Mapping[str, int | None]:
        """The ports of what is not HTTP, by surface."""
        return {"files": self.sftp_port}

    @property
    def playground_dirs(self) -> tuple[Path, ...]:
        """Where benchmarks are read from."""
        return self.playgrounds or (builtin("playgrounds"),)

    @property
    def seed_dirs(self) -> tuple[Path, ...]:
        """Where datasets are read from."""
        return self.seeds or (builtin("seeds"),)

    @property
    def cassette_dir(self) -> Path:
        """Where recorded answers of language models are kept."""
        return self.llm_cassette_dir or self.data_dir / "cassettes"

    @property
    def search_dir(self) -> Path:
        """Where the fixtures of web searches are read from."""
        return self.llm_search_dir or self.data_dir / "search"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings that have environment variables (see docs/settings.md).

        Raises `SettingError` naming the variable that cannot be read.
        """
        env = os.environ if environ is None else environ
        return cls(
            is_strict=_flag(env, "SANDBOX_STRICT"),
            api_key=env.get("SANDBOX_API_KEY") or None,
            solver_key=env.get("SANDBOX_SOLVER_KEY") or None,
            run_token_lifetime_s=_count(env, "SANDBOX_RUN_TOKEN_LIFETIME_S", limits.RUN_TOKEN_LIFETIME_S),
            run_idle_s=_count(env, "SANDBOX_RUN_IDLE_S", 0) or None,
            max_active_playgrounds=_count(env, "SANDBOX_MAX_ACTIVE_PLAYGROUNDS", limits.ACTIVE_PLAYGROUNDS),
            sftp_port=port("SANDBOX_SFTP_PORT", env.get("SANDBOX_SFTP_PORT")),
            prune_older_than=age("SANDBOX_PRUNE_OLDER_THAN", env["SANDBOX_PRUNE_OLDER_THAN"])
            if env.get("SANDBOX_PRUNE_OLDER_THAN", "").strip()
            else None,
            is_keeping_published=_flag(env, "SANDBOX_PRUNE_KEEP_PUBLISHED", "on"),
            allowed_hosts=_hosts(env, "SANDBOX_ALLOWED_HOSTS"),
            allowed_origins=_origins(env, "SANDBOX_ALLOWED_ORIGINS"),
            openai_base_url=base_url("SANDBOX_OPENAI_BASE_URL", env.get("SANDBOX_OPENAI_BASE_URL")),
            openai_api_key=env.get("SANDBOX_OPENAI_API_KEY") or None,
            openai_models=_words(env.get("SANDBOX_OPENAI_MODELS")),
            llm_seed=_count(env, "SANDBOX_LLM_SEED", 0, least=0),
            llm_is_recording=_flag(env, "SANDBOX_LLM_RECORD"),
            llm_cassette_dir=_path(env.get("SANDBOX_LLM_CASSETTES")),
            llm_fetch_hosts=_words(env.get("SANDBOX_LLM_FETCH_HOSTS")),
            llm_search_dir=_path(env.get("SANDBOX_LLM_SEARCH")),
            otel_endpoint=base_url("SANDBOX_OTEL_ENDPOINT", env.get("SANDBOX_OTEL_ENDPOINT")),
            otel_headers=header_fields("SANDBOX_OTEL_HEADERS", env.get("SANDBOX_OTEL_HEADERS", "")),
            otel_has_bodies=_flag(env, "SANDBOX_OTEL_BODIES"),
            mllp_port=_count(env, "SANDBOX_MLLP_PORT", DEFAULT_MLLP_PORT, least=0, most=_PORT_MAX),
            mllp_ports=_ports(env, "SANDBOX_MLLP_PORTS"),
            outbound_hosts=_hosts(env, "SANDBOX_OUTBOUND_HOSTS"),
        )


def port(name: str, text: str | None) -> int | None:
    """Read a port, None for nothing. Raises `SettingError`, naming the setting.

    >>> port("--sftp-port", "2222"), port("--sftp-port", " "), port("--sftp-port", None)
    (2222, None, None)
    """
    text = (text or "").strip()
    if not text:
        return None
    number = read_whole_number(text)
    if number is None or not 0 <= number <= _PORT_MAX:
        raise SettingError(f'{name} must be a port from 0 to {_PORT_MAX}, not "{text[:40]}".')
    return number


def base_url(name: str, text: str | None) -> str | None:
    """Read the URL of a server that others are made from, without a final slash; None for nothing.

    Raises `SettingError`, naming the setting `name`, for what is no such URL.

    >>> base_url("--url-base", "https://sandbox.example.org/"), base_url("--url-base", "")
    ('https://sandbox.example.org', None)
    """
    text = (text or "").strip()
    if not text:
        return None
    try:
        url = urlsplit(text)
        is_one = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and text.isprintable()
        is_one = is_one and not (url.query or url.fragment or url.username) and " " not in text
    except ValueError:
        is_one = False
    if not is_one:
        raise SettingError(
            f'{name} must be the URL of a server, such as https://sandbox.example.org, not "{text[:80]}".'
        )
    return text.rstrip("/")


def header_fields(name: str, text: str) -> tuple[tuple[str, str], ...]:
    """Read header fields as `name=value` with commas between; a value may be percent-encoded. Raises `SettingError`.

    >>> header_fields("SANDBOX_OTEL_HEADERS", "authorization=Bearer%20abc, x-project=7")
    (('authorization', 'Bearer abc'), ('x-project', '7'))
    """
    fields = []
    for word in _words(text):
        key, mark, value = word.partition("=")
        value = unquote(value.strip())
        if not mark or not _FIELD_NAME.fullmatch(key.strip()) or not value.isprintable() or not value.isascii():
            raise SettingError(f"{name} lists header fields as name=value, with commas between them; one is not so.")
        fields.append((key.strip(), value))
    return tuple(fields)


def age(name: str, text: str) -> timedelta:
    """Read how old something is: a whole number of days or hours. Raises `SettingError`, naming the setting.

    >>> age("--older-than", "30d"), age("--older-than", "12h")
    (datetime.timedelta(days=30), datetime.timedelta(seconds=43200))
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise SettingError(f'{name} must be a number of days or hours, such as 30d or 12h, not "{text[:40]}".')
    return timedelta(**{"days" if found[2] == "d" else "hours": int(found[1])})


def _flag(env: Mapping[str, str], name: str, default: str = "") -> bool:
    text = env.get(name, "").strip() or default
    if text.lower() not in _TRUE + _FALSE:
        raise SettingError(f'{name} must be on or off (or 1, true, yes; 0, false, no), not "{text[:40]}".')
    return text.lower() in _TRUE


def _count(env: Mapping[str, str], name: str, default: int, least: int = 1, most: int = _COUNT_MAX) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    number = read_whole_number(text)
    if number is None or not least <= number <= most:
        raise SettingError(f'{name} must be a whole number from {least} to {most:,}, not "{text[:40]}".')
    return number


def _ports(env: Mapping[str, str], name: str) -> range | None:
    """Return a range of ports, both ends included; None for any that is free."""
    text = env.get(name, "").strip()
    if not text:
        return None
    found = _PORTS.fullmatch(text)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= first <= last <= _PORT_MAX:
        raise SettingError(f'{name} must be a range of ports such as 26000-26099, not "{text[:40]}".')
    return range(first, last + 1)


def _hosts(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return names and addresses as they are compared: lower case, without brackets or a final dot."""
    found = []
    for word in _words(env.get(name)):
        if not _HOST.fullmatch(word):
            raise SettingError(
                f'{name} lists names such as ehr.example.org, without ports, with commas between, not "{word[:60]}".'
            )
        found.append(word.strip("[]").rstrip(".").lower())
    return tuple(found)


def _origins(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return origins as browsers write them: lower case, nothing after the host and port."""
    found = []
    for word in _words(env.get(name)):
        origin = word.rstrip("/").lower()
        if not _ORIGIN.fullmatch(origin):
            raise SettingError(
                f'{name} lists origins such as https://ui.example.org, with commas between them, not "{word[:100]}".'
            )
        scheme, _, host = origin.partition("://")
        found.append(f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}")
    return tuple(found)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
