"""The searchset Bundle: entries, links, pages, subsets, counts, and what lenient handling says."""

import json
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import limits
from sandbox.errors import Gone, Invalid, TooLarge
from sandbox.simulators.fhir.search.answer import pages
from sandbox.simulators.fhir.search.query.strings import query

BASE = "http://sandbox.test/fhir"


def patients(count, **fields):
    return [
        {"resourceType": "Patient", "id": f"p{number:05}", "active": True, "name": [{"family": "Many"}], **fields}
        for number in range(count)
    ]


def links(bundle):
    return {row["relation"]: row["url"] for row in bundle["link"]}


def test_the_smallest_bundle(ehr):
    bundle = ehr([]).bundle("Patient")
    assert bundle == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 0,
        "link": [{"relation": "self", "url": f"{BASE}/Patient"}],
    }


def test_an_entry_holds_the_stored_text_to_the_digit(ehr):
    text = b'{"resourceType":"Observation","id":"x","meta":{},"valueQuantity":{"value":4.10}}'
    made = ehr([])

    def put(tx):
        from sandbox.playground.events import Response

        tx.put("fhir/Observation", "x", json.loads(text), json=text)
        return Response()

    made.playground.interact("fhir_request", put)
    bundle = made.bundle("Observation?value-quantity=4.1")
    assert bundle["entry"] == [
        {
            "fullUrl": f"{BASE}/Observation/x",
            "resource": {
                "resourceType": "Observation",
                "id": "x",
                "meta": {},
                "valueQuantity": {"value": 4.1},
            },
            "search": {"mode": "match"},
        }
    ]
    assert bundle["entry"][0]["resource"]["valueQuantity"]["value"].text == "4.10"


