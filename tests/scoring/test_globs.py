import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.globs import glob_matcher
from sandbox.patterns import BadPattern


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("fhir/Patient/1", "fhir/Patient/1", True),
        ("fhir/Patient/1", "fhir/Patient/12", False),
        ("fhir/Patient/1", "x/fhir/Patient/1", False),
        ("fhir/*", "fhir/Patient", True),
        ("fhir/*", "fhir/Patient/1", False),
        ("fhir/*", "fhir/", True),
        ("fhir/*/1", "fhir/Patient/1", True),
        ("*/*/1", "fhir/Patient/1", True),
        ("*/1", "fhir/Patient/1", False),
        ("fhir/**", "fhir/Patient/1", True),
        ("fhir/**", "fhir", True),
        ("fhir/**", "fhirx/Patient", False),
        ("**", "anything/at/all", True),
        ("**/1", "fhir/Patient/1", True),
        ("**/1", "1", True),
        ("**/1", "11", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "axb", False),
        ("a/?", "a/b", True),
        ("a/?", "a/bc", False),
        ("a?b", "a/b", False),
        ("a/[bc]", "a/b", True),
        ("a/[bc]", "a/d", False),
        ("a/[!bc]", "a/d", True),
        ("a/[!bc]", "a/b", False),
        ("a[!x]b", "a/b", False),
        ("a/[a-c]1", "a/b1", True),
        ("a/[c-a]", "a/-", True),
        ("a/[", "a/[", True),
        ("a/[]", "a/[]", True),
        ("a.c", "abc", False),
        ("a.c", "a.c", True),
        ("A", "a", False),
        ("$everything", "$everything", True),
        ("a\nb", "a\nb", True),
        ("*", "a\nb", True),
    ],
)
def test_globs(glob, name, matches):
    assert glob_matcher([glob])(name) is matches


def test_any_of_several_is_enough_and_none_matches_nothing():
    assert glob_matcher(["a", "b"])("b")
    assert not glob_matcher([])("b")


def test_what_is_no_text_is_no_glob():
    with pytest.raises(BadPattern, match="half of a surrogate pair"):
        glob_matcher(["a\ud800"])


@given(st.text())
def test_every_text_is_a_glob(glob):
    glob_matcher([glob])("name")


@given(st.text(alphabet=st.characters(exclude_characters="*?[", exclude_categories=["Cs"])))
def test_a_glob_without_wildcards_matches_itself_only(name):
    matches = glob_matcher([name])
    assert matches(name)
    assert not matches(name + "x")
