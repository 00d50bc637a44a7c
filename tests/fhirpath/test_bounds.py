"""Expressions that ask for too much end with a clear error, and do not take the time they ask for."""

import pytest

from sandbox.errors import SandboxError, TooCostly
from sandbox.fhirpath import Context, EvaluationProblem, SyntaxProblem, compile_expression

PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": f"F{n}", "given": ["A", "B"]} for n in range(200)]}


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("a" * 1_000_000, "limit is 20,000"),
        ("(" * 1000 + "1" + ")" * 1000, "nests deeper"),
        ("-" * 1000 + "1", "nests deeper"),
        ("1" + " = 1" * 1000, "nests deeper"),
        ("1" + " * 1" * 1000, "nests deeper"),
        ("true" + ".iif(true, true" * 200 + ")" * 200, "nests deeper"),
        ("9" * 5000, "at most 400 digits"),
        ("9" * 5000 + "L", "at most 400 digits"),
        ("9" * 5000 + " 'mg'", "at most 400 digits"),
        ("9" * 300 + "L", "a Long is at most"),
        ("name[" * 200 + "0" + "]" * 200, "nests deeper"),
    ],
)
def test_long_and_deep_expressions_are_refused(expression, word):
    with pytest.raises(SyntaxProblem, match=word):
        compile_expression(expression, "Patient")


@pytest.mark.parametrize(
    "expression",
    [
        " or ".join(f"id = 'x{n}'" for n in range(800)),
        " | ".join(str(n) for n in range(2000)),
        "0" + " + 1" * 3000,
        "$this" + ".select($this)" * 1000,
        "name.where(true)" + ".first()" * 1500,
    ],
)
def test_wide_expressions_are_evaluated(expression):
    assert compile_expression(expression, "Patient").evaluate(PATIENT)


@pytest.mark.parametrize(
    "expression",
    [
        "0.repeat($this + 1)",
        "1.repeatAll(1)",
        "name.repeatAll(%resource.name)",
        "name.select(%resource.name.select(%resource.name.select(%resource.name.given)))",
        "name.where(%resource.name.where(%resource.name.where(family = 'x').exists()).exists())",
        "name.aggregate($total.combine($total).combine($this), 1)",
        "name.aggregate($total & $total, 'aaaaaaaaaaaaaaaa')",
        "name.aggregate($total + $total, 'aaaaaaaaaaaaaaaa')",
        "name.aggregate(iif($total.empty(), 'aa', $total.replace('a', 'aaaaaaaaaaaaaaaa')))",
        "name.aggregate(iif($total.empty(), 'aa', $total.replaceMatches('a', 'aaaaaaaaaaaaaaaa')))",
        "name.where(%resource.descendants().where(%resource.descendants().exists($this = 'x')).exists())",
    ],
)
def test_work_without_end_ends(expression):
    with pytest.raises((TooCostly, EvaluationProblem), match=r"visits more than|more than 1,000,000 characters"):
        compile_expression(expression, "Patient").evaluate(PATIENT)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("(1 | 2).aggregate($total * 2147483647, 2147483647)", []),
        ("name.aggregate($total * $total, 10.0)", []),
        ("9.power(9).power(9).power(9)", []),
        ("name.aggregate($total.power(99), 9.5)", []),
        ("2.power(99999)", []),
        ("999.exp()", []),
    ],
)
def test_numbers_do_not_grow_without_end(expression, result):
    assert compile_expression(expression, "Patient").evaluate(PATIENT) == result


def test_regular_expressions_take_linear_time():
    long = {"resourceType": "Patient", "id": "a" * 60}
    assert compile_expression("id.matches('^(a|a|aa)+$')", "Patient").evaluate(long) == [True]
    assert compile_expression("(id & 'b').matches('^(a|a|aa)+$')", "Patient").evaluate(long) == [False]


def test_a_pattern_without_a_bound_is_refused_by_name():
    with pytest.raises(EvaluationProblem, match="regular expression"):
        compile_expression(r"'aa'.matches('(a)\\1')").evaluate({})


def test_a_number_too_large_to_write_out_has_no_value():
    from sandbox import jsonio

    observation = jsonio.parse('{"resourceType": "Observation", "valueQuantity": {"value": 1e999999999}}')
    assert compile_expression("value.value.toString()", "Observation").evaluate(observation) == []
    assert compile_expression("value.value | 1", "Observation").evaluate(observation)[-1] == 1


def test_the_limit_is_the_callers():
    expression = compile_expression("name.given", "Patient")
    assert len(expression.evaluate(PATIENT, Context(limit=5000))) == 400
    with pytest.raises(SandboxError, match="visits more than 100 elements"):
        expression.evaluate(PATIENT, Context(limit=100))
