"""Indexed search against a slow evaluation that reads every resource, over random histories of a branch.

The slow one below shares no code with the package: naive loops over plain JSON, `datetime` for dates,
`Decimal` for numbers. The branch is written to, rolled back and forked at random, and asked the same after every
step, so the overlay's indexes must catch up every time.
"""

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.playground.branch import Branch, Seed
from sandbox.simulators.fhir.search import find

BASE = "http://sandbox.test/fhir"

# -- resources ---------------------------------------------------------------------------------------

FAMILIES = ["Chen", "Chén", "CHENG", "O'Neil", "van  der Berg", "Li", "Lima, Ana"]
DATES = ["1980", "1980-03", "1980-03-15", "1980-03-16", "1979-12-31", "1981-01-01"]
TIMES = [*DATES, "1980-03-15T10:00:00Z", "1980-03-15T23:30:00-02:00", "1980-03-16T00:00:00.500Z"]
TIMES += ["1980-03-16T00:00:00.5000000+00:00", "1980-03-16T00:00:00.5Z"]
CODES = [("http://loinc.org", "a"), ("http://loinc.org", "b"), ("http://other.org", "a"), (None, "a"), (None, "A")]
NUMBERS = ["1", "1.0", "1.04", "1.05", "0.95", "10", "1000", "1049", "-1"]
UNITS = [("http://unitsofmeasure.org", "mg"), ("http://unitsofmeasure.org", "g"), ("http://local.org", "mg"), None]
# Few, so that the steps of a history meet the same resources again.
PATIENTS = [f"p{n}" for n in range(3)]
OBSERVATIONS = [f"o{n}" for n in range(3)]


def sometimes(strategy):
    return st.none() | strategy


def without_none(row):
    return {key: value for key, value in row.items() if value not in (None, [])}


def coding(pair):
    return without_none({"system": pair[0], "code": pair[1]})


@st.composite
def patient(draw):
    families = draw(st.lists(st.sampled_from(FAMILIES), max_size=2))
    return without_none(
        {
            "resourceType": "Patient",
            "id": draw(st.sampled_from(PATIENTS)),
            "name": [{"family": family} for family in families],
            "gender": draw(sometimes(st.sampled_from(["male", "female"]))),
            "active": draw(sometimes(st.booleans())),
            "birthDate": draw(sometimes(st.sampled_from(DATES))),
            "identifier": [
                without_none({"system": s, "value": v}) for s, v in draw(st.lists(st.sampled_from(CODES), max_size=2))
            ],
        }
    )


@st.composite
def observation(draw):
    target = draw(sometimes(st.sampled_from(PATIENTS)))
    prefix = draw(st.sampled_from(["", BASE + "/", "http://other.org/fhir/"]))
    codes = draw(st.lists(st.sampled_from(CODES), max_size=2))
    unit = draw(st.sampled_from(UNITS))
    start, end = draw(sometimes(st.sampled_from(DATES))), draw(sometimes(st.sampled_from(DATES)))
    if start and end:
        start, end = sorted((start, end), key=span)
    row = {
        "resourceType": "Observation",
        "id": draw(st.sampled_from(OBSERVATIONS)),
        "status": "final",
        "code": {"coding": [coding(pair) for pair in codes]} if codes else None,
        "subject": {"reference": f"{prefix}Patient/{target}"} if target else None,
    }
    if draw(st.booleans()):
        row["effectiveDateTime"] = draw(st.sampled_from(TIMES))
    elif start or end:
        row["effectivePeriod"] = without_none({"start": start, "end": end})
    if draw(st.booleans()):
        row["valueQuantity"] = {"value": float(draw(st.sampled_from(NUMBERS)))}
        if unit:
            row["valueQuantity"] |= {"system": unit[0], "code": unit[1]}
    return without_none(row)


RESOURCES = st.one_of(patient(), observation())

# -- queries -----------------------------------------------------------------------------------------

PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
STRINGS = ["ch", "chen", "CHÉN", "oneil", "van der", "li", "en", r"lima\, a", "zz"]
TOKENS = ["http://loinc.org|a", "a", "|a", "http://loinc.org|", "A", "b", "http://none.org|a"]


def alternatives(strategy):
    return st.lists(strategy, min_size=1, max_size=2).map(",".join)


def prefixed(values):
    return st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(values))


def pairs(names, values):
    return st.tuples(st.sampled_from(names), values)


QUANTITIES = [n + u for n in NUMBERS for u in ("", "|http://unitsofmeasure.org|mg", "|http://unitsofmeasure.org|g",
                                               "|http://local.org|mg", "||mg", "|http://local.org|",
                                               "|http://unitsofmeasure.org")]  # fmt: skip
PATIENT_PAIRS = st.one_of(
    pairs(["family", "family:contains"], alternatives(st.sampled_from(STRINGS))),
    pairs(["family:exact"], st.sampled_from(["Chen", "chen", "Li", r"Lima\, Ana"])),
    pairs(["identifier", "identifier:not"], alternatives(st.sampled_from(TOKENS))),
    pairs(["gender", "gender:not"], alternatives(st.sampled_from(["male", "female", "other"]))),
    pairs(["active", "active:not"], st.sampled_from(["true", "false"])),
    pairs(["birthdate"], alternatives(prefixed(DATES))),
    pairs(
        ["family:missing", "gender:missing", "birthdate:missing", "identifier:missing"],
        st.sampled_from(["true", "false"]),
    ),
)
OBSERVATION_PAIRS = st.one_of(
    pairs(["code", "code:not"], alternatives(st.sampled_from(TOKENS))),
    pairs(["date"], alternatives(prefixed(TIMES))),
    pairs(["value-quantity"], alternatives(prefixed(QUANTITIES))),
    pairs(["subject", "subject:Patient"], alternatives(st.sampled_from(PATIENTS))),
    pairs(["subject"], alternatives(st.sampled_from([f"Patient/{p}" for p in PATIENTS]))),
    pairs(["subject"], st.sampled_from([f"{base}/Patient/p1" for base in (BASE, "http://other.org/fhir")])),
    pairs(
        ["code:missing", "date:missing", "subject:missing", "value-quantity:missing"],
        st.sampled_from(["true", "false"]),
    ),
    PATIENT_PAIRS.map(lambda pair: (f"subject:Patient.{pair[0]}", pair[1])),
)
REVERSED = OBSERVATION_PAIRS.filter(lambda pair: "." not in pair[0]).map(
    lambda pair: (f"_has:Observation:subject:{pair[0]}", pair[1])
)
QUERIES = st.one_of(
    st.tuples(st.just("Patient"), st.lists(st.one_of(PATIENT_PAIRS, REVERSED), min_size=1, max_size=3)),
    st.tuples(st.just("Observation"), st.lists(OBSERVATION_PAIRS, min_size=1, max_size=3)),
)

# -- the slow evaluation -----------------------------------------------------------------------------


def plain(text):
    letters = [c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)]
    return " ".join("".join(c for c in letters if c not in "'-,").split())


