"""The two layers: shared seed indexes, a playground's own, and what an interaction sees of itself."""

import gc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.errors import Invalid
from sandbox.playground.branch import Branch, Document, Seed, SeedCollection
from sandbox.simulators.fhir.search import SearchRequest, find, search
from sandbox.simulators.fhir.search.indexes.index import Postings, Selection, intersect
from sandbox.simulators.fhir.search.indexes.intervals import Intervals, Range
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.terms.definitions import parameters_of
from sandbox.simulators.fhir.search.types.string import parse_string

SEARCH_BASE = "http://sandbox.test/fhir"


def patient(identity, family, **fields):
    return {"resourceType": "Patient", "id": identity, "name": [{"family": family}], **fields}


def family(branch, value):
    return find(branch, "Patient", [("family", value)])


def seeded(*rows):
    return Seed.of({"fhir/Patient": {row["id"]: row for row in rows}})


class Counting(dict):
    """Documents that count how often they are walked over."""

    walks = 0

    def items(self):
        Counting.walks += 1
        return super().items()


def test_the_seed_is_indexed_once_for_all_playgrounds():
    Counting.walks = 0
    documents = Counting({f"p{n}": Document(patient(f"p{n}", "Chen")) for n in range(3)})
    seed = Seed({"fhir/Patient": SeedCollection(documents)})
    for _ in range(4):
        branch = Branch(seed)
        assert family(branch, "chen") == ["p0", "p1", "p2"]
        branch.put("fhir/Patient", "p0", patient("p0", "Li"))
        assert family(branch, "chen") == ["p1", "p2"]
        assert family(branch.fork(), "li") == ["p0"]
    assert Counting.walks == 1
    assert family(Branch(seed), "chen") == ["p0", "p1", "p2"]


def test_indexing_a_seed_keeps_its_text_and_nothing_parsed():
    """A parsed resource is many times its text; each is let go when it has been read."""
    rows = {f"p{n}": patient(f"p{n}", "Chen", birthDate="1980-03-15") for n in range(3)}
    documents = {key: Document(json=jsonio.dump(row)) for key, row in rows.items()}
    branch = Branch(Seed({"fhir/Patient": SeedCollection(documents)}))
    for pair in [("family", "chen"), ("birthdate", "1980"), ("_lastUpdated:missing", "true"), ("_content", "chen")]:
        assert find(branch, "Patient", [pair]) == ["p0", "p1", "p2"], pair
    assert [document._value for document in documents.values()] == [None] * 3
    assert gc.isenabled()


def test_a_number_that_no_float_holds_is_no_obstacle():
    text = (
        b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},'
        b'"valueQuantity":{"value":1e400,"code":"mg"}}'
    )
    branch = Branch(Seed({"fhir/Observation": SeedCollection({"o": Document(json=text)})}))
    assert find(branch, "Observation", [("status", "final")]) == ["o"]
    assert find(branch, "Observation", [("value-quantity", "gt5||mg")]) == ["o"]


@given(
    st.dictionaries(st.integers(0, 99), st.sets(st.integers(0, 30), min_size=1), max_size=90),
    st.sets(st.integers(0, 30)),
)
def test_the_keys_of_many_values(rows, candidates):
    postings = Postings()
    for value, keys in rows.items():
        for key in keys:
            postings.add(value, key)
    selection = postings.select_many(list(rows))
    expected = set().union(*rows.values())
    assert selection.keys() == expected
    assert selection.keep(candidates) == candidates & expected
    assert bool(selection.estimate) is bool(expected)
    if len(rows) <= 64:
        assert selection.estimate == sum(map(len, rows.values()))


