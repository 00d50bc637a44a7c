"""`sftp-file-present`: which files it finds, and what it reads of them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sandbox.globs import compile_glob
from sandbox.scoring.judge import judge
from sandbox.simulators.files.checks import CHECKS, SftpFilePresent, select


def assertion(**fields):
    return SftpFilePresent.model_validate({"assert": "sftp-file-present", **fields})


def labels(world, **fields):
    return [subject.label for subject in select(assertion(**fields), world.view()).subjects]


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("inbox/*", ["inbox/a.txt"]),
        ("inbox/**", ["inbox/a.txt", "inbox/referrals/b.pdf"]),
        ("**/*.pdf", ["inbox/referrals/b.pdf"]),
        ("**/b.PDF", []),
        ("**/a.txt", ["inbox/a.txt"]),
        ("inbox/?.txt", ["inbox/a.txt"]),
        ("inbox/[!b].txt", ["inbox/a.txt"]),
        ("inbox/[b-z].txt", []),
        ("*.txt", []),
        ("archive/old name.json", ["archive/old name.json"]),
        ("inbox/a.tx", []),
    ],
)
def test_globs(world, glob, found):
    assert labels(world, glob=glob) == found
    assert labels(world, pattern=glob) == found


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("[a-c]", "b", "d"),
        ("[!a-c]", "d", "b"),
        ("[]a]", "]", "b"),
        ("[!]", "[!]", "a"),
        ("[[a]", "[", "b"),
        ("[a&&b]", "&", "c"),
        ("[", "[", "a"),
        ("a.b", "a.b", "axb"),
        ("**/x", "x", "ax"),
    ],
)
def test_what_globs_mean(glob, yes, no):
    pattern = compile_glob(glob)
    assert pattern.full_match(yes) and not pattern.full_match(no)


@pytest.mark.parametrize("content", [b'a,b\n"x', b"a,b\n" + b"x" * 140_000, b"a\n1\n"])
def test_csv_that_is_broken(world, content):
    world.call("PUT", "files/outbound/a.csv", content)
    found = select(assertion(glob="outbound/a.csv", csv={"row": {"b": None}}), world.view())
    assert found.subjects == () and found.evidence["unreadable"]


def test_empty_cells_and_booleans_in_csv(world):
    world.call("PUT", "files/outbound/a.csv", b"id,urgent,note\n1,TRUE,\n2,false,x\n007,,y\n")
    for row, count in (
        ({"note": None}, 1),
        ({"urgent": False}, 1),
        ({"urgent": True, "note": "x"}, 0),
        ({"id": 1.0}, 1),
        ({"id": 7}, 0),
        ({"id": "007"}, 1),
    ):
        assert len(labels(world, glob="outbound/a.csv", csv={"row": row})) == count, row


def test_the_latest_comes_first(world):
    world.clock.advance(10)
    world.call("PUT", "files/inbox/z.txt", b"new")
    world.clock.advance(10)
    world.call("PUT", "files/inbox/y.txt", b"newer")
    assert labels(world, glob="inbox/*") == ["inbox/y.txt", "inbox/z.txt", "inbox/a.txt"]


def test_json_is_read_only_when_fields_are_asked(world):
    fields = [{"path": "status", "expected": "done"}]
    [subject] = select(assertion(glob="archive/*", fields=fields), world.view()).subjects
    assert subject.value == {"status": "done", "lines": [{"code": "99213"}]}
    [subject] = select(assertion(glob="archive/*"), world.view()).subjects
    assert subject.value is None
    found = select(assertion(glob="inbox/a.txt", fields=fields), world.view())
    assert found.subjects[0].value == 123456789 or found.evidence["unreadable"][0]["path"] == "inbox/a.txt"


def test_csv_rows(world):
    world.call(
        "PUT", "files/outbound/a.csv", b'\xef\xbb\xbfmember_id,status,amount\r\nM1,open,10.50\r\nM2,"paid, late",3\r\n'
    )
    world.call("PUT", "files/outbound/b.csv", b"member_id;status\nM2;paid\n")
    world.call("PUT", "files/outbound/c.csv", b"\xff\xfe")
    world.call("PUT", "files/outbound/d.csv", b"")
    found = select(assertion(glob="outbound/*.csv", csv={"row": {"member_id": "M2", "amount": 3}}), world.view())
    [subject] = found.subjects
    assert (subject.label, subject.value["status"]) == ("outbound/a.csv", "paid, late")
    assert subject.values_at("status") == ["paid, late"]
    assert subject.values_at("none") == []
    assert {item["path"] for item in found.evidence["unreadable"]} == {f"outbound/{name}.csv" for name in "bcd"}
    assert "member_id = 'M2'" in found.sought
    assert labels(world, glob="outbound/*.csv", csv={"row": {"status": "paid"}, "delimiter": ";"}) == ["outbound/b.csv"]
    assert labels(world, glob="outbound/*.csv", csv={"row": {"amount": 10.5}}) == ["outbound/a.csv"]
    assert labels(world, glob="outbound/*.csv", csv={"row": {"amount": True}}) == []


def test_a_whole_table(world):
    world.call("PUT", "files/outbound/a.csv", b'\xef\xbb\xbfclaim,code\r\n"C1",\r\n\r\nC2,R02\r\n')
    rows = [{"claim": "C1", "code": ""}, {"claim": "C2", "code": "R02"}]

    def passes(glob="outbound/a.csv", **field):
        given = assertion(glob=glob, csv={}, fields=[field])
        return judge(CHECKS[0], given, select(given, world.view())).passed

    assert passes(path="", expected=rows)
    assert not passes(path="", expected=rows[::-1])
    assert passes(path="", expected=rows[::-1], in_any_order=True)
    assert not passes(path="", expected=rows[:1])
    assert passes(path="1.code", expected="R02") and passes(path="*.claim", expected="C2")
    world.call("PUT", "files/outbound/b.csv", b"claim,code\nC1,,R03\nC2,R02\n")
    world.call("PUT", "files/outbound/c.csv", b"claim,claim\nC1,C2\n")
    for name, problem in (("b", "row 1 has more cells"), ("c", "twice in the header")):
        assert not passes(glob=f"outbound/{name}.csv", path="", expected=rows)
        found = select(
            assertion(glob=f"outbound/{name}.csv", csv={}, fields=[{"path": "", "exists": True}]), world.view()
        )
        assert problem in found.evidence["unreadable"][0]["reason"]


def test_a_table_that_is_compared_with_nothing_is_a_mistake():
    with pytest.raises(ValidationError, match="whole table"):
        assertion(glob="a.csv", csv={})
    with pytest.raises(ValidationError):
        assertion(glob="a.csv", csv={"row": {}}, fields=[{"path": "", "exists": True}])


def test_text_of_a_pdf(world):
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.drawString(72, 720, "Patient: Maria Chen")
    canvas.save()
    world.call("PUT", "files/outbound/letter.pdf", buffer.getvalue())
    world.call("PUT", "files/outbound/broken.pdf", b"%PDF-1.4 broken")
    found = select(assertion(glob="outbound/*.pdf", contains=["Maria Chen"]), world.view())
    texts = {subject.label: subject.text for subject in found.subjects}
    assert "Patient: Maria Chen" in texts["outbound/letter.pdf"]
    assert not texts["outbound/broken.pdf"]
    assert [item["path"] for item in found.evidence["unreadable"]] == ["outbound/broken.pdf"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"glob": ""},
        {"glob": "/inbox/*"},
        {"glob": "inbox/../*"},
        {"glob": "a", "pattern": "a"},
        {"glob": "a", "name": "x"},
        {"glob": "a", "csv": {"row": {}}},
        {"glob": "a", "csv": {"row": {"a": 1}, "delimiter": ",,"}},
        {"glob": "a", "csv": {"row": {"a": 1}, "delimiter": "\n"}},
        {"glob": "a", "fields": [{"path": "x"}]},
    ],
)
def test_assertions_that_are_refused(fields):
    with pytest.raises(ValidationError):
        assertion(**fields)


def test_the_evidence_is_named_as_documented():
    [check] = CHECKS
    assert (check.name, check.results_key, check.matched_key) == ("sftp-file-present", "field_results", "matched_paths")
    assert check.is_upstream


@pytest.mark.parametrize(
    ("glob", "meant", "not_meant"),
    [
        ("[a-c]", "abc", "d-"),
        ("[a-c-e]", "ac-e", "d"),
        ("[--a]", "-.9A a".replace(" ", ""), "b,"),
        ("[a--]", "a-", "b."),
        ("[a-]", "a-", "b"),
        ("[c-a]", "ca-", "b"),
        ("[a&&b]", "a&b", "c"),
        ("[]a]", "]a", "["),
        ("[!a-c]", "d-", "b/"),
        ("[\\^]", "\\^", "a"),
    ],
)
def test_character_sets_of_globs(glob, meant, not_meant):
    pattern = compile_glob(glob)
    assert [c for c in meant + not_meant if pattern.full_match(c)] == list(meant)


@given(st.text(alphabet="ab*?[]!-/\\^.", max_size=12), st.text(alphabet="ab/.-", max_size=8))
def test_any_glob_compiles(glob, path):
    compile_glob(glob).full_match(path)


@given(st.lists(st.text(alphabet="ab*?[", min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_star_never_crosses_a_directory(names):
    pattern = compile_glob("/".join(["*"] * len(names)))
    assert pattern.full_match("/".join(names))
    assert not pattern.full_match("/".join([*names, "x"]))


# -- through the judge -------------------------------------------------------------------------


def verdict(world, **fields):
    given = assertion(**fields)
    return judge(CHECKS[0], given, select(given, world.view()))


def test_one_of_several_files_is_enough(world):
    world.call("PUT", "files/outbound/1.json", b'{"claim": "C1", "status": "sent"}')
    world.clock.advance(1)
    world.call("PUT", "files/outbound/2.json", b'{"claim": "C2", "status": "sent"}')
    fields = [{"path": "claim", "expected": "C1"}, {"path": "status", "expected": "sent"}]
    found = verdict(world, glob="outbound/*.json", fields=fields)
    assert (found.score, found.evidence["total"]) == (1.0, 2)
    assert found.evidence["matched_paths"] == ["outbound/2.json", "outbound/1.json"]
    fields[1]["expected"] = "held"
    assert verdict(world, glob="outbound/*.json", fields=fields).score == 0.5


def test_absent_and_count(world):
    assert verdict(world, glob="outbound/*.json", absent=True).passed
    assert not verdict(world, glob="inbox/**", absent=True).passed
    assert verdict(world, glob="inbox/**", count={"min": 2, "max": 2}).passed
    assert not verdict(world, glob="inbox/**", count={"max": 1}).passed
    assert verdict(world, glob="none", fields=[{"path": "a", "expected": 1}]).score == 0


def test_a_file_that_is_not_json_has_no_fields(world):
    world.call("PUT", "files/outbound/x.json", b"{broken")
    found = verdict(world, glob="outbound/x.json", fields=[{"path": "a", "expected": 1}])
    assert (found.score, found.evidence["field_results"][0]["actual"]) == (0, None)
    assert "not valid JSON" in found.evidence["unreadable"][0]["reason"]


def test_contains(world):
    world.call("PUT", "files/outbound/x.txt", "Überweisung für M. Chen".encode())
    assert verdict(world, glob="outbound/x.txt", contains=["Überweisung", "Chen"]).passed
    assert verdict(world, glob="outbound/x.txt", contains=["Chen", "Rivera"]).score == 0.5
