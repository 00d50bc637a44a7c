"""An acknowledged run is on disk: the server is killed and started again."""

import asyncio
import os
import signal
import subprocess
import sys

import aiohttp

from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID

SERVER = """
import asyncio, sys
from pathlib import Path
from sandbox.serving import serve, url_of
from sandbox.settings import Settings
home = Path(sys.argv[1])
folders = {"playgrounds": (home / "playgrounds",), "seeds": (home / "seeds",)}
settings = Settings(port=0, data_dir=home / "data", is_watching=False, **folders)
asyncio.run(serve(settings, lambda runner: print("ready", url_of(settings, runner), flush=True)))
"""


def start(home):
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(home)], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line.startswith("ready"), line
    return process, f"{line.split()[1]}/api/v1/org/{ORGANIZATION_ID}/project/{PROJECT_ID}"


def stop(process, number=signal.SIGTERM):
    os.kill(process.pid, number)
    process.wait(30)
    process.stdout.close()


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(settings, tmp_path):
    process, root = start(tmp_path)
    acknowledged = {}
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer vk_local"}) as http:

        async def call(method, path, **options):
            async with http.request(method, root + path, **options) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        try:
            model = await call("GET", "/model/sandbox-extract")
            draft = {
                "name": "T", "enabled": True, "system_prompt": "s", "user_prompt": "{text}",
                "llm_model_id": model["id"], "output_format": {"name": "str"},
            }  # fmt: skip
            task = await call("POST", "/task", json=draft)
            path = f"/task/{task['id']}/run"

            async def keep_running(worker):
                n = 0
                while True:
                    n += 1
                    try:
                        run = await call("POST", path, json={"task_input": {"text": f"Name: N{worker}x{n}"}})
                    except aiohttp.ClientError:
                        return
                    acknowledged[run["id"]] = run
                    if len(acknowledged) == 60:
                        stop(process, signal.SIGKILL)

            await asyncio.gather(*(keep_running(w) for w in range(8)))
        finally:
            if process.poll() is None:
                stop(process)
        process, root = start(tmp_path)
        try:
            assert len(acknowledged) >= 60
            for run_id, run in acknowledged.items():
                assert await call("GET", f"{path}/{run_id}") == run
        finally:
            stop(process)
