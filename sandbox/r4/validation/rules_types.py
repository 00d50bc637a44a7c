"""Rules of the data types and of every resource (R4, Data Types, DomainResource)."""

from sandbox.jsonio import Json
from sandbox.r4.validation.dates import is_after
from sandbox.r4.validation.rule_helpers import UCUM, choice, has, implies, strings


def _contained_is_used(value: Json, root: Json) -> bool:
    held = value.get("contained", ())
    if not held:
        return True
    used = set(strings({key: item for key, item in value.items() if key != "id"}))
    # A contained resource that points back to its container with "#" is used too.
    return all("#" + c["id"] in used or "#" in set(strings(c)) for c in held)


def _contained_meta(value: Json, *names: str) -> bool:
    return not any(name in c.get("meta", ()) for c in value.get("contained", ()) for name in names)


def _ucum_quantity(value: Json) -> bool:
    return ("code" in value or "value" not in value) and value.get("system", UCUM) == UCUM


def _ratio(value: Json, root: Json) -> bool:
    if has(value, "numerator") != has(value, "denominator"):
        return False
    return has(value, "numerator", "extension")


def _range(value: Json, root: Json) -> bool:
    low, high = value.get("low"), value.get("high")
    if not low or not high or "value" not in low or "value" not in high:
        return True
    return (low.get("system"), low.get("code")) != (high.get("system"), high.get("code")) or low["value"] <= high[
        "value"
    ]


TYPE_RULES = {
    "DomainResource": (
        ("dom-3", "Each contained resource must be referred to from the resource.", _contained_is_used),
        (
            "dom-4",
            "A contained resource must not have meta.versionId or meta.lastUpdated.",
            lambda v, r: _contained_meta(v, "versionId", "lastUpdated"),
        ),
        ("dom-5", "A contained resource must not have a security label.", lambda v, r: _contained_meta(v, "security")),
    ),
    "Extension": (
        (
            "ext-1",
            "An extension has either a value or extensions of its own, not both and not neither.",
            lambda v, r: (choice(v, "value") is not None) != ("extension" in v),
        ),
    ),
    "Period": (
        (
            "per-1",
            "The start of a period must not be after its end.",
            lambda v, r: "end" not in v or "start" not in v or not is_after(v["start"], v["end"]),
        ),
    ),
    "Quantity": (("qty-3", "A coded unit needs its system.", lambda v, r: not has(v, "code") or has(v, "system")),),
    "SimpleQuantity": (("sqty-1", "A comparator is not allowed here.", lambda v, r: not has(v, "comparator")),),
    "Age": (
        (
            "age-1",
            "An age needs a UCUM code and a value above zero.",
            lambda v, r: _ucum_quantity(v) and v.get("value", 1) > 0,
        ),
    ),
    "Distance": (("dis-1", "A distance needs a UCUM code.", lambda v, r: _ucum_quantity(v)),),
    "Count": (
        (
            "cnt-3",
            "A count is a whole number with the UCUM code 1.",
            lambda v, r: _ucum_quantity(v) and v.get("code", "1") == "1" and "." not in str(v.get("value", "")),
        ),
    ),
    "Duration": (
        (
            "drt-1",
            "A duration with a code needs the UCUM system and a value.",
            lambda v, r: implies(has(v, "code"), v.get("system") == UCUM and has(v, "value")),
        ),
    ),
    "Range": (("rng-2", "The low of a range must not exceed its high.", _range),),
    "Ratio": (("rat-1", "A ratio has both numerator and denominator, or only extensions.", _ratio),),
    "Attachment": (("att-1", "Data needs its contentType.", lambda v, r: not has(v, "data") or has(v, "contentType")),),
    "ContactPoint": (("cpt-2", "A value needs its system.", lambda v, r: not has(v, "value") or has(v, "system")),),
    "Expression": (("exp-1", "Give an expression or a reference.", lambda v, r: has(v, "expression", "reference")),),
    "Timing.repeat": (
        ("tim-1", "A duration needs its durationUnit.", lambda v, r: not has(v, "duration") or has(v, "durationUnit")),
        ("tim-2", "A period needs its periodUnit.", lambda v, r: not has(v, "period") or has(v, "periodUnit")),
        ("tim-4", "The duration must not be negative.", lambda v, r: v.get("duration", 0) >= 0),
        ("tim-5", "The period must not be negative.", lambda v, r: v.get("period", 0) >= 0),
        ("tim-6", "periodMax needs a period.", lambda v, r: not has(v, "periodMax") or has(v, "period")),
        ("tim-7", "durationMax needs a duration.", lambda v, r: not has(v, "durationMax") or has(v, "duration")),
        ("tim-8", "countMax needs a count.", lambda v, r: not has(v, "countMax") or has(v, "count")),
        (
            "tim-9",
            "An offset needs a when that is not C, CM, CD or CV.",
            lambda v, r: (
                not has(v, "offset") or (has(v, "when") and not set(v.get("when", ())) & {"C", "CM", "CD", "CV"})
            ),
        ),
        ("tim-10", "Use timeOfDay or when, not both.", lambda v, r: not has(v, "timeOfDay") or not has(v, "when")),
    ),
    "DataRequirement.codeFilter": (
        ("drq-1", "Give a path or a searchParam, not both.", lambda v, r: has(v, "path") != has(v, "searchParam")),
    ),
    "DataRequirement.dateFilter": (
        ("drq-2", "Give a path or a searchParam, not both.", lambda v, r: has(v, "path") != has(v, "searchParam")),
    ),
    "TriggerDefinition": (
        ("trd-1", "Use data or timing, not both.", lambda v, r: not has(v, "data") or choice(v, "timing") is None),
        ("trd-2", "A condition needs data.", lambda v, r: not has(v, "condition") or has(v, "data")),
        (
            "trd-3",
            "A named event needs a name, a periodic one a timing, a data event its data.",
            lambda v, r: (
                implies(v.get("type") == "named-event", has(v, "name"))
                and implies(v.get("type") == "periodic", choice(v, "timing") is not None)
                and implies(str(v.get("type", "")).startswith("data-"), has(v, "data"))
            ),
        ),
    ),
}