def test_a_base_url_with_a_final_slash_is_the_same(ehr, matched):
    from sandbox import jsonio
    from sandbox.playground.events import Response
    from sandbox.simulators.fhir.search import SearchRequest, search

    made = ehr([*patients(1), {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p00000"}}])
    bodies = []

    def handle(tx):
        parameters = (("subject", f"{BASE}/Patient/p00000"), ("_include", "Observation:subject"))
        bodies.append(search(tx, SearchRequest("Observation", parameters, BASE + "/")))
        return Response()

    made.playground.interact("fhir_request", handle)
    bundle = jsonio.parse(bodies[0])
    assert [e["fullUrl"] for e in bundle["entry"]] == [f"{BASE}/Observation/o", f"{BASE}/Patient/p00000"]


def test_self_repeats_what_was_understood(ehr):
    bundle = ehr(patients(1)).bundle("Patient?family=many&active:not=false&_sort=-family&_format=json&_pretty=true")
    assert links(bundle)["self"] == f"{BASE}/Patient?family=many&active:not=false&_sort=-family"


def test_self_is_a_url_that_means_the_same(ehr, matched):
    odd = {"resourceType": "Patient", "id": "odd", "name": [{"family": "a&b=c, d+e%"}]}
    made = ehr([odd, *patients(1)])
    bundle = made.bundle("Patient?family:exact=a%26b%3Dc%5C%2C%20d%2Be%25")
    assert matched(bundle) == ["odd"]
    again = made.follow(links(bundle)["self"])
    assert matched(again) == ["odd"]
    assert links(again) == links(bundle)


@given(st.text(max_size=12) | st.text("aZ09-._~:/,.*$()!'|& +%", max_size=12))
def test_what_needs_no_quoting_is_written_as_it_is(text):
    assert query([(text, text)]) == f"?{quote(text, safe=':.*')}={quote(text, safe=chr(39) + ':/,.*$()!~')}"


# -- lenient -----------------------------------------------------------------------------------------


def test_strict_refuses_and_lenient_says_what_it_ignored(ehr, matched):
    made = ehr(patients(2))
    with pytest.raises(Invalid, match="colour"):
        made.bundle("Patient?_id=p00001&colour=red")
    bundle = made.bundle("Patient?_id=p00001&colour=red&birthdate=soon", is_lenient=True)
    assert matched(bundle) == ["p00001"]
    assert bundle["total"] == 1
    outcome = bundle["entry"][0]
    assert outcome["search"] == {"mode": "outcome"}
    assert [i["severity"] for i in outcome["resource"]["issue"]] == ["warning", "warning"]
    assert [i["expression"] for i in outcome["resource"]["issue"]] == [["http.colour"], ["http.birthdate"]]
    assert links(bundle)["self"] == f"{BASE}/Patient?_id=p00001"


def test_lenient_with_nothing_to_ignore_says_nothing(ehr):
    bundle = ehr(patients(1)).bundle("Patient?_id=p00000", is_lenient=True)
    assert [e["search"]["mode"] for e in bundle["entry"]] == ["match"]


def test_lenient_is_not_lenient_about_a_repeated_modifier(ehr):
    bundle = ehr(patients(1)).bundle("Patient?family:colour=x", is_lenient=True)
    assert "colour" in bundle["entry"][0]["resource"]["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "query", ["Patient?_elements=name&_summary=true", "Patient?_summary=text&_include=Patient:link"]
)
def test_contradictions_are_refused_or_left_out(ehr, query):
    made = ehr(patients(1))
    with pytest.raises(Invalid):
        made.bundle(query)
    bundle = made.bundle(query, is_lenient=True)
    assert bundle["entry"][0]["search"]["mode"] == "outcome"
    dropped = bundle["entry"][0]["resource"]["issue"][0]["expression"][0].removeprefix("http.")
    assert dropped + "=" not in links(bundle)["self"]


# -- counts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["Patient?_summary=count", "Patient?_count=0", "Patient?_count=0&_total=none"])
def test_the_number_alone(ehr, query):
    bundle = ehr(patients(3)).bundle(query)
    assert bundle["total"] == 3
    assert "entry" not in bundle
    assert list(links(bundle)) == ["self"]


def test_the_number_alone_has_no_limit_of_results(ehr):
    made = ehr(patients(limits.SEARCH_RESULTS + 1))
    assert made.bundle("Patient?_summary=count")["total"] == limits.SEARCH_RESULTS + 1


@pytest.mark.parametrize(("total", "is_there"), [("none", False), ("estimate", True), ("accurate", True)])
def test_total(ehr, total, is_there):
    bundle = ehr(patients(3)).bundle(f"Patient?_total={total}")
    assert ("total" in bundle) is is_there
    assert len(bundle["entry"]) == 3


def test_the_most_results_there_can_be(ehr):
    made = ehr(patients(limits.SEARCH_RESULTS))
    assert made.bundle("Patient?_count=1")["total"] == limits.SEARCH_RESULTS
    made.write({"resourceType": "Patient", "id": "one-more"})
    with pytest.raises(TooLarge, match="limit is 10000") as caught:
        made.bundle("Patient?_count=1")
    assert caught.value.context["issue_type"] == "too-costly"
    assert len(made.ids("Patient")) == limits.SEARCH_RESULTS + 1


def test_included_resources_count_towards_the_limit(ehr, matched):
    crowd = [
        {"resourceType": "Observation", "id": f"o{n}", "subject": {"reference": "Patient/p00000"}}
        for n in range(limits.SEARCH_RESULTS)
    ]
    made = ehr([*patients(1), *crowd])
    cut = made.bundle("Patient?_revinclude=Observation:subject")
    assert (len(matched(cut)), len(matched(cut, "include"))) == (1, limits.SEARCH_RESULTS - 1)
    [issue] = cut["entry"][0]["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("warning", "too-costly")
    assert str(limits.SEARCH_RESULTS) in issue["diagnostics"]
    made.write(delete=["Observation/o0"])
    whole = made.bundle("Patient?_revinclude=Observation:subject")
    assert [e["search"]["mode"] for e in whole["entry"]].count("include") == limits.SEARCH_RESULTS - 1
    assert len(whole["entry"]) == limits.SEARCH_RESULTS


def test_iterating_ends_in_a_circle_and_goes_the_whole_way(ehr, matched):
    ring = [
        {"resourceType": "Patient", "id": f"p{n}", "link": [{"other": {"reference": f"Patient/p{(n + 1) % 500}"}}]}
        for n in range(500)
    ]
    bundle = ehr(ring).bundle("Patient?_id=p0&_include:iterate=Patient:link&_revinclude:iterate=*")
    assert matched(bundle) == ["p0"]
    assert len(matched(bundle, "include")) == 499


@pytest.mark.parametrize("count", [1, limits.SEARCH_COUNT_MAX])
def test_count_up_to_the_limit(ehr, count):
    bundle = ehr(patients(limits.SEARCH_COUNT_MAX + 1)).bundle(f"Patient?_count={count}")
    assert len(bundle["entry"]) == count
    assert "next" in links(bundle)


# -- pages -------------------------------------------------------------------------------------------


def walk(made, bundle, relation="next"):
    pages_ = [bundle]
    while relation in links(pages_[-1]):
        pages_.append(made.follow(links(pages_[-1])[relation]))
        assert len(pages_) < 50
    return pages_


def test_pages_to_the_end_and_back(ehr, matched):
    made = ehr(patients(7))
    forth = walk(made, made.bundle("Patient?_count=3&family=many"))
    assert [matched(page) for page in forth] == [
        ["p00000", "p00001", "p00002"],
        ["p00003", "p00004", "p00005"],
        ["p00006"],
    ]
    assert {page["total"] for page in forth} == {7}
    assert list(links(forth[0])) == ["self", "first", "next", "last"]
    assert list(links(forth[1])) == ["self", "first", "previous", "next", "last"]
    assert list(links(forth[2])) == ["self", "first", "previous", "last"]
    back = walk(made, forth[-1], "previous")
    assert [matched(page) for page in back] == [matched(page) for page in reversed(forth)]
    assert matched(made.follow(links(forth[1])["last"])) == ["p00006"]
    assert matched(made.follow(links(forth[2])["first"])) == ["p00000", "p00001", "p00002"]
    assert matched(made.follow(links(forth[1])["self"])) == matched(forth[1])


def test_a_result_that_fits_has_no_pages(ehr):
    made = ehr(patients(3))
    before = made.branch.overlay
    assert list(links(made.bundle("Patient?_count=3"))) == ["self"]
    assert made.branch.overlay is before


def test_the_default_page(ehr):
    made = ehr(patients(51))
    assert len(made.bundle("Patient")["entry"]) == 50
    assert "next" in links(made.bundle("Patient"))


def test_pages_hold_still_while_the_store_is_written_to(ehr, matched):
    made = ehr(patients(6))
    first = made.bundle("Patient?_count=2&_sort=_id")
    made.write(
        {"resourceType": "Patient", "id": "a-new-one", "name": [{"family": "Many"}]},
        {"resourceType": "Patient", "id": "p00003", "name": [{"family": "Changed"}]},
        delete=["Patient/p00000", "Patient/p00004"],
    )
    rest = walk(made, first)[1:]
    assert [matched(page) for page in rest] == [["p00002", "p00003"], ["p00005"]]
    assert rest[0]["entry"][1]["resource"]["name"] == [{"family": "Changed"}]
    assert {page["total"] for page in rest} == {6}


def test_pages_of_a_fork_are_its_own(ehr, matched):
    made = ehr(patients(4))
    first = made.bundle("Patient?_count=2")
    fork = made.branch.fork()
    made.write(delete=["Patient/p00003"])
    assert matched(made.follow(links(first)["next"])) == ["p00002"]
    made.playground.branch = fork
    assert matched(made.follow(links(first)["next"])) == ["p00002", "p00003"]


def test_pages_keep_sort_includes_and_subsets(ehr, matched):
    org = {"resourceType": "Organization", "id": "org"}
    made = ehr([org, *patients(4, managingOrganization={"reference": "Organization/org"}, gender="male")])
    query = "Patient?_count=2&_sort=-_id&_include=Patient:organization&_elements=gender"
    for page in walk(made, made.bundle(query)):
        assert matched(page, "include") == ["org"]
        assert set(page["entry"][0]["resource"]) == {"resourceType", "id", "meta", "gender"}


def test_pages_of_a_search_over_several_types_and_of_a_compartment(ehr, matched):
    rows = [*patients(2), {"resourceType": "Organization", "id": "org"}]
    rows += [{"resourceType": "Condition", "id": f"c{n}", "subject": {"reference": "Patient/p00000"}} for n in range(2)]
    made = ehr(rows)
    pages_ = walk(made, made.bundle("?_type=Organization,Patient&_count=1"))
    assert [matched(page) for page in pages_] == [["org"], ["p00000"], ["p00001"]]
    pages_ = walk(made, made.bundle("Patient/p00000/Condition?_count=1"))
    assert [matched(page) for page in pages_] == [["c0"], ["c1"]]
    pages_ = walk(made, made.bundle("Patient/p00000/*?_count=1"))
    assert [matched(page) for page in pages_] == [["c0"], ["c1"], ["p00000"]]


def test_a_page_can_be_asked_for_with_another_count(ehr, matched):
    made = ehr(patients(5))
    url = links(made.bundle("Patient?_count=2"))["next"].replace("_count=2", "_count=3")
    assert matched(made.follow(url)) == ["p00002", "p00003", "p00004"]


def test_a_page_past_the_end_is_empty(ehr, matched):
    made = ehr(patients(3))
    url = links(made.bundle("Patient?_count=2"))["next"].replace("offset=2", "offset=99")
    page = made.follow(url)
    assert matched(page) == []
    assert page["total"] == 3
    assert "next" not in links(page)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("_getpages=search_", "_getpages=other_"), "not the key of a result"),
        (("offset=2", "offset=-2"), "whole number"),
        (("offset=2", "offset=x"), "whole number"),
        (("_count=2", "_count=x"), "whole number"),
        (("_count=2", "_count=2&family=many"), "cannot be added"),
        (("/Patient?", "/Observation?"), "is the key of a result of /Patient"),
    ],
)
def test_a_link_that_was_tampered_with_is_refused(ehr, change, message):
    made = ehr(patients(5))
    url = links(made.bundle("Patient?_count=2"))["next"]
    assert change[0] in url
    with pytest.raises(Invalid, match=message):
        made.follow(url.replace(*change))


def test_the_list_of_lists_is_not_a_list(ehr):
    made = ehr(patients(5))
    made.bundle("Patient?_count=2")
    with pytest.raises(Invalid, match="not the key"):
        made.bundle("Patient?_getpages=_live")


def test_the_newest_results_are_kept_and_older_ones_are_gone(ehr, matched):
    made = ehr(patients(3))
    urls = [links(made.bundle("Patient?_count=2"))["next"] for _ in range(pages.KEPT + 1)]
    with pytest.raises(Gone, match="search again"):
        made.follow(urls[0])
    assert matched(made.follow(urls[1])) == ["p00002"]
    assert made.branch.count(pages.COLLECTION) == pages.KEPT + 1


def test_a_search_with_pages_writes_only_bookkeeping(ehr):
    made = ehr(patients(5))
    made.bundle("Patient?_count=2")
    assert [name for name in made.branch.overlay if not name.startswith("fhir/_")] == []


def test_links_can_be_followed_by_a_plain_client(ehr):
    made = ehr(patients(5))
    url = urlsplit(links(made.bundle("Patient?_count=2"))["next"])
    assert url.path == "/fhir/Patient"
    assert set(dict(parse_qsl(url.query))) == {"_getpages", "_getpagesoffset", "_count"}


# -- subsets -----------------------------------------------------------------------------------------

FULL = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"tag": [{"code": "mine"}]},
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
    "status": "final",
    "_status": {"id": "s"},
    "code": {"coding": [{"code": "hr"}]},
    "subject": {"reference": "Patient/p"},
    "valueQuantity": {"value": 5.10},
    "note": [{"text": "n"}],
    "component": [{"code": {"text": "c"}, "valueString": "v", "interpretation": [{"text": "i"}]}],
    "contained": [{"resourceType": "Patient", "id": "x"}],
}


