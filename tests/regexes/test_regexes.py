"""A pattern means what Python's `re` says it means, whoever runs it, and has a bound in time."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import work
from sandbox.errors import TooCostly
from sandbox.regexes import compile_regex, find_problem, worker

PATTERNS = [
    r"^\d+$", r"a$", r"a$\n", r"(?i)abc", r"\bfoo\b", r"[^a-c]x", r"(a|b)+c{2,3}?", r"(?m)^a$", r"(?s)a.b", r".",
    r"\S+@\S+", r"[\w.-]+", r"\Aab\Z", r"(.)\1", r"(?<!x)y", r"(?=b)", r"\s", r"\D", r"[\D5]", r"(?a)\w\d", r"a$|b",
    r"(a$)b?", r"x{2000}", r"[^\n]", r"(?x) a b", r"é+", r"[\S\s]z", r"\Bx", "", r"a*", r"(?i)[k-z]é", r"(?>ab?)b",
    r"a++b", r"(?i:A)b", r"(?-i:A)b", r"^$", r"\Z",
]  # fmt: skip
LINEAR = {r"^\d+$", r"a$", r"(?i)abc", r"\bfoo\b", r"[\w.-]+", r"\S+@\S+", r"(?m)^a$", r"\s", r"\D"}
TEXTS = st.text("abcxyzABCfo 0159\n\t\r\x0b\x1c.é\u0663\u017f\u212a@_-ß\u0130\u0131", max_size=9)


@pytest.mark.parametrize("ignore_case", [False, True])
@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=TEXTS)
@settings(deadline=None, max_examples=50)
def test_it_finds_what_python_finds(pattern, ignore_case, text):
    flags = re.IGNORECASE if ignore_case else 0
    assert compile_regex(pattern, ignore_case=ignore_case).search(text) is (re.search(pattern, text, flags) is not None)


@pytest.mark.parametrize("pattern", sorted(LINEAR))
def test_what_is_usual_is_linear(pattern):
    assert compile_regex(pattern).is_linear


def test_what_cannot_be_held_is_told_of_when_it_takes_too_long(monkeypatch):
    monkeypatch.setattr(worker, "LIMIT_S", 0.0)
    with pytest.raises(TooCostly, match="takes longer than 0 s on this text"):
        compile_regex(r"(?<!q)z").search("x" * 5_000_000)
    monkeypatch.undo()
    assert compile_regex(r"(x+)\1y").search("xxy")  # another process is begun


def test_the_characters_are_work():
    with work.bounded(work.Budget(1_000)), pytest.raises(TooCostly):
        compile_regex("a").search("b" * 1_000_000)


@pytest.mark.parametrize("pattern", ["(", "[b-a]", "a" * 10_001, 5, None])
def test_what_is_none_is_said(pattern):
    assert find_problem(pattern)
