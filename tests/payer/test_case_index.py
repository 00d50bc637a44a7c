"""The index of cases agrees with the cases, whatever was done to them and undone."""

import random

from sandbox.payer.case_index import DRAFTS, REQUESTS, CaseIndex, index_of
from sandbox.playground.branch import Branch, Seed

MEMBERS, CODES = ("W1", " w1", "W2"), ("72148", "70551")


def row(chance, key):
    number = f"PA{chance.randrange(4)}" if chance.random() < 0.5 else None
    return {
        "request_id": key,
        "auth_number": number,
        "tracking_number": f"TN{key}",
        "patient_member_id": chance.choice(MEMBERS),
        "procedure_code": chance.choice(CODES),
    }


def facts(index):
    names = [f"PA{n}" for n in range(4)] + [f"{p}r{n}" for n in range(8) for p in ("", "tn")]
    return [index.named(name) for name in names], [sorted(index.asked(m, c)) for m in MEMBERS for c in CODES]


def test_it_agrees_with_one_that_is_made_anew():
    chance = random.Random(3)
    branch = Branch(Seed.of({REQUESTS: {f"r{n}": row(chance, f"r{n}") for n in range(3)}, DRAFTS: {}}))
    for _ in range(300):
        before = branch.savepoint()
        for _ in range(chance.randrange(3)):
            collection, key = chance.choice((REQUESTS, DRAFTS)), f"r{chance.randrange(8)}"
            if branch.get(collection, key) is not None and chance.random() < 0.4:
                branch.delete(collection, key)
            else:
                branch.put(collection, key, row(chance, key))
        assert facts(index_of(branch)) == facts(CaseIndex(branch))
        if chance.random() < 0.3:
            branch.rollback(before)
    assert facts(index_of(branch)) == facts(CaseIndex(branch))


def test_names_and_questions_are_read_as_people_write_them():
    seed = Seed.of({REQUESTS: {"r1": row(random.Random(1), "r1") | {"auth_number": "PA 7"}}, DRAFTS: {}})
    index = index_of(Branch(seed))
    assert index.named(" pa  7 ") == (REQUESTS, "r1")
    assert index.named("PA7") is None
