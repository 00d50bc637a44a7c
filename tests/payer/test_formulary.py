"""Drugs by their codes: the index beside the branch, and requests by their key."""

import pytest

from sandbox.errors import Invalid
from sandbox.payer import lookup
from sandbox.payer.formulary import FORMULARY, find_drug
from sandbox.payer.validation import is_required
from tests.payer.cases import do, made

DRUG = {"drug": "Testomab", "tier": 2, "pa_required": True, "ndc": "00001-0001-01", "procedure_code": "J1234"}
PLAIN = {"rxnorm": None, "step_therapy": False, "quantity_limit": None, "alternatives": []}


def put(world, key, **changes):
    do(world, lambda tx: tx.put(FORMULARY, key, {**PLAIN, **DRUG, **changes}))


@pytest.mark.parametrize("code", ["J1234", "j1234", "00001-0001-01", "00001000101"])
def test_a_drug_is_found_by_each_writing_of_its_codes(world, code):
    put(world, "testomab")
    assert do(world, lambda tx: find_drug(tx, code))["drug"] == "Testomab"
    assert [row["drug"] for _, row in do(world, lambda tx: lookup.list_formulary(tx, {"drug": code}))] == ["Testomab"]
    assert do(world, lambda tx: find_drug(tx, "J9999")) is None


def test_what_changed_is_found_as_it_is_now(world):
    assert do(world, lambda tx: find_drug(tx, "J1234")) is None
    put(world, "testomab")
    assert do(world, lambda tx: is_required(tx, "J1234")) is True
    put(world, "testomab", pa_required=False, procedure_code="J4321")
    assert do(world, lambda tx: (is_required(tx, "J1234"), is_required(tx, "J4321"))) == (None, False)
    do(world, lambda tx: tx.delete(FORMULARY, "testomab"))
    assert do(world, lambda tx: find_drug(tx, "00001-0001-01")) is None


def test_a_change_that_is_undone_leaves_no_trace(world):
    def try_and_undo(tx):
        savepoint = tx.savepoint()
        tx.put(FORMULARY, "testomab", {**PLAIN, **DRUG})
        assert find_drug(tx, "J1234") is not None
        tx.rollback(savepoint)
        return find_drug(tx, "J1234")

    assert do(world, try_and_undo) is None


def test_a_key_opens_nothing_by_itself(world):
    name = made(world)
    member = do(world, lambda tx: lookup.get_patient(tx, "W1"))
    right = (name, member["last_name"], member["birth_date"])

    def found(*given):
        return do(world, lambda tx: lookup.find_by_key(tx, *given))

    assert found(*right)["request_id"] == name
    assert found(name.upper(), f" {member['last_name'].upper()} ", member["birth_date"]) is not None
    wrong = [("req_none", *right[1:]), (name, "Nobody", right[2]), (name, right[1], "1900-01-01"), (name, "", right[2])]
    assert [found(*given) for given in wrong] == [None] * 4
    with pytest.raises(Invalid):
        found(name, right[1], "1.1.1900")
