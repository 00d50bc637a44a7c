"""The branch: any history of changes folds to the same state, wherever it was forked or rolled back."""

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.playground.branch import Branch, Change, Document, Seed

COLLECTIONS = ("fhir/Patient", "files/tree", "_due")
KEYS = ("a", "b", "c", "d")

values = st.one_of(
    st.dictionaries(st.sampled_from(("x", "y")), st.integers(0, 3), min_size=1),
    st.lists(st.text(max_size=3), max_size=2),
    st.binary(max_size=4),
)
collections = st.sampled_from(COLLECTIONS)
keys = st.sampled_from(KEYS)
seeds = st.dictionaries(collections, st.dictionaries(keys, values.filter(lambda v: not isinstance(v, bytes))))


def model_of(branch: Branch) -> dict:
    return {(c, k): v for c in branch.collections() for k, v in branch.items(c)}


class BranchMachine(RuleBasedStateMachine):
    """A branch beside a plain dictionary that does the same."""

    def __init__(self):
        super().__init__()
        self.seed = Seed.of({"fhir/Patient": {"a": {"x": 1}, "b": {"x": 2}}, "files/tree": {"a": {"y": 0}}})
        self.branch = Branch(self.seed)
        self.model = model_of(self.branch)
        self.saved = []
        self.forks = []
        self.changes: list[Change] = []

    @rule(collection=collections, key=keys, value=values)
    def put(self, collection, key, value):
        before = self.branch.version_of(collection, key)
        mark = self.branch.savepoint()
        document = self.branch.put(collection, key, value)
        assert document.version == before + 1
        self.model[collection, key] = value
        self.changes += self.branch.changes_since(mark)

    @rule(collection=collections, key=keys)
    def delete(self, collection, key):
        mark = self.branch.savepoint()
        assert self.branch.delete(collection, key) is ((collection, key) in self.model)
        self.model.pop((collection, key), None)
        self.changes += self.branch.changes_since(mark)

    @rule()
    def save(self):
        self.saved.append((self.branch.savepoint(), dict(self.model), len(self.changes)))

    @rule()
    def roll_back(self):
        if self.saved:
            savepoint, model, length = self.saved.pop()
            self.branch.rollback(savepoint)
            self.model = model
            del self.changes[length:]

    @rule()
    def fork(self):
        self.forks.append((self.branch.fork(), dict(self.model), self.branch.state_hash()))

    @invariant()
    def same_as_model(self):
        assert model_of(self.branch) == self.model
        for collection in COLLECTIONS:
            assert self.branch.count(collection) == sum(c == collection for c, _ in self.model)

    @invariant()
    def folds_to_the_same_hash(self):
        folded = Branch(self.seed)
        for change in self.changes:
            folded.apply(change)
        assert folded.state_hash() == self.branch.state_hash()
        assert not folded.diff(self.branch)

    @invariant()
    def forks_stay_as_they_were(self):
        for branch, model, state_hash in self.forks:
            assert model_of(branch) == model
            assert branch.state_hash() == state_hash


TestBranchMachine = BranchMachine.TestCase
TestBranchMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(seeds, st.lists(st.tuples(collections, keys, values)))
def test_state_hash_depends_on_the_content_only(seed, puts):
    """The same documents have the same hash, whether seeded or put, in whatever order."""
    final = {(c, k): v for c, docs in seed.items() for k, v in docs.items()}
    branch = Branch(Seed.of(seed))
    for collection, key, value in puts:
        branch.put(collection, key, value)
        final[collection, key] = value
    other = Branch(Seed())
    for (collection, key), value in reversed(final.items()):
        other.put(collection, key, value)
    assert branch.state_hash() == other.state_hash()
    if final:
        collection, key = next(iter(final))
        other.delete(collection, key)
        assert branch.state_hash() != other.state_hash()


def test_key_order_does_not_change_the_hash_but_digits_do():
    def hash_of(json: bytes) -> str:
        branch = Branch(Seed())
        branch.put("c", "k", None, json=json)
        return branch.state_hash()

    assert hash_of(b'{"a":1,"b":2}') == hash_of(b'{"b":2, "a":1}')
    assert hash_of(b'{"a":4.10}') != hash_of(b'{"a":4.1}')


def test_touched_since_lists_rolled_back_keys_again():
    branch = Branch(Seed())
    branch.put("c", "a", 1)
    keys_seen, position = branch.touched_since(0)
    assert keys_seen == [("c", "a")]
    mark = branch.savepoint()
    branch.put("c", "b", 2)
    _, position = branch.touched_since(position)
    branch.rollback(mark)
    again, _ = branch.touched_since(position)
    assert again == [("c", "b")]
    assert branch.get("c", "b") is None


def test_changes_are_net():
    branch = Branch(Seed.of({"c": {"a": {"v": 0}}}))
    mark = branch.savepoint()
    branch.put("c", "a", {"v": 1})
    branch.put("c", "a", {"v": 2})
    branch.put("c", "new", {"v": 3})
    changes = branch.changes_since(mark)
    assert [(c.key, c.version, c.op, c.document.value) for c in changes if c.document] == [
        ("a", 3, "put", {"v": 2}),
        ("new", 1, "put", {"v": 3}),
    ]


def test_versions_go_on_after_a_deletion():
    branch = Branch(Seed.of({"c": {"a": {"v": 0}}}))
    branch.delete("c", "a")
    assert branch.is_deleted("c", "a")
    assert branch.put("c", "a", {"v": 1}).version == 3


def test_documents_of_a_seed_are_parsed_only_when_read():
    document = Document(json=b'{"v": 4.10}')
    assert document.json == b'{"v": 4.10}'
    assert document.value["v"] == 4.1


def test_diff_names_what_differs():
    seed = Seed.of({"c": {"a": {"v": 0}, "b": {"v": 0}, "same": {"v": 0}}})
    before = Branch(seed)
    after = before.fork()
    after.put("c", "a", {"v": 1})
    after.delete("c", "b")
    after.put("c", "new", {"v": 2})
    after.put("c", "same", {"v": 0})
    found = [(d.key, d.before and d.before.value, d.after and d.after.value) for d in after.diff(before)]
    assert found == [("a", {"v": 0}, {"v": 1}), ("b", {"v": 0}, None), ("new", None, {"v": 2})]


def test_another_state_is_taken_on_as_a_whole_and_taken_back():
    branch = Branch(Seed.of({"c": {"a": {"v": 0}}}))
    earlier = branch.overlay
    branch.put("c", "a", {"v": 1})
    mark, before = branch.savepoint(), branch.state_hash()
    branch.caches["index"] = "of v 1"
    branch.reset(earlier)
    assert (branch.get("c", "a"), branch.caches) == ({"v": 0}, {})
    assert branch.changes_since(mark) == []
    branch.caches["index"] = "of v 0"
    branch.rollback(mark)
    assert (branch.state_hash(), branch.caches) == (before, {})
