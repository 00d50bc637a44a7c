"""Differences: what is told of a document that was added, changed or removed, and what is left out."""

import hashlib

import pytest

from sandbox import jsonio
from sandbox.paths import read_path
from sandbox.playground.branch import Branch, Seed
from sandbox.scoring.states import differences as module
from sandbox.scoring.states.differences import differences, field_differences

SEED = Seed.of({"fhir/Patient": {"a": {"id": "a", "n": 1}, "b": {"id": "b"}}, "portal/logins": {"x": {"n": 1}}})


def told(before, after, **more):
    return differences(before, after, frozenset({"portal/logins"}), **more).to_json()


def test_each_kind_of_change():
    before, after = Branch(SEED), Branch(SEED)
    after.put("fhir/Patient", "a", {"id": "a", "n": jsonio.parse(b"1.0")})
    after.delete("fhir/Patient", "b")
    after.put("fhir/Patient", "c", {"id": "c"})
    after.put("files/content", "f", b"\x00\x01")
    after.put("portal/logins", "x", {"n": 2})
    after.put("fhir/_history", "h", {})
    after.put("_clock", "clock", {})
    value = told(before, after)
    assert {k: v for k, v in value.items() if k != "surfaces"} == {
        "added": 2,
        "changed": 1,
        "removed": 1,
        "left_out": 0,
        "bookkeeping": 3,
    }
    fhir, files = value["surfaces"]
    assert files["documents"][0]["after"] == {"size": 2, "sha256": hashlib.sha256(b"\x00\x01").hexdigest()}
    changed, removed, added = fhir["documents"]
    assert [f["path"] for f in changed["fields"]] == ["n"]
    assert (changed["version_before"], changed["version_after"]) == (1, 2)
    assert (removed["before"], removed["after"], removed["version_after"]) == ({"id": "b"}, None, None)
    assert (added["before"], added["after"], added["version_before"]) == (None, {"id": "c"}, None)
    assert told(after, before)["added"] == 1
    assert told(after, after.fork())["surfaces"] == []
    assert [s["surface"] for s in told(before, after, surface="files")["surfaces"]] == ["files"]


def test_branches_on_different_seeds():
    other = Seed.of({"fhir/Patient": {"a": {"id": "a", "n": 1}, "z": {"id": "z"}}, "hl7/inbox": {"m": {}}})
    value = told(Branch(SEED), Branch(other))
    documents = [(d["collection"], d["key"], d["change"]) for s in value["surfaces"] for d in s["documents"]]
    assert documents == [("fhir/Patient", "b", "removed"), ("fhir/Patient", "z", "added"), ("hl7/inbox", "m", "added")]


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ([1, 2], [0, 1, 2], ["0"]),
        ([1, 2, 3], [1, 3], ["1"]),
        ([1, 2, 3], [1, 5, 3], ["1"]),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}], ["1.a"]),
        ([1], [], ["0"]),
        ([1, 1], [1], ["1"]),
        ({"a": 1}, [1], [""]),
        (1, True, [""]),
        (1, "1", [""]),
        (None, {"a": None}, [""]),
        ({"a": None}, {}, ["a"]),
        ({"a.b": {"*": 1}}, {"a.b": {"*": 2}}, [r"a\.b.\*"]),
        ({}, {}, []),
    ],
)
def test_paths_lead_to_what_differs(before, after, paths):
    found = list(field_differences(before, after))
    assert [f.path for f in found] == paths
    for field in found:
        for value, side, absent in ((before, field.before, "added"), (after, field.after, "removed")):
            if field.kind != absent and field.path:
                assert read_path(value, field.path) == [side]


def test_an_answer_is_bounded_and_says_so(monkeypatch):
    before, after = Branch(Seed()), Branch(Seed())
    before.put("c/big", "0", {str(n): n for n in range(500)})
    after.put("c/big", "0", {str(n): n + 1 for n in range(500)})
    (surface,) = told(before, after)["surfaces"]
    (document,) = surface["documents"]
    assert len(document["fields"]) == module.FIELDS_MAX and document["fields_left_out"] == 300
    monkeypatch.setattr(module, "BYTES_MAX", 10_000)
    for number in range(1, 40):
        after.put("c/big", str(number), {"text": "x" * 100_000})
    value = told(before, after)
    assert value["added"] == 39 and value["left_out"] > 30
    assert len(jsonio.dump(value)) < 100_000
