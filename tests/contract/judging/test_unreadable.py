"""What a check found and could not read is told, and never lets a check pass for want of it."""

import pytest

READS = {"assert": "sftp-file-present", "glob": "outbox/*", "fields": [{"path": "patient", "expected": "Jones"}]}
CSV = {"assert": "sftp-file-present", "glob": "outbox/*", "csv": {"row": {"patient": "Jones"}}}


@pytest.fixture
def judged(serve, disk, kit):
    async def judge(assertion, **files):
        disk.benchmark(kit.benchmark("read", kit.task("a", {"label": "c", "assertion": assertion})))
        async with serve() as live:
            run = await live.started("read")
            for name, content in files.items():
                answer = await run.call("PUT", f"files/outbox/{name}", body=content)
                assert answer.status == 201, answer
            return (await run.complete())["checks"][0]

    return judge


@pytest.mark.parametrize("assertion", [READS, CSV], ids=["json", "csv"])
@pytest.mark.parametrize("wrap", ["plain", "absent", "not", "at most"])
async def test_a_file_that_cannot_be_read(judged, assertion, wrap):
    shapes = {"plain": assertion, "absent": {**assertion, "absent": True}, "not": {"not": assertion}}
    shapes["at most"] = {**assertion, "count": {"max": 1}}
    check = await judged(shapes[wrap], note=b"\xff\xfe\x00{")
    assert not check["passed"] and (wrap == "at most" or check["score"] == 0), check
    assert "outbox/note cannot be read" in check["details"]


async def test_one_that_is_right_is_enough_beside_it(judged):
    check = await judged(READS, bad=b"{", good=b'{"patient": "Jones"}')
    assert check["passed"] and check["evidence"]["unreadable"][0]["path"] == "outbox/bad"


@pytest.mark.parametrize("row", [{"patient": "Jones"}, {"person": "Jones"}])
async def test_a_csv_file_that_was_read_and_has_no_such_row_is_no_doubt(judged, row):
    csv = {**CSV, "csv": {"row": row}}
    assert (await judged({**csv, "absent": True}, list=b"patient,dose\nLi,5\n"))["passed"]
    assert (await judged({"not": csv}, list=b"patient,dose\nLi,5\n"))["passed"]


async def test_absence_is_found_where_everything_was_read(judged):
    assert (await judged({**READS, "absent": True}, other=b'{"patient": "Li"}'))["passed"]
