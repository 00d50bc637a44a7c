"""Rules of Bundle and Parameters (R4, Bundle)."""

from sandbox.jsonio import Json
from sandbox.r4.validation.rule_helpers import choice, has, implies, is_distinct


def _entries(value: Json) -> list[Json]:
    return list(value.get("entry", ()))


def _all_or_none(value: Json, part: str, types: frozenset[str]) -> bool:
    return all((part in e) == (value.get("type") in types) for e in _entries(value))


def _first_type(value: Json) -> Json:
    entries = _entries(value)
    return entries[0].get("resource", {}).get("resourceType") if entries else None


def _full_urls(value: Json) -> bool:
    if value.get("type") == "history":
        return True
    return is_distinct(
        (e["fullUrl"], e.get("resource", {}).get("meta", {}).get("versionId"))
        for e in _entries(value)
        if "fullUrl" in e
    )


def _parameter(value: Json, root: Json) -> bool:
    kinds = [has(value, "part"), choice(value, "value") is not None, "resource" in value]
    return sum(kinds) == 1


BUNDLE_RULES = {
    "Bundle": (
        (
            "bdl-1",
            "Only a searchset or history has a total.",
            lambda v, r: not has(v, "total") or v.get("type") in ("searchset", "history"),
        ),
        (
            "bdl-2",
            "Only a searchset's entries have search.",
            lambda v, r: v.get("type") == "searchset" or not any("search" in e for e in _entries(v)),
        ),
        (
            "bdl-3",
            "Every entry of a batch, transaction or history has a request, and no other Bundle's has.",
            lambda v, r: _all_or_none(v, "request", frozenset({"batch", "transaction", "history"})),
        ),
        (
            "bdl-4",
            "Every entry of a response Bundle or history has a response, and no other Bundle's has.",
            lambda v, r: _all_or_none(v, "response", frozenset({"batch-response", "transaction-response", "history"})),
        ),
        ("bdl-7", "No fullUrl may come twice for the same version.", lambda v, r: _full_urls(v)),
        (
            "bdl-9",
            "A document needs an identifier with system and value.",
            lambda v, r: implies(v.get("type") == "document", {"system", "value"} <= set(v.get("identifier", ()))),
        ),
        ("bdl-10", "A document needs a timestamp.", lambda v, r: v.get("type") != "document" or "timestamp" in v),
        (
            "bdl-11",
            "A document's first entry is a Composition.",
            lambda v, r: v.get("type") != "document" or _first_type(v) == "Composition",
        ),
        (
            "bdl-12",
            "A message's first entry is a MessageHeader.",
            lambda v, r: v.get("type") != "message" or _first_type(v) == "MessageHeader",
        ),
    ),
    "Bundle.entry": (
        (
            "bdl-5",
            "An entry holds a resource, a request or a response.",
            lambda v, r: bool({"resource", "request", "response"} & set(v)),
        ),
        ("bdl-8", "A fullUrl must not name a version.", lambda v, r: "/_history/" not in v.get("fullUrl", "")),
    ),
    "Parameters.parameter": (("inv-1", "A parameter has exactly one of value[x], resource and part.", _parameter),),
}
