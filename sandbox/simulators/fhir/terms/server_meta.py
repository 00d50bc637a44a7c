"""What the server itself writes into a resource on every update, and nobody else: it is no difference."""

from typing import Final

from sandbox.jsonio import Json

_WRITTEN: Final = frozenset({"versionId", "lastUpdated"})


def without_server_meta(resource: Json) -> Json:
    """Return a resource without it.

    >>> without_server_meta({"id": "a", "meta": {"versionId": "2", "tag": []}})
    {'id': 'a', 'meta': {'tag': []}}
    """
    if not isinstance(resource, dict) or not isinstance(resource.get("meta"), dict):
        return resource
    meta = {name: value for name, value in resource["meta"].items() if name not in _WRITTEN}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest
