"""Pruning: what an LLM task run holds goes with its benchmark run, or with its age; what it counts stays."""

import sqlite3
from contextlib import closing
from datetime import timedelta

from tests.llm_tasks.test_playground import ANA, read_a_form


async def test_runs_go_with_their_benchmark_run_or_their_age_and_stay_in_the_figures(desk, serve, begin, settings):
    async with serve() as api:
        task = await read_a_form(api)
        path = f"task/{task['id']}"
        old = (await api.run(task, ANA)).json
        ended, active = await begin(api), await begin(api)
        of_ended, of_active = [(await api.as_(run.token).run(task, ANA)).json for run in (ended, active)]
        await api.call("POST", f"/benchmark-runs/{ended.run_id}/cancel")
        counts = (await api.get(f"{path}/usage_report")).json
    async with serve(prune_older_than=timedelta(days=1)) as api:
        assert (await api.get(f"{path}/run/{old['id']}")).status == 200
    async with serve(prune_older_than=timedelta(0)) as api:
        for run in (old, of_ended):
            gone = await api.get(f"{path}/run/{run['id']}")
            assert gone.status == 410 and "pruned" in gone.body.decode()
        assert (await api.get(f"{path}/run/{of_active['id']}")).json["response"] == of_active["response"]
        assert [run["id"] for run in (await api.get(f"{path}/run")).json["results"]] == [of_active["id"]]
        assert (await api.get(f"{path}/usage_report")).json == counts
        after = (await api.run(task, ANA)).json
        assert (await api.get(f"{path}/run/{after['id']}")).status == 200
    with closing(sqlite3.connect(settings.data_dir / "sandbox.sqlite3")) as connection:
        bodies = connection.execute("SELECT body FROM llm_runs WHERE pruned_at IS NOT NULL").fetchall()
        assert len(bodies) == 2 and not any("Ana" in body for (body,) in bodies)
