"""`_summary` and `_elements`: parts of a resource, marked SUBSETTED (R4 search, 3.1.1.5.8 and 9)."""

from typing import Any, Final

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.simulators.fhir.search.query.options import Options, element_keys
from sandbox.simulators.fhir.search.terms.definitions import element_tables

_ALWAYS: Final = frozenset({"resourceType", "id", "meta"})
_TAG: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}


def rendered(document: Document, resource_type: str, options: Options) -> bytes:
    """Return a resource as JSON text, whole or as the options ask for it."""
    if options.summary in ("false", "count") and not options.elements:
        return document.json
    return jsonio.dump(subset(document.value, resource_type, options))


def subset(resource: Json, resource_type: str, options: Options) -> dict[str, Any]:
    """Return the part of a resource that the options ask for, tagged as a part."""
    table = element_tables()[resource_type]
    if options.elements:
        wanted = {key for name in options.elements for key in element_keys(resource_type, name)}
        kept = _kept(resource, wanted | set(table["mandatory"]))
    elif options.summary == "text":
        kept = _kept(resource, {"text", *table["mandatory"]})
    elif options.summary == "data":
        kept = {key: value for key, value in resource.items() if key != "text"}
    else:
        kept = _summarised(resource, {**table["summary"], "resourceType": True})
    meta = dict(kept.get("meta") or {})
    meta["tag"] = [*(meta.get("tag") or []), _TAG]
    return {"resourceType": kept.pop("resourceType"), "id": kept.pop("id"), "meta": meta} | {
        key: value for key, value in kept.items() if key != "meta"
    }


def _kept(resource: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    wanted = keys | _ALWAYS
    return {key: value for key, value in resource.items() if key.removeprefix("_") in wanted}


def _summarised(value: Json, tree: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in value.items():
        below = tree.get(key.removeprefix("_"))
        if below is True or (below is not None and key.startswith("_")):
            kept[key] = item
        elif isinstance(below, dict):
            if isinstance(item, list):
                kept[key] = [_summarised(one, below) if isinstance(one, dict) else one for one in item]
            elif isinstance(item, dict):
                kept[key] = _summarised(item, below)
    return kept
