from hypothesis import given
from hypothesis import strategies as st

from sandbox.llm_tasks.inputs.placeholders import find_params, substitute

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def test_both_spellings_and_braces_that_are_text():
    template = '{a} {{ b }} {{c}} {"x": 1} {} {1a} {a-b} {{a b}} { d }'
    assert find_params(template) == ["a", "b", "c"]
    assert substitute(template, {"a": 1, "b": True, "c": None}) == '1 true null {"x": 1} {} {1a} {a-b} {{a b}} { d }'


@given(st.dictionaries(NAMES, st.text(max_size=40), min_size=1, max_size=5))
def test_every_value_is_put_in_once_and_never_read_again(values):
    template = "|".join("{" + name + "}" for name in values)
    assert substitute(template, values) == "|".join(values.values())


@given(NAMES, NAMES)
def test_a_value_cannot_reach_another_placeholder(first, second):
    values = {first: f"{{{second}}} {{{{{second}}}}}", second: "SECRET"}
    if first == second:
        return
    shown = substitute("{" + first + "}", values)
    assert shown == values[first]
    assert "SECRET" not in shown


@given(st.text(alphabet="{}ab_1 ", max_size=60))
def test_a_template_without_values_stays_as_it_is(template):
    assert substitute(template, {}) == template
    assert len(find_params(template)) == len(set(find_params(template)))
