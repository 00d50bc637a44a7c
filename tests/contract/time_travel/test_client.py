"""The typed client's calls, over HTTP."""

from datetime import timedelta

import pytest

from sandbox.testing.client import ConflictError, NotFoundError, SandboxClient


async def test_every_call_of_playgrounds(live, world_of, agent_writes):
    run = await live.started()
    at = await agent_writes(run, "a.txt", b"1")
    async with SandboxClient(live.url, api_key="vk_local") as client:
        parent = await client.get_playground(world_of(run).id)
        assert (parent.events, parent.parent_id, parent.expires_at) == (at, None, None)
        snapshot = await client.snapshot_playground(parent.id)
        assert (snapshot.event, snapshot.state_hash) == (at, parent.state_hash)
        fork = await client.fork_playground(parent.id, at=snapshot.id, timeout_s=60)
        assert (fork.parent_id, fork.parent_event, fork.state_hash) == (parent.id, at, parent.state_hash)
        assert fork.expires_at is not None and fork.sandbox("files").credentials
        assert fork.clock_now is not None
        moved = await client.advance_playground_clock(fork.id, seconds=60)
        again = await client.advance_playground_clock(fork.id, to=moved.clock_now + timedelta(minutes=5))
        assert again.clock_now - fork.clock_now >= timedelta(minutes=6)
        assert [e.type for e in await client.list_playground_events(fork.id)] == ["clock_advanced", "clock_advanced"]
        back = await client.restore_playground(fork.id, 0)
        assert back.clock_now - fork.clock_now < timedelta(minutes=1)
        difference = await client.diff_playground(parent.id, start="start", surface="files")
        assert difference["added"] == 1
        assert fork.id in [p.id for p in await client.list_playgrounds(benchmark_run_id=run.id)]
        assert (await client.tear_down_playground(fork.id)).status == "teardown"
        with pytest.raises(ConflictError, match="torn down"):
            await client.restore_playground(fork.id, 0)
        with pytest.raises(NotFoundError):
            await client.fork_playground("pg_none")
        with pytest.raises(LookupError, match="no sandbox"):
            fork.sandbox("fax")
        (kept,) = (await client.get_playground(parent.id)).snapshots
        assert kept.id == snapshot.id