def subset(ehr, query):
    return ehr([FULL]).bundle(f"Observation?{query}")["entry"][0]["resource"]


def is_marked(resource):
    return any(tag.get("code") == "SUBSETTED" for tag in resource["meta"]["tag"])


def test_summary_false_is_the_whole_resource(ehr):
    found = subset(ehr, "_summary=false")
    assert set(found) == set(FULL)
    assert not is_marked(found)


def test_summary_true_is_the_summary_elements(ehr):
    found = subset(ehr, "_summary=true")
    assert set(found) == {
        *("resourceType", "id", "meta", "status", "_status", "code", "subject", "valueQuantity", "component")
    }
    assert found["component"] == [{"code": {"text": "c"}, "valueString": "v"}]
    assert is_marked(found)
    assert found["meta"]["tag"][0] == {"code": "mine"}


def test_summary_text_is_narrative_and_mandatory_elements(ehr):
    found = subset(ehr, "_summary=text")
    assert set(found) == {"resourceType", "id", "meta", "text", "status", "_status", "code"}
    assert is_marked(found)


def test_summary_data_is_all_but_the_narrative(ehr):
    found = subset(ehr, "_summary=data")
    assert set(found) == set(FULL) - {"text"}
    assert is_marked(found)


def test_elements_are_those_asked_for_and_the_mandatory_ones(ehr):
    found = subset(ehr, "_elements=subject,value")
    assert set(found) == {"resourceType", "id", "meta", "status", "_status", "code", "subject", "valueQuantity"}
    assert found["valueQuantity"] == {"value": 5.1}
    assert is_marked(found)


