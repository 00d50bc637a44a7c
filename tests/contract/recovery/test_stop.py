"""A signal ends the server within ten seconds, whatever it is doing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import limits

FHIR = {"Content-Type": "application/fhir+json"}
PROMISED_S = 10

HELD = """
import sys
from pathlib import Path
import sandbox.serving as serving
from sandbox.settings import Settings
serving.END_S = 0.5
settings = Settings(port=0, data_dir=Path(sys.argv[1]), seeds=(), playgrounds=(), is_watching=False)
def hold(runner):
    print("ready", flush=True)
    while True:
        pass
serving.run(serving.serve(settings, hold))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_that_is_held_does_not_keep_the_server(tmp_path, number):
    with subprocess.Popen(
        [sys.executable, "-c", HELD, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, number)
        assert process.wait(PROMISED_S) == 1


async def test_what_takes_long_is_ended_and_nothing_of_it_is_kept(spawn, reach, serve):
    server = spawn().wait_until_ready()
    live = reach(server.url)
    run = await live.started()
    create = {
        "request": {"method": "POST", "url": "Basic"},
        "resource": {"resourceType": "Basic", "code": {"text": "x"}},
    }
    path = ".".join(["Patient"] + ["select(%resource.descendants())"] * 3)
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    long = {"request": {"method": "PATCH", "url": "Patient/ana"}, "resource": patch}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [create] + [long] * (limits.BUNDLE_ENTRIES - 1)}
    asking = asyncio.create_task(run.call("POST", "fhir", body=json.dumps(bundle).encode(), headers=FHIR))
    await live.until(lambda: _is_busy(server))
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    code, _, err = await asyncio.to_thread(server.wait)
    assert time.monotonic() - began < PROMISED_S
    assert code == 0 and "Traceback" not in err, err
    answers = await asyncio.gather(asking, return_exceptions=True)
    async with serve() as live:
        run.live = live
        kept = (await run.call("GET", "fhir/Basic?_summary=count")).json["total"]
        assert kept == (1 if getattr(answers[0], "status", 0) == 200 else 0)


async def _is_busy(server):
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) > 100  # a second of work: the start takes less


async def test_a_completion_whose_patterns_take_long_is_ended_as_if_nobody_had_asked(spawn, reach, serve, disk, kit):
    slow = {"assert": "agent-output", "fields": [{"path": "", "matches": "^(?=(a+)+$)"}]}
    criteria = [{"label": f"c{number}", "assertion": slow} for number in range(40)]  # a second each
    disk.benchmark(kit.benchmark("slow", kit.task("a", *criteria)))
    server = spawn().wait_until_ready()
    run = await reach(server.url).started("slow")
    path = f"/v1/task-runs/{run.tasks[0]}/complete"
    asking = asyncio.create_task(run.live.call("POST", path, run.token, json={"output": "a" * 60 + "!"}))
    await run.live.until(lambda: _has_child(server))
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    code, _, err = await asyncio.to_thread(server.wait)
    assert time.monotonic() - began < PROMISED_S
    assert code == 0 and "Traceback" not in err, err
    await asyncio.gather(asking, return_exceptions=True)
    async with serve() as live:
        run.live = live
        assert (await run.task_state())[:2] == ("started", "active")


async def _has_child(server):
    """Whether there is a process that searches."""
    return any(path.read_text() for path in Path(f"/proc/{server.process.pid}/task").glob("*/children"))
