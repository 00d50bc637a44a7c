"""The JSON form of every primitive type: what R4 allows, and what it does not."""

import pytest

from sandbox.jsonio import ExactFloat
from sandbox.r4.validation.narrative import NAMESPACE
from sandbox.r4.validation.primitives import CHECKS, CURRENCY, MIME_TYPE, STRING_CHARS, coded

DIV = f'<div xmlns="{NAMESPACE}">'

GOOD = {
    "boolean": [True, False],
    "integer": [0, 1, -1, 2147483647, -2147483648],
    "positiveInt": [1, 2147483647],
    "unsignedInt": [0, 1, 2147483647],
    "decimal": [0, 1, -1, 1.5, ExactFloat("4.10"), ExactFloat("1e3"), 10**30],
    "string": ["a", " a ", "a\nb\tc", "é漢🙂", "x" * STRING_CHARS],
    "markdown": ["# a\n\n* b", "a"],
    "code": ["a", "a b", "A-1.2"],
    "id": ["a", "A-1.b", "x" * 64, "1"],
    "uri": ["a", "http://x.test/a?b=c#d", "urn:x:y", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"],
    "url": ["http://x.test", "mailto:a@x.test"],
    "canonical": ["http://x.test/a|1.0", "#a"],
    "oid": ["urn:oid:1.2.3", "urn:oid:2.16.840.1.113883", "urn:oid:0.0"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "date": ["2020", "2020-02", "2020-02-29", "1999-12-31", "0001", "9999-12-31", "2024-02-29", "2000-02-29"],
    "dateTime": [
        "2020",
        "2020-02",
        "2020-02-29",
        "2020-02-29T10:00:00Z",
        "2020-02-29T10:00:00.1Z",
        "2020-02-29T10:00:00.123456789+14:00",
        "2020-02-29T23:59:60-05:00",
        "2020-02-29T00:00:00+00:00",
    ],
    "instant": ["2020-02-29T10:00:00Z", "2020-02-29T10:00:00.000+01:00", "2020-12-31T23:59:60Z"],
    "time": ["10:00:00", "23:59:59.999", "00:00:00", "23:59:60"],
    "base64Binary": ["Zm9v", "Zm8=", "Zg==", "Zm9v\nZm9v", " Zm9v "],
    "xhtml": [
        f"{DIV}a</div>",
        f"{DIV}<p>a<br/>b</p><table><tr><td>1</td></tr></table></div>",
        f"{DIV}a&nbsp;b &lt; &amp; &#160;</div>",
        f'{DIV}<img src="a.png" alt="b"/></div>',
        f'{DIV}<a name="b"/><u>a</u><kbd>b</kbd><address>c</address><a href="#b" title="javascript: no">d</a></div>',
        f'{DIV}<a href="http://x.test">x</a><!-- note --></div>',
        f'<div xmlns="{NAMESPACE}" xml:lang="en" class="a" style="color:red">a</div>',
    ],
}

BAD = {
    "boolean": ["true", 0, 1, "", "yes"],
    "integer": ["1", 1.5, 1.0, 2147483648, -2147483649, True, ExactFloat("1e3"), ""],
    "positiveInt": [0, -1, 2147483648, "1", 1.5],
    "unsignedInt": [-1, 2147483648, "0", 0.5],
    "decimal": ["1.0", True, "", "1e3"],
    "string": ["", 1, True, "a\x00b", "a\x07", "x" * (STRING_CHARS + 1)],
    "markdown": ["", 1, "\x01"],
    "code": ["", " a", "a ", "a  b", " ", 1, "a\tb\t"],
    "id": ["", "a_b", "x" * 65, "a b", "a/b", "é", 1, "a\n"],
    "uri": ["", "a b", " a", 1, "a\n"],
    "url": ["", "http://x y"],
    "canonical": ["", "http://x y|1"],
    "oid": ["", "1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1.", "urn:oid:1"],
    "uuid": ["", "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "urn:uuid:x"],
    "date": [
        "",
        "20",
        "2020-1",
        "2020-13",
        "2020-00",
        "2020-02-30",
        "2021-02-29",
        "1900-02-29",
        "2020-04-31",
        "2020-01-00",
        "2020-01-32",
        "2020-01-01T00:00:00Z",
        "01/02/2020",
        "2020/01/01",
        "20200101",
        "0000",
        "٢٠٢٠",
        2020,
        "2020-01-01\n",
        " 2020",
    ],
    "dateTime": [
        "",
        "2020-02-30",
        "2020-02-29T10:00Z",
        "2020-02-29T10:00:00",
        "2020-02-29 10:00:00Z",
        "2020-02-29T24:00:00Z",
        "2020-02-29T10:60:00Z",
        "2020-02-29T10:00:61Z",
        "2020-02-29T10:00:00+15:00",
        "2020-02-29T10:00:00+1:00",
        "2020-02-29T10:00:00.Z",
        "2021-02-29T10:00:00Z",
        "2020-02T10:00:00Z",
        "now",
        20200101,
    ],
    "instant": ["", "2020", "2020-02-29", "2020-02-29T10:00:00", "2020-02-30T10:00:00Z", "2020-02-29T10:00Z", 1],
    "time": ["", "10:00", "24:00:00", "10:00:00Z", "1:00:00", "10:60:00", "10:00:61", 10],
    "base64Binary": ["", "Zm9", "Zm9v!", "====", "Zm=v", 1, "Zm9vZ"],
    "xhtml": [
        "",
        "text",
        "<div>no namespace</div>",
        f"{DIV}never closed",
        f"{DIV}a</div><div/>",
        f"{DIV}<script>alert(1)</script></div>",
        f"{DIV}<iframe/>a</div>",
        f'{DIV}<p onclick="x()">a</p></div>',
        f'{DIV}<p data-x="1">a</p></div>',
        f'{DIV}<a href="javascript:alert(1)">a</a></div>',
        f'{DIV}<a href=" JavaScript:alert(1)">a</a></div>',
        f'{DIV}<img src="data:text/html,a" alt="b"/></div>',
        f'{DIV}<img alt="b"/></div>',
        f"{DIV}<nav>a</nav></div>",
        f"{DIV}<form>a</form></div>",
        f"{DIV}  </div>",
        f"{DIV}&nosuchentity;</div>",
        f'<!DOCTYPE div [<!ENTITY a "b">]>{DIV}&a;</div>',
        f'<p xmlns="{NAMESPACE}">a</p>',
        1,
    ],
}


def rows(table):
    return [(kind, value) for kind, values in table.items() for value in values]


def shown(value):
    return repr(value)[:40]


@pytest.mark.parametrize(("kind", "value"), rows(GOOD), ids=shown)
def test_allowed(kind, value):
    assert CHECKS[kind](value) is None


@pytest.mark.parametrize(("kind", "value"), rows(BAD), ids=shown)
def test_refused(kind, value):
    code, text = CHECKS[kind](value)
    assert code in ("structure", "value", "invariant")
    assert text.endswith((".", "(txt-1).", "(txt-2)."))


@pytest.mark.parametrize("kind", sorted(CHECKS))
@pytest.mark.parametrize("value", [None, [], {}, ["a"], {"a": 1}], ids=repr)
def test_no_primitive_is_null_an_array_or_an_object(kind, value):
    assert CHECKS[kind](value)[0] == "structure"


def test_every_primitive_is_in_both_tables():
    assert set(GOOD) == set(BAD) == set(CHECKS)


def test_a_bound_code_names_what_it_may_be():
    check = coded("colours", frozenset({"red", "green"}))
    assert check("red") is None
    assert check("blue") == ("code-invalid", '"blue" is not a code of colours (required): use one of green, red.')
    assert check(5)[0] == "structure"
    many = coded("many", frozenset(f"c{n:03}" for n in range(50)))
    assert "(50 codes)" in many("x")[1]


@pytest.mark.parametrize(("value", "is_good"), [("USD", True), ("usd", False), ("US", False), ("DOLLAR", False)])
def test_currency(value, is_good):
    assert (CURRENCY(value) is None) == is_good


@pytest.mark.parametrize(
    ("value", "is_good"),
    [
        ("text/plain", True),
        ("application/pdf", True),
        ("text/plain; charset=utf-8", True),
        ("a b", False),
        ("/x", False),
    ],
)
def test_media_type(value, is_good):
    assert (MIME_TYPE(value) is None) == is_good
