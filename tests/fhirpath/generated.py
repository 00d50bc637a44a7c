"""Expressions at random, from a grammar of what authors write, and the resource they are asked on."""

from typing import TypeAlias

from hypothesis import strategies as st

from sandbox import jsonio

PATIENT = jsonio.parse(
    """{
    "resourceType": "Patient", "id": "p1", "active": true, "gender": "female", "birthDate": "1974-12-25",
    "deceasedBoolean": false, "multipleBirthInteger": 2,
    "identifier": [{"system": "urn:mrn", "value": "1"}, {"system": "urn:ssn", "value": "22"}],
    "name": [{"use": "official", "family": "Chen", "given": ["Maria", "Li"]}, {"family": "Lopez", "given": ["Ana"]}],
    "telecom": [
        {"system": "phone", "value": "555-0101", "use": "mobile", "rank": 1},
        {"system": "email", "value": "maria@example.org"},
        {"system": "phone", "value": "555-0199", "use": "home", "rank": 2}
    ],
    "address": [{"line": ["1 Elm St", "Apt 2"], "city": "Springfield"}],
    "contact": [{"name": {"family": "Chen"}, "gender": "male"}]
}"""
)
STRINGS = ["Patient.gender", "name.family.first()", "name.given", "telecom.value", "'Maria'", "'Li'", "''", "id",
           "address.line.first()", "name.use", "telecom.system", "'phone'", "name.given.first()"]  # fmt: skip
NUMBERS = ["1", "2", "3", "0", "-1", "2.5", "0.1", "multipleBirth.ofType(integer)", "telecom.rank.first()",
           "name.count()", "name.given.first().length()", "10", "7.0"]  # fmt: skip
BOOLEANS = ["true", "false", "active", "deceased.ofType(boolean)", "name.exists()", "contact.empty()"]
DATES = ["birthDate", "@1974-12-25", "@1974", "@1974-12", "@2026-04-23"]
TIMES = ["@T10:00:00", "@T10:30", "@T23:59:59.999"]
LISTS = ["name", "name.given", "telecom", "telecom.where(system = 'phone')", "address.line", "identifier.value",
         "telecom.rank", "(1 | 2 | 3)", "('a' | 'b')", "contact.name.family", "{}", "name.given | contact.name.family",
         "(1).combine(1)", "telecom.select(system)", "name.family"]  # fmt: skip

_PER_STRING = ["length()", "upper()", "lower()", "startsWith('M')", "endsWith('a')", "contains('i')", "indexOf('a')",
               "substring(1)", "substring(0, 2)", "substring(9)", "replace('a', 'o')", "matches('^M.*a$')",
               "replaceMatches('[aeiou]', '_')", "toChars().count()", "toInteger()", "toDecimal()", "toString()",
               "convertsToInteger()", "convertsToDate()", "toBoolean()", "trim()", "split('a')"]  # fmt: skip
_PER_NUMBER = ["abs()", "ceiling()", "floor()", "truncate()", "sqrt()", "toString()", "toDecimal()", "power(2)",
               "round(1)", "exp()", "convertsToInteger()", "toInteger()", "ln()", "log(10)"]  # fmt: skip
_PER_LIST = ["count()", "empty()", "exists()", "first()", "last()", "tail()", "skip(1)", "take(2)", "distinct()",
             "isDistinct()", "distinct().count()", "single()", "[0]", "[1]", "[9]", "where($index = 0)",
             "select($this)", "all($this.exists())", "repeat(given)", "children().count()", "ofType(string)",
             "combine('x')", "intersect(name.given)", "exclude('Li')", "union('Li')", "subsetOf(name.given)",
             "supersetOf('Li')", "aggregate($total + 1, 0)", "join(',')", "type().name", "not()",
             "allTrue()", "hasValue()", "as(string)", "is(string)"]  # fmt: skip
_PER_ELEMENT = ["where(use = 'home')", "exists(family = 'Chen')", "select(family)", "all(rank > 1)", "where(rank = 1)"]
_COMPARISONS = ["=", "!=", "~", "!~", "<", ">", "<=", ">="]
_LOGIC = ["and", "or", "xor", "implies"]
_MATH = ["+", "-", "*", "/", "div", "mod"]


Text: TypeAlias = st.SearchStrategy[str]


def _among(rows: list[str]) -> Text:
    return st.sampled_from(rows)


def _call(operand: Text, functions: list[str]) -> Text:
    return st.tuples(operand, _among(functions)).map(
        lambda row: f"({row[0]}){row[1]}" if row[1].startswith("[") else f"({row[0]}).{row[1]}"
    )


def _binary(
    left: st.SearchStrategy[str], operators: list[str], right: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.tuples(left, _among(operators), right).map(lambda row: f"({row[0]} {row[1]} {row[2]})")


string = _among(STRINGS)
number = st.deferred(lambda: _among(NUMBERS) | _binary(_among(NUMBERS), _MATH, _among(NUMBERS)))
values = st.one_of(string, number, _among(BOOLEANS), _among(DATES), _among(TIMES))
lists = _among(LISTS)
conditions = st.deferred(
    lambda: st.one_of(
        _among(BOOLEANS),
        _binary(string, _COMPARISONS, string),
        _binary(number, _COMPARISONS, number),
        _binary(_among(DATES), _COMPARISONS, _among(DATES)),
        _binary(_among(TIMES), _COMPARISONS, _among(TIMES)),
        _binary(lists, ["=", "!=", "~", "!~"], lists),
        _binary(string, ["in"], lists),
        _binary(conditions, _LOGIC, conditions),
        _call(conditions, ["not()"]),
    )
)
expressions = st.one_of(
    conditions,
    number,
    _call(string, _PER_STRING),
    _call(number, _PER_NUMBER),
    _call(lists, _PER_LIST),
    _call(_call(lists, _PER_LIST), _PER_LIST),
    _call(
        lists, ["where(use = 'home')", "exists(family = 'Chen')", "select(family)", "all(rank > 1)", "where(rank = 1)"]
    ),
    st.tuples(conditions, values, values).map(lambda row: f"iif({row[0]}, {row[1]}, {row[2]})"),
    st.tuples(string, string).map(lambda row: f"({row[0]} & {row[1]})"),
    st.tuples(_among(DATES), _among(["+", "-"]), _among(["1 day", "2 months", "1 year", "3 weeks"])).map(
        lambda row: f"({row[0]} {row[1]} {row[2]})"
    ),
)