def test_elements_by_the_name_of_one_type_of_a_choice(ehr):
    assert "valueQuantity" not in subset(ehr, "_elements=valueString")


def test_a_subset_does_not_change_what_is_stored(ehr):
    made = ehr([FULL])
    before = made.branch.state_hash()
    made.bundle("Observation?_summary=true")
    assert made.branch.state_hash() == before
    assert not is_marked(made.bundle("Observation")["entry"][0]["resource"])


def test_included_resources_are_subsets_too(ehr):
    made = ehr([FULL, {"resourceType": "Patient", "id": "p", "photo": [{"url": "x"}], "gender": "male"}])
    bundle = made.bundle("Observation?_summary=true&_include=Observation:subject")
    assert "photo" not in bundle["entry"][1]["resource"]


def test_elements_are_for_matches_and_included_resources_are_whole(ehr):
    """R4 search, 3.1.1.5.9: the list of elements does not apply to included resources."""
    patient = {"resourceType": "Patient", "id": "p", "photo": [{"url": "x"}], "gender": "male"}
    bundle = ehr([FULL, patient]).bundle("Observation?_elements=subject&_include=Observation:subject")
    match, included = (entry["resource"] for entry in bundle["entry"])
    assert "valueQuantity" not in match and is_marked(match)
    assert set(included) == {*patient, "meta"}
    assert "tag" not in included["meta"]