def test_the_most_selective_criterion_is_read_first():
    """A frequent name is not collected when an identifier leaves one resource."""
    rows = [patient(f"p{n}", f"Smith{n % 3}", identifier=[{"value": str(n)}]) for n in range(300)]
    branch = Branch(seeded(*rows))
    assert find(branch, "Patient", [("family", "smith"), ("identifier", "7")]) == ["p7"]
    index = Store.of(branch).type("Patient").seed.index(parameters_of("Patient")["family"])
    frequent = index.select(parse_string(None, "smith"))
    assert frequent.estimate == 300
    assert intersect([frequent, Selection(1, lambda: {"p7"}, lambda keys: pytest.fail("read second"))]) == {"p7"}


def test_a_playground_does_not_see_anothers_writes():
    seed = seeded(patient("a", "Chen"))
    one, other = Branch(seed), Branch(seed)
    one.put("fhir/Patient", "b", patient("b", "Chen"))
    one.delete("fhir/Patient", "a")
    assert family(one, "chen") == ["b"]
    assert family(other, "chen") == ["a"]


def test_update_delete_and_return_of_a_seeded_resource():
    branch = Branch(seeded(patient("a", "Chen"), patient("b", "Chen")))
    assert family(branch, "chen") == ["a", "b"]
    branch.put("fhir/Patient", "a", patient("a", "Li"))
    assert (family(branch, "chen"), family(branch, "li")) == (["b"], ["a"])
    branch.delete("fhir/Patient", "a")
    assert family(branch, "li") == []
    branch.put("fhir/Patient", "a", patient("a", "Chen"))
    assert family(branch, "chen") == ["a", "b"]


def test_an_interaction_sees_its_own_uncommitted_writes_and_a_failed_one_leaves_none(ehr):
    made = ehr([patient("a", "Chen")])
    seen = []

    def handle(tx):
        tx.put("fhir/Patient", "b", patient("b", "Chen"))
        seen.append(family(tx.branch, "chen"))
        point = tx.savepoint()
        tx.delete("fhir/Patient", "a")
        seen.append(family(tx.branch, "chen"))
        tx.rollback(point)
        seen.append(family(tx.branch, "chen"))
        body = search(tx, SearchRequest("Patient", (("family", "chen"),), "http://x/fhir"))
        seen.append(body.count(b'"fullUrl"'))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        made.playground.interact("fhir_request", handle)
    assert seen == [["a", "b"], ["b"], ["a", "b"], 2]
    assert family(made.branch, "chen") == ["a"]


def test_a_fork_goes_its_own_way():
    branch = Branch(seeded(patient("a", "Chen")))
    branch.put("fhir/Patient", "b", patient("b", "Chen"))
    assert family(branch, "chen") == ["a", "b"]
    fork = branch.fork()
    fork.put("fhir/Patient", "c", patient("c", "Chen"))
    branch.delete("fhir/Patient", "b")
    assert family(branch, "chen") == ["a"]
    assert family(fork, "chen") == ["a", "b", "c"]


def test_a_resource_type_without_a_seed_and_without_writes():
    assert find(Branch(Seed.of({})), "Basic", [("code", "x")]) == []


def test_bookkeeping_is_not_searched(ehr, matched):
    made = ehr([patient("a", "Chen")])
    made.branch.put("fhir/_history", "Patient/a/1", {"resourceType": "Patient", "id": "a"})
    assert Store.of(made.branch).types() == ["Patient"]
    assert matched(made.bundle("Patient?_revinclude=*")) == ["a"]


def test_the_number_of_resources_counts_both_layers():
    branch = Branch(seeded(patient("a", "Chen"), patient("b", "Chen")))
    store = Store.of(branch).type("Patient")
    assert store.count() == 2
    branch.put("fhir/Patient", "c", patient("c", "Li"))
    branch.put("fhir/Patient", "a", patient("a", "Li"))
    branch.delete("fhir/Patient", "b")
    Store.of(branch)
    assert store.count() == 2


