"""The case table of the check reference: every row of it, in every check that can hold any value, over real HTTP."""

import re
from pathlib import Path

import pytest

from sandbox import jsonio
from sandbox.definitions.assertions import FieldExpectation
from sandbox.scoring.compare import compare_field

PAGE = (Path(__file__).parents[3] / "docs" / "checks.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\{.*\})` \| `(.*)` \| (passes|fails) \|$", re.MULTILINE)
ROWS = [(jsonio.parse(wanted), value, verdict == "passes") for wanted, value, verdict in ROW.findall(PAGE)]


def test_the_table_has_rows_of_every_kind():
    assert len(ROWS) > 50
    kinds = {kind for wanted, _, _ in ROWS for kind in wanted}
    assert kinds >= {"expected", "min", "max", "approx", "matches", "contains", "type", "in_any_order"}
    assert {holds for _, _, holds in ROWS} == {True, False}


@pytest.mark.parametrize(("wanted", "value", "holds"), ROWS)
def test_a_row(wanted, value, holds):
    assert compare_field(FieldExpectation(path="a", **wanted), [jsonio.parse(value)]).passed is holds


async def test_every_check_and_every_match_reads_values_alike(serve, disk, kit):
    everything = "[" + ", ".join(value for _, value, _ in ROWS) + "]"
    criteria, expected = [], []
    for number, (wanted, _, holds) in enumerate(ROWS):

        def fields(prefix, number=number, wanted=wanted):
            return [{"path": f"{prefix}{number}", **wanted}]

        criteria += [
            kit.criterion(f"output {number}", "agent-output", fields=fields("")),
            kit.criterion(f"file {number}", "sftp-file-present", glob="outbox/v.json", fields=fields("")),
            kit.criterion(f"sent {number}", "interaction", path="files/outbox/*", fields=fields("request.body.")),
            kit.criterion(
                f"match {number}", "interaction", path="files/outbox/*", match={f"request.body.{number}": wanted}
            ),
        ]
        expected += [holds] * 4
    disk.benchmark(kit.benchmark("values", kit.task("a", *criteria)))
    async with serve() as live:
        run = await live.started("values")
        headers = {"Content-Type": "application/json"}
        answer = await run.call("PUT", "files/outbox/v.json", body=everything.encode(), headers=headers)
        assert answer.status == 201
        body = f'{{"output": {everything}}}'.encode()
        done = await live.call("POST", f"/v1/task-runs/{run.tasks[0]}/complete", run.token, body=body, headers=headers)
        assert done.status == 200, done
        wrong = [
            (check["label"], check["details"])
            for check, holds in zip(done.json["checks"], expected, strict=True)
            if check["passed"] is not holds
        ]
        assert not wrong
