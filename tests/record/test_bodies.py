"""Bodies that come again: stored within their event, then once by name, then named only."""

import hashlib

import pytest

from sandbox import limits
from sandbox.record import bodies
from sandbox.record.bodies import Bodies


def test_a_body_is_stored_by_itself_when_it_comes_again():
    known, body = Bodies(), b"x" * 1000
    name = hashlib.sha256(body).hexdigest()
    placed = [known.place(bytes(bytearray(body))) for _ in range(4)]  # by content, whichever object it is
    assert placed == [(None, False), (name, True), (name, False), (name, False)]
    known.forget()
    assert known.place(body) == (None, False)


@pytest.mark.parametrize(("size", "is_named"), [(0, False), (255, False), (limits.INLINE_BODY_BYTES + 1, True)])
def test_short_and_long_ones_are_not_remembered(size, is_named):
    known = Bodies()
    for _ in range(3):
        name, is_new = known.place(bytes(size))
        assert (name is not None) is is_new is is_named


def test_what_is_kept_in_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(bodies, "_KEPT_BYTES", 10_000)
    known = Bodies()
    for number in range(100):
        known.place(b"%1000d" % number)
    assert known.place(b"%1000d" % 99)[0] is not None
    assert known.place(b"%1000d" % 1)[0] is None
    assert sum(map(len, known._shas)) == known._bytes <= 10_000
