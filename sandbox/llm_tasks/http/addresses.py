"""Where the task API is served, and by what other paths its routes are found.

`baseUrl` of the published client is what stands before `/org/…`; its own documentation has a bare host there.
"""

from collections.abc import Iterator, Mapping
from typing import Final

BASE: Final = "/api/v1"
TOKEN: Final = "/oauth2/token"
# What a path may begin with besides, and what that stands for. None of it is a part of `/v1`.
ALIASES: Final[Mapping[str, str]] = {
    "/org": f"{BASE}/org",
    "/whoami": f"{BASE}/whoami",
    f"{BASE}{TOKEN}": TOKEN,
}


def paths_of(path: str) -> Iterator[str]:
    """Yield a route's path, and those that stand for it.

    >>> list(paths_of("/api/v1/org/{org_id}"))
    ['/api/v1/org/{org_id}', '/org/{org_id}']
    """
    yield path
    for alias, meant in ALIASES.items():
        if _is_below(path, meant):
            yield alias + path.removeprefix(meant)


def is_task_api(path: str) -> bool:
    """Tell whether a request's path is the task API's, so that it renders the errors there.

    >>> is_task_api("/org"), is_task_api("/api/v1/nonsense"), is_task_api("/organizations"), is_task_api("/v1/org")
    (True, True, False, False)
    """
    return any(_is_below(path, prefix) for prefix in (BASE, *ALIASES))


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