def span(text, is_stored=False):
    """The first moment of a date or time, and the first one after it; what is stored to a fraction is a moment."""
    if "T" in text:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta())
        fraction = re.search(r"\.(\d+)", text)
        if fraction is None:
            return moment, moment + timedelta(seconds=1)
        return moment, moment + timedelta(microseconds=1 if is_stored else 10 ** max(6 - len(fraction[1]), 0))
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 3:
        return datetime(*parts), datetime(*parts) + timedelta(days=1)
    if len(parts) == 2:
        year, month = parts
        return datetime(year, month, 1), datetime(year + month // 12, month % 12 + 1, 1)
    return datetime(parts[0], 1, 1), datetime(parts[0] + 1, 1, 1)


def compare(prefix, search, target):
    """R4's prefixes on half-open intervals."""
    (s_low, s_high), (t_low, t_high) = search, target
    is_within = s_low <= t_low and t_high <= s_high
    return {
        "": is_within,
        "eq": is_within,
        "ne": not is_within,
        "gt": t_high > s_high,
        "lt": t_low < s_low,
        "ge": t_high > s_high or is_within,
        "le": t_low < s_low or is_within,
        "sa": t_low >= s_high,
        "eb": t_high <= s_low,
    }[prefix]


def compare_numbers(prefix, text, value):
    number = Decimal(text)
    half = Decimal(5).scaleb(number.as_tuple().exponent - 1)
    is_about = number - half <= value < number + half
    return {
        "": is_about, "eq": is_about, "ne": not is_about, "gt": value > number, "sa": value > number,
        "lt": value < number, "eb": value < number, "ge": value >= number, "le": value <= number,
    }[prefix]  # fmt: skip


def cut(text):
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("", text)


def has_token(codes, wanted):
    for system, code in codes:
        if "|" not in wanted:
            if code == wanted:
                return True
            continue
        wanted_system, _, wanted_code = wanted.partition("|")
        if (system or "") == wanted_system and wanted_code in ("", code):
            return True
    return False


def has_quantity(quantity, wanted):
    prefix, rest = cut(wanted)
    number, *unit = rest.split("|")
    value = Decimal(str(quantity["value"]))
    if unit:
        system, code = unit if len(unit) == 2 else (*unit, "")
        ucum = "http://unitsofmeasure.org"
        if code == "":
            if quantity.get("system") != system:
                return False
        elif system == "":
            if quantity.get("code") != code:
                return False
        elif system == ucum:
            if quantity.get("system") != ucum:
                return False
            ratio = {("mg", "g"): 1000, ("g", "mg"): Decimal("0.001")}.get((code, quantity["code"]), 1)
            value *= ratio
        elif (quantity.get("system"), quantity.get("code")) != (system, code):
            return False
    return compare_numbers(prefix, number, value)


def reference_of(resource):
    return resource.get("subject", {}).get("reference")


def refers_to(reference, wanted, modifier):
    if reference is None:
        return False
    local = reference.removeprefix(BASE + "/")
    if wanted.startswith("http"):
        return local == wanted.removeprefix(BASE + "/")
    if "/" in wanted:
        return local == wanted
    return local in (f"Patient/{wanted}", f"Group/{wanted}") if modifier is None else local == f"{modifier}/{wanted}"


def slow_one(store, resource, name, value):
    kind = resource["resourceType"]
    if name.startswith("_has:"):
        rest = name.split(":", 3)[3]
        return any(
            refers_to(reference_of(other), f"{kind}/{resource['id']}", None) and slow_one(store, other, rest, value)
            for other in store["Observation"]
        )
    if "." in name:
        rest = name.partition(".")[2]
        local = (reference_of(resource) or "").removeprefix(BASE + "/")
        return any(local == f"Patient/{p['id']}" and slow_one(store, p, rest, value) for p in store["Patient"])
    code, _, modifier = name.partition(":")
    modifier = modifier or None
    if modifier == "missing":
        elements = {
            "family": ["name"],
            "birthdate": ["birthDate"],
            "date": ["effectiveDateTime", "effectivePeriod"],
            "value-quantity": ["valueQuantity"],
        }.get(code, [code])
        return any(element in resource for element in elements) is (value == "false")
    values = value.replace(r"\,", "\0").split(",")
    values = [item.replace("\0", ",") for item in values]
    found = any(slow_value(resource, code, modifier, item) for item in values)
    return not found if modifier == "not" else found


def slow_value(resource, code, modifier, wanted):
    match code:
        case "family":
            families = [name["family"] for name in resource.get("name", [])]
            if modifier == "exact":
                return wanted in families
            if modifier == "contains":
                return any(plain(wanted) in plain(family) for family in families)
            return any(plain(family).startswith(plain(wanted)) for family in families)
        case "identifier":
            return has_token([(i.get("system"), i["value"]) for i in resource.get("identifier", [])], wanted)
        case "code":
            codings = resource.get("code", {}).get("coding", [])
            return has_token([(c.get("system"), c["code"]) for c in codings], wanted)
        case "gender":
            return resource.get("gender") == wanted
        case "active":
            return resource.get("active") is (wanted == "true")
        case "birthdate" | "date":
            prefix, text = cut(wanted)
            targets = [span(resource[key], True) for key in ("birthDate", "effectiveDateTime") if key in resource]
            if (period := resource.get("effectivePeriod")) is not None:
                low = span(period["start"])[0] if "start" in period else datetime.min
                high = span(period["end"])[1] if "end" in period else datetime.max
                targets.append((low, high))
            return any(compare(prefix, span(text), target) for target in targets)
        case "value-quantity":
            return "valueQuantity" in resource and has_quantity(resource["valueQuantity"], wanted)
        case "subject":
            return refers_to(reference_of(resource), wanted, modifier)
    raise AssertionError(code)


def slow(branch, resource_type, query):
    store = {t: [value for _, value in branch.items(f"fhir/{t}")] for t in ("Patient", "Observation")}
    return [r["id"] for r in store[resource_type] if all(slow_one(store, r, name, value) for name, value in query)]


# -- histories ---------------------------------------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("put"), RESOURCES),
    st.tuples(st.just("put"), RESOURCES),
    st.tuples(st.just("delete"), st.sampled_from([*PATIENTS, *OBSERVATIONS])),
    st.tuples(st.just("savepoint"), st.none()),
    st.tuples(st.just("rollback"), st.none()),
    st.tuples(st.just("fork"), st.none()),
)


