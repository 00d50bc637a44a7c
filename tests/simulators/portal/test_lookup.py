"""Finding members, providers, drugs, questions and requests; pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.simulators.portal.paging import page


def ids(world, target, key):
    return [row[key] for row in world.json("GET", target)["data"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["W3", "W1", "W4", "W2"]),
        ("?name=chen", ["W3", "W1"]),
        ("?name=Chen,%20Mar", ["W1"]),
        ("?name=munoz", ["W2"]),
        ("?name=hen", []),
        ("?member_id=w1", ["W1"]),
        ("?member_id=W", []),
        ("?birth_date=1985-03-12", ["W1"]),
        ("?name=chen&birth_date=1985-03-12", ["W1"]),
        ("?name=ek&birth_date=1985-03-12", []),
    ],
)
def test_patients(world, query, found):
    assert ids(world, f"patients{query}", "member_id") == found


def test_a_member_with_coverage(world):
    row = world.json("GET", "patients/W1")
    assert row["coverage"] == {"status": "active", "start": "2024-01-01", "end": "2026-12-31"}
    assert (row["first_name"], row["birth_date"], row["phone"]) == ("Maria", "1985-03-12", None)


def test_providers_formulary_questions(world):
    assert ids(world, "providers", "name") == ["Adam Novak, MD", "Elena Rivera, MD"]
    assert ids(world, "providers?name=rivera", "npi") == ["1234567893"]
    assert ids(world, "providers?npi=1245319599", "credentialed") == [False]
    assert world.json("GET", "providers/1234567893")["specialty"] == "Orthopedics"
    assert ids(world, "formulary?drug=ADALI", "pa_required") == [True]
    assert ids(world, "formulary", "drug") == ["Adalimumab 40 mg", "Methotrexate 2.5 mg"]
    [found] = world.json("GET", "questions?procedure_code=72148")["data"]
    assert [question["id"] for question in found["questions"]] == ["weeks", "deficit", "flags", "since", "why"]
    assert ids(world, "questions?procedure_code=73721", "procedure_code") == []


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("patients?birth_date=12/03/1985", "birth_date"),
        ("patients?dob=1985-03-12", "dob"),
        ("patients?name=", "name"),
        ("patients?name=a&name=b", "name"),
        ("patients?limit=0", "limit"),
        ("patients?limit=-1", "limit"),
        ("patients?limit=ten", "limit"),
        ("patients?limit=%C2%B2", "limit"),
        ("patients/W1?x=1", "x"),
        ("prior-auths?status=approved", "status"),
        ("prior-auths?determination=submitted", "determination"),
        ("questions?procedure_code=1", "procedure_code"),
    ],
)
def test_filters_that_cannot_be_meant(world, target, named):
    assert named in world.details("GET", target)


def test_prior_auths_newest_first_with_filters(make_world, complete):
    rules = [{"procedure_code": "72148", "status": "approved"}]
    world = make_world({"determinations": rules})
    other = {**complete, "procedure_code": "73721", "clinical_answers": {}}
    made = []
    for body in (complete, other, {"draft": True}):
        made.append(world.json("POST", "prior-auths", body, status=201)["request_id"])
        world.clock.advance(1)
    assert ids(world, "prior-auths", "request_id") == made[::-1]
    assert ids(world, "prior-auths?status=draft", "request_id") == made[2:]
    assert ids(world, "prior-auths?status=submitted", "request_id") == [made[1], made[0]]
    assert ids(world, "prior-auths?patient_member_id=W1", "request_id") == [made[1], made[0]]
    assert ids(world, "prior-auths?patient_member_id=W2", "request_id") == []
    assert ids(world, "prior-auths?procedure_code=72148", "request_id") == [made[0]]
    assert ids(world, "prior-auths?determination=pending", "request_id") == [made[1]]


def test_pages_forward_and_back(world):
    first = world.json("GET", "patients?limit=3")
    assert [row["member_id"] for row in first["data"]] == ["W3", "W1", "W4"]
    assert first["next_cursor"] == first["_meta"]["next"]
    assert (first["_meta"]["prev"], first["_meta"]["limit"]) == (None, 3)
    last = world.json("GET", f"patients?limit=3&cursor={first['next_cursor']}")
    assert [row["member_id"] for row in last["data"]] == ["W2"]
    assert last["next_cursor"] is None
    assert world.json("GET", f"patients?limit=3&cursor={last['_meta']['prev']}")["data"] == first["data"]
    assert world.json("GET", "patients?limit=101")["_meta"]["limit"] == 100
    assert world.json("GET", "patients")["_meta"]["limit"] == 20


@pytest.mark.parametrize("cursor", ["x", "e30", "WzFd", "W10", "!!!!", "WyJuZXh0IiwxXQ", "WyJzaWRlIiwiYSJd"])
def test_bad_cursors(world, cursor):
    assert world.json("GET", f"patients?cursor={cursor}", status=400)["error"]["code"] == "BAD_REQUEST"


@given(st.sets(st.text(max_size=3), max_size=12), st.integers(1, 5), st.booleans())
def test_pages_are_the_list_in_order(keys, limit, is_descending):
    rows = [((key,), key) for key in keys]
    found, cursor = [], None
    back = []
    while True:
        answer = page(rows, str(limit), cursor, is_descending=is_descending)
        assert jsonio.dump(answer)
        found += answer["data"]
        if answer["_meta"]["prev"] is not None:
            back.append(page(rows, str(limit), answer["_meta"]["prev"], is_descending=is_descending)["data"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(keys, reverse=is_descending)
    assert [item for part in back for item in part] == found[: len(back) * limit]


@given(st.text(max_size=30))
def test_any_cursor_and_limit_is_answered_or_refused(text):
    for limit, cursor in ((text, None), (None, text)):
        try:
            page([(("a",), 1)], limit, cursor)
        except SandboxError as error:
            assert error.status == 400
