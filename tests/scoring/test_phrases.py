import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.scoring.phrases import RATIO_MIN, compare_phrase, find_text, words_of

TRANSCRIPT = (
    "Hello, this is the Regional Medical Center calling about Maria Chen. May I have the member-ID and her date of "
    "birth, please? The potassium is 6.8 mmol/L. She is not allergic to penicillin. Reference: 1234567."
)


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ("member ID", True),
        ("MEMBER id", True),
        ("memberid", True),
        ("date of birth", True),
        ("dates of birth", True),
        ("potassium is 6.8", True),
        ("potassium is 6.9", False),
        ("potassium is 68", False),
        ("potasium is 6.8", True),
        ("reference 1234567", True),
        ("reference 1234568", False),
        ("1234567", True),
        ("123456", False),
        ("not allergic to penicillin", True),
        ("isn't allergic to penicillin", True),
        ("she is allergic to penicillin", False),
        ("group number", False),
        ("birth of date", False),
        ("Maria Chen.", True),
        ("Mario Chen", True),
        ("Mark Chang", False),
        ("hello", True),
        ("1234567", True),
        ("!?", False),
        ("", False),
    ],
)
def test_phrases_are_found_whatever_their_dress(phrase, found):
    match = compare_phrase(phrase, TRANSCRIPT)
    assert match.found is found
    assert match.found == (match.ratio >= RATIO_MIN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("...", []),
        ("Don't, can't, cannot, isn\u2019t", ["do", "not", "can", "not", "can", "not", "is", "not"]),
        ("1,234.5 and 5,6", ["1234.5", "and", "5", "6"]),
        ("follow-up_visit", ["follow", "up", "visit"]),
        ("\ufb01ne Stra\xdfe", ["fine", "strasse"]),
        ("2026-04-20", ["2026", "04", "20"]),
        ("6.8.", ["6.8"]),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


def test_the_ratio_and_the_words_are_kept():
    match = compare_phrase("potasium", TRANSCRIPT)
    assert match.excerpt == "potassium"
    assert 90 < match.ratio < 100
    assert compare_phrase("potassium", TRANSCRIPT).ratio == 100.0


@pytest.mark.parametrize(
    ("phrase", "text", "excerpt"),
    [
        ("memberid", "what is your member id please", "member id"),
        ("follow up visit", "the followup visit is on monday", "followup visit"),
    ],
)
def test_a_run_may_be_one_word_longer_or_shorter(phrase, text, excerpt):
    match = compare_phrase(phrase, text)
    assert (match.excerpt, match.ratio > 90) == (excerpt, True)


def test_just_below_the_threshold_is_not_found():
    # 17 letters of which 3 differ on each side: 2 * 14 / 34 = 82.4; one less: 88.2
    assert not compare_phrase("abcdefghijklmnxxx", "abcdefghijklmnyyy").found
    assert compare_phrase("abcdefghijklmnoxx", "abcdefghijklmnoyy").found
    # 20 letters of which 3 differ on each side: 2 * 17 / 40 is exactly 85
    edge = compare_phrase("abcdefghijklmnopqxyz", "abcdefghijklmnopqrst")
    assert (edge.found, edge.ratio) == (True, 85.0)


def test_a_slip_is_forgiven_in_the_first_and_in_the_last_words():
    assert compare_phrase("membre number", "member number and name").excerpt == "member number"
    assert compare_phrase("potasium levle", "we need the potassium level").excerpt == "potassium level"


def test_nothing_is_found_in_an_empty_text():
    assert compare_phrase("member id", "").ratio == 0.0


def test_a_phrase_at_the_end_of_a_very_long_text_is_found_when_exact():
    text = "we talked about the weather " * 20_000 + "and the member ID"
    assert compare_phrase("member id", text).found
    assert not compare_phrase("group number", text).found


@given(st.lists(st.sampled_from("alpha beta gamma delta 12 not".split()), min_size=1, max_size=12), st.data())
def test_any_run_of_the_words_is_found(words, data):
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    assert compare_phrase(" ".join(words[start:end]).upper(), ", ".join(words)).ratio == 100.0


@given(st.text(), st.text())
def test_any_text_can_be_compared(phrase, text):
    assert 0 <= compare_phrase(phrase, text).ratio <= 100


@pytest.mark.parametrize(("phrase", "found"), [("Chen", True), ("chen", False), ("Chen  ", False), ("", False)])
def test_literal_text(phrase, found):
    match = find_text(phrase, "Maria Chen")
    assert (match.found, match.ratio) == (found, 100.0 if found else 0.0)