def test_every_facet_of_an_index_follows_an_update(ehr):
    made = ehr([], own=True)
    before = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"code": "a", "display": "Alpha"}, {"code": "a"}]},
        "subject": {"reference": "Patient/1", "identifier": {"value": "I"}},
        "effectiveDateTime": "2020",
        "valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "mg"},
        "component": [{"code": {"coding": [{"code": "x"}]}, "valueQuantity": {"value": 5}}],
        "identifier": [{"value": "V", "type": {"coding": [{"system": "t", "code": "c"}]}}],
        "text": {"status": "generated", "div": "<div>word world</div>"},
    }
    queries = [
        "code=a", "code:text=alpha", "subject=Patient/1", "subject:identifier=I", "date=2020", "value-quantity=1",
        "value-quantity=0.001|http://unitsofmeasure.org|g", "component-code-value-quantity=x$5", "status=final",
        "identifier:of-type=t|c|V", "_text=word", "_text=wo*", "_content=alpha", "code:not=b", "date:missing=false",
    ]  # fmt: skip
    # Beside it one that none of them finds: a layer that is empty is not asked at all.
    made.write({"resourceType": "Observation", "id": "z", "code": {"coding": [{"code": "b"}]}, "status": "unknown"})
    for round_ in range(2):
        made.write(before)
        assert [made.ids(f"Observation?{query}") for query in queries] == [["o"]] * len(queries), round_
        made.write({"resourceType": "Observation", "id": "o", "status": "amended", "code": {"coding": [{"code": "b"}]}})
        found = [made.ids(f"Observation?{query}") for query in queries]
        assert found == [[]] * len(queries), round_
        made.write(before)
        assert [made.ids(f"Observation?{query}") for query in queries] == [["o"]] * len(queries), round_
        made.write(delete=["Observation/o"])
        assert [made.ids(f"Observation?{query}") for query in queries] == [[]] * len(queries), round_


def test_an_id_is_of_several_types_only_while_references_say_so(ehr):
    def about(identity, subject):
        return {"resourceType": "Observation", "id": identity, "subject": {"reference": subject}}

    made = ehr([about("one", "Patient/1"), about("two", "Group/1")])
    with pytest.raises(Invalid, match="write Type/id"):
        made.ids("Observation?subject=1")
    made.write(about("two", "Patient/1"))
    assert made.ids("Observation?subject=1") == ["one", "two"]
    made.write(about("three", f"{SEARCH_BASE}/Group/1"))
    with pytest.raises(Invalid, match="write Type/id"):
        made.ids("Observation?subject=1")
    made.write(delete=["Observation/three"])
    assert made.ids("Observation?subject=1") == ["one", "two"]


def test_the_order_follows_an_update(ehr):
    made = ehr([], own=True)
    made.write(patient("a", "Abel"), patient("b", "Berg"), patient("c", "Chen"))
    for query, order in (("family", "abc"), ("-family", "cba")):
        assert made.ids(f"Patient?_sort={query}") == list(order)
    made.write(patient("a", "Zimmer"))
    assert made.ids("Patient?_sort=family") == ["b", "c", "a"]
    assert made.ids("Patient?_sort=-family") == ["a", "c", "b"]
    made.write({"resourceType": "Patient", "id": "b"})
    assert made.ids("Patient?_sort=family") == ["c", "a", "b"]
    assert made.ids("Patient?_sort=-family") == ["a", "c", "b"]
    made.write(delete=["Patient/c"])
    made.write(patient("c", "Zz"))
    assert made.ids("Patient?_sort=family") == ["a", "c", "b"]
    assert made.ids("Patient?_sort=-family") == ["c", "a", "b"]


def test_a_location_and_a_uri_follow_an_update(ehr):
    made = ehr([], own=True)
    made.write({"resourceType": "Location", "id": "l", "position": {"latitude": 1, "longitude": 1}})
    made.write({"resourceType": "ValueSet", "id": "v", "url": "http://a.org/x/y", "version": "1"})
    assert made.ids("Location?near=1|1") == ["l"]
    assert made.ids("ValueSet?url:below=http://a.org/x") == ["v"]
    made.write({"resourceType": "Location", "id": "l", "position": {"latitude": 50, "longitude": 1}})
    made.write({"resourceType": "ValueSet", "id": "v", "url": "http://b.org/x/y"})
    assert made.ids("Location?near=1|1") == []
    assert made.ids("Location?near=50|1") == ["l"]
    assert made.ids("ValueSet?url:below=http://a.org/x") == []
    assert made.ids("ValueSet?url:above=http://b.org/x/y/z") == ["v"]


