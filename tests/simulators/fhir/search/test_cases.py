"""The tables in `cases/`: what each search finds, or why it is refused, from the specification's text."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from sandbox import jsonio
from sandbox.clock import parse_instant
from sandbox.errors import Invalid

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.glob("*.yaml"))


@cache
def load(path):
    table = yaml.safe_load(path.read_text("utf-8"))
    # Through the project's own parser, so that decimals are what the server would hold.
    table["resources"] = jsonio.parse(jsonio.dump(table["resources"]))
    return table


def rows(kind):
    return [
        pytest.param(path, query, *wanted, id=f"{path.stem}: {query} - {reason}"[:150])
        for path in FILES
        for query, *wanted, reason in load(path).get(kind, ())
    ]


def encoded(query):
    """Percent-encode what a browser would; a plus stays one, to arrive as a space."""
    return quote(query, safe="/?&=%+:.,|$\\*~")


@pytest.mark.parametrize(("path", "query", "wanted"), rows("finds"))
@pytest.mark.parametrize("own", [False, True], ids=["seed", "own"])
def test_finds(ehr, matched, path, query, wanted, own):
    table = load(path)
    now = parse_instant(table.get("now", "2024-06-01T00:00:00Z"))
    bundle = ehr(table["resources"], own=own, now=now).bundle(encoded(query))
    assert sorted(matched(bundle)) == sorted(wanted.split())
    assert bundle["total"] == len(wanted.split())


@pytest.mark.parametrize(("path", "query", "wanted"), rows("orders"))
@pytest.mark.parametrize("own", [False, True], ids=["seed", "own"])
def test_orders(ehr, matched, path, query, wanted, own):
    made = ehr(load(path)["resources"], own=own)
    assert matched(made.bundle(encoded(query))) == wanted.split()
    assert made.ids(encoded(query)) == wanted.split()


@pytest.mark.parametrize(("path", "query", "wanted", "extra"), rows("includes"))
@pytest.mark.parametrize("own", [False, True], ids=["seed", "own"])
def test_includes(ehr, matched, path, query, wanted, extra, own):
    made = ehr(load(path)["resources"], own=own)
    if wanted == "refused":
        with pytest.raises(Invalid, match=extra):
            made.bundle(encoded(query))
        return
    bundle = made.bundle(encoded(query))
    assert sorted(matched(bundle)) == sorted(wanted.split())
    assert sorted(matched(bundle, "include")) == sorted(extra.split())
    assert bundle["total"] == len(wanted.split())


@pytest.mark.parametrize(("path", "query", "wanted"), rows("refuses"))
def test_refuses(ehr, path, query, wanted):
    with pytest.raises(Invalid) as caught:
        ehr(load(path)["resources"]).bundle(encoded(query))
    error = caught.value
    assert wanted in error.message
    names = re.findall(r"(?:^|[?&])([^=&?]+)=", query)
    assert not names or error.context["expression"] in [None, "http._type", *(f"http.{name}" for name in names)]
    assert error.context["issue_type"] in ("invalid", "not-supported", "value")


def refused_parameters():
    """Without those whose path is what is wrong: there is nothing to ignore then."""
    return [row for row in rows("refuses") if re.match(r"(?!Banana)\w+\?", row.values[1])]


@pytest.mark.parametrize(("path", "query", "wanted"), refused_parameters())
def test_lenient_ignores_what_it_refuses(ehr, matched, path, query, wanted):
    made = ehr(load(path)["resources"])
    pairs = made.split(encoded(query))[1]
    bundle = made.bundle(encoded(query), is_lenient=True)
    assert any(wanted in e["resource"]["issue"][0]["diagnostics"] for e in bundle["entry"][:1])
    assert bundle["entry"][0]["search"]["mode"] == "outcome"
    own = next(link["url"] for link in bundle["link"] if link["relation"] == "self")
    assert own.count("=") < len(pairs)


def test_there_are_enough_cases():
    assert sum(len(rows(kind)) for kind in ("finds", "orders", "includes", "refuses")) >= 750


def test_every_case_has_its_reason():
    for path in FILES:
        for kind in ("finds", "orders", "includes", "refuses"):
            for row in load(path).get(kind, ()):
                assert len(row) == (4 if kind == "includes" else 3), row
                assert row[-1], row
