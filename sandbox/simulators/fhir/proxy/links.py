"""URLs from one base to another: links, fullUrls, locations and literal references.

Identities stay as they are: canonical URLs, identifier systems and the like name things and are
not where a server is.
"""

from collections.abc import Mapping
from typing import Final

from sandbox.jsonio import Json

PAGE_MARK: Final = "_proxied"
_PAGES: Final = frozenset({"next", "previous", "prev", "first", "last"})


def moved(url: str, source: str, target: str) -> str:
    """Move a URL that lies at or below a base.

    >>> moved("http://a/fhir/Patient/1", "http://a/fhir", "http://b"), moved("http://a/fhirx", "http://a/fhir", "http://b")
    ('http://b/Patient/1', 'http://a/fhirx')
    """
    if url.startswith(source) and (len(url) == len(source) or url[len(source)] in "/?"):
        return target + url[len(source) :]
    return url


def rebased(value: Json, source: str, target: str) -> Json:
    """Return a copy of a resource with its references, and a Bundle's URLs, moved from one base to another."""
    if isinstance(value, list):
        return [rebased(item, source, target) for item in value]
    if not isinstance(value, Mapping):
        return value
    result = {key: rebased(item, source, target) for key, item in value.items()}
    text = result.get("reference")
    if isinstance(text, str):
        result["reference"] = moved(text, source, target)
    if result.get("resourceType") == "Bundle":
        _move_bundle(result, source, target)
    elif result.get("resourceType") == "CapabilityStatement":
        _move(result.get("implementation"), "url", source, target)
    return result


def _move(holder: Json, key: str, source: str, target: str) -> None:
    if isinstance(holder, dict) and isinstance(holder.get(key), str):
        holder[key] = moved(holder[key], source, target)


def _rows(holder: Json, key: str) -> list[Json]:
    rows = holder.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _move_bundle(bundle: Json, source: str, target: str) -> None:
    for link in _rows(bundle, "link"):
        _move(link, "url", source, target)
    for entry in _rows(bundle, "entry"):
        _move(entry, "fullUrl", source, target)
        _move(entry.get("request"), "url", source, target)
        _move(entry.get("response"), "location", source, target)
        for link in _rows(entry, "link"):
            _move(link, "url", source, target)


def mark_pages(bundle: Json) -> None:
    """Mark the links to other pages, so that they are followed as they are."""
    for link in _rows(bundle, "link"):
        url = link.get("url")
        if link.get("relation") in _PAGES and isinstance(url, str):
            link["url"] = f"{url}{'&' if '?' in url else '?'}{PAGE_MARK}=page"