def test_terminology_follows_the_store(ehr):
    made = ehr([{"resourceType": "Observation", "id": "o", "code": {"coding": [{"system": "s", "code": "b"}]}}])
    concept = [{"code": "a", "concept": [{"code": "b"}]}]
    system = {"resourceType": "CodeSystem", "id": "cs", "url": "s", "content": "complete", "concept": concept}
    made.write(system)
    assert made.ids("Observation?code:below=s|a") == ["o"]
    made.write({**system, "concept": [{"code": "a"}, {"code": "b"}]})
    assert made.ids("Observation?code:below=s|a") == []


INTERVALS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted).map(tuple)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.integers(0, 20), st.lists(INTERVALS, min_size=1, max_size=3), max_size=15),
    st.lists(st.integers(0, 20), max_size=10),
    st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]),
    INTERVALS,
)
def test_sorted_intervals_find_what_looking_at_each_finds(rows, removed, prefix, wanted):
    index = Intervals()
    half = len(rows) // 2
    for number, (key, intervals) in enumerate(rows.items()):
        if number == half:
            index.seal()
        for interval in intervals:
            index.add(key, interval)
    if not rows:
        index.seal()
    for key in removed:
        for interval in rows.pop(key, []):
            index.remove(key, interval)
    query = Range(prefix, *wanted)
    expected = {key for key, intervals in rows.items() if any(query.matches(*i) for i in intervals)}
    selection = index.select(query)
    assert selection.keys() == expected
    assert selection.keep(set(rows)) == expected
    assert selection.estimate >= len(expected)


def test_intervals_upside_down_have_no_value(ehr):
    period = {"start": "2021", "end": "2020"}
    upside_down = {"low": {"value": 5}, "high": {"value": 4}}
    made = ehr(
        [
            {"resourceType": "Observation", "id": "o", "effectivePeriod": period},
            {"resourceType": "Condition", "id": "c", "onsetRange": upside_down},
        ]
    )
    assert made.ids("Observation?date:missing=true") == ["o"]
    assert made.ids("Condition?onset-age:missing=true") == ["c"]


def test_malformed_data_is_passed_over(ehr):
    odd = {
        "resourceType": "Observation",
        "id": "odd",
        "status": 5,
        "code": "text",
        "subject": ["Patient/1"],
        "effectiveDateTime": "yesterday",
        "valueQuantity": {"value": "5"},
        "component": [None, "x", {"code": {"coding": "y"}}],
        "identifier": {"value": ["a"]},
        "performer": [{"reference": 7}, None],
        "text": {"div": 5},
        "meta": {"tag": "x", "profile": [5]},
    }
    made = ehr([odd])
    queries = "status=5 code=text date=2020 value-quantity=5 component-code=y identifier=a performer=7 _text=5 _tag=x"
    for query in [*queries.split(), "component-code-value-quantity=y$5", "subject:identifier=x"]:
        assert made.ids(f"Observation?{query}") == [], query
    assert made.ids("Observation?date:missing=true") == ["odd"]


def test_what_is_measured_from_the_present_is_read_anew():
    row = {"resourceType": "Observation", "id": "o", "effectiveDateTime": "2019-12-01"}
    branch = Branch(Seed.of({"fhir/Observation": {"o": row}}))
    asked = [("date", "ap2020-01-01")]
    assert find(branch, "Observation", asked, now=datetime(2020, 2, 1, tzinfo=UTC)) == []
    assert find(branch, "Observation", asked, now=datetime(2030, 2, 1, tzinfo=UTC)) == ["o"]