def collection_of(key):
    return "fhir/Patient" if key.startswith("p") else "fhir/Observation"


def agree(branch, query):
    resource_type, parameters = query
    assert find(branch, resource_type, parameters, BASE) == slow(branch, resource_type, parameters)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(RESOURCES, max_size=8), st.lists(STEPS, min_size=4, max_size=14), st.lists(QUERIES, min_size=3, max_size=8)
)
def test_indexed_search_equals_a_slow_evaluation(seeded, steps, queries):
    """The same queries before and after every step, so that each step meets indexes that are there already."""
    rows: dict = {"fhir/Patient": {}, "fhir/Observation": {}}
    for resource in seeded:
        rows[collection_of(resource["id"])][resource["id"]] = resource
    branches = [Branch(Seed.of(rows))]
    savepoint = None
    for query in queries:
        agree(branches[0], query)
    for kind, argument in steps:
        branch = branches[-1]
        match kind:
            case "put":
                branch.put(collection_of(argument["id"]), argument["id"], argument)
            case "delete":
                branch.delete(collection_of(argument), argument)
            case "savepoint":
                savepoint = branch.savepoint()
            case "rollback" if savepoint is not None:
                branch.rollback(savepoint)
                savepoint = None
            case "fork":
                branches.append(branch.fork())
                savepoint = None
        for query in queries:
            agree(branches[-1], query)
    for branch in branches:
        for query in queries:
            agree(branch, query)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RESOURCES, min_size=3, max_size=14), QUERIES)
def test_where_the_resources_are_makes_no_difference(resources, query):
    """All in the seed, or all written by the playground: the same matches."""
    rows: dict = {"fhir/Patient": {}, "fhir/Observation": {}}
    own = Branch(Seed.of({}))
    for resource in resources:
        rows[collection_of(resource["id"])][resource["id"]] = resource
        own.put(collection_of(resource["id"]), resource["id"], resource)
    seeded = Branch(Seed.of(rows))
    agree(seeded, query)
    agree(own, query)
    assert sorted(find(seeded, *query, BASE)) == find(own, *query, BASE)
