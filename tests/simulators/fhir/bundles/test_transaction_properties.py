"""Whatever a Bundle holds: a transaction that fails changes nothing, and what it answers is what is there."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

IDS = st.sampled_from(["a", "b", "c"])
URLS = [f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in range(4)]
REFERENCES = st.sampled_from(
    [*URLS, "Patient/a", "Patient/zzz", "Patient?_id=b", "Patient?family=Chen", "Practitioner/1", "#x"]
)
PATIENTS = st.fixed_dictionaries(
    {"resourceType": st.just("Patient"), "name": st.just([{"family": "Chen"}])},
    optional={
        "gender": st.sampled_from(["male", "female", "banana"]),
        "managingOrganization": REFERENCES.map(lambda r: {"reference": r}),
        "link": REFERENCES.map(lambda r: [{"other": {"reference": r}, "type": "seealso"}]),
    },
)


@st.composite
def entries(draw):
    kind = draw(st.sampled_from(["post", "put", "put?", "delete", "delete?", "get", "search", "post?"]))
    row = {}
    if draw(st.booleans()):
        row["fullUrl"] = draw(st.sampled_from(URLS))
    name = draw(IDS)
    if kind in ("post", "put", "put?", "post?"):
        row["resource"] = draw(PATIENTS)
    if kind == "put":
        row["resource"] = {**row["resource"], "id": name}
        row["request"] = {"method": "PUT", "url": f"Patient/{name}"}
        if draw(st.booleans()):
            row["request"]["ifMatch"] = draw(st.sampled_from(['W/"1"', 'W/"2"']))
    elif kind == "put?":
        row["request"] = {"method": "PUT", "url": f"Patient?_id={name}"}
    elif kind == "post":
        row["request"] = {"method": "POST", "url": "Patient"}
    elif kind == "post?":
        row["request"] = {
            "method": "POST",
            "url": "Patient",
            "ifNoneExist": draw(st.sampled_from(["_id=a", "family=Chen"])),
        }
    elif kind in ("delete", "get"):
        row["request"] = {"method": kind.upper(), "url": f"Patient/{name}"}
    else:
        row["request"] = {"method": "DELETE" if kind == "delete?" else "GET", "url": f"Patient?_id={name}"}
    return row


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bundles=st.lists(
        st.tuples(st.sampled_from(["transaction", "batch"]), st.lists(entries(), min_size=1, max_size=5)), max_size=4
    )
)
def test_all_or_nothing(make_ehr, bundles):
    ehr = make_ehr()
    ehr.put("Patient/a", {"resourceType": "Patient", "id": "a", "name": [{"family": "Chen"}]})
    for kind, rows in bundles:
        before, length = ehr.state_hash(), len(ehr.recorder.events)
        reply = ehr.transaction(*rows, kind=kind)
        assert reply.status < 500
        assert len(ehr.recorder.events) == length + 1
        if reply.status >= 400:
            assert ehr.state_hash() == before
            assert ehr.recorder.events[-1].changes == ()
            continue
        assert len(reply.entries) == len(rows)
        by_location = {}
        for row, answer in zip(rows, reply.entries, strict=True):
            response = answer["response"]
            if kind == "transaction":
                assert response["status"][0] in "23"
            if response["status"].startswith("201"):
                by_location[response["location"]] = row
        for location in by_location:
            found = ehr.get(location.partition("/fhir/")[2])
            assert found.status == 200
            if kind == "transaction":
                targets = {r.get("fullUrl") for r in rows if r["request"]["method"] in ("POST", "PUT")}
                held = [link["other"]["reference"] for link in found.json.get("link", ())]
                assert not set(held) & targets
                assert not any("?" in reference for reference in held)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(entries(), min_size=1, max_size=5))
def test_a_seeded_run_repeats_to_the_byte(make_ehr, rows):
    first, second = make_ehr(random_seed=7), make_ehr(random_seed=7)
    assert first.transaction(*rows).body == second.transaction(*rows).body
    assert first.state_hash() == second.state_hash()
