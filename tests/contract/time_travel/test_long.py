"""A playground of 100,000 events: any of its states is there, as in a short one."""

import pytest

from sandbox import limits
from sandbox.playground.events import Request, Response

BODY = b"x" * 400


@pytest.mark.slow
async def test_a_playground_that_is_full(live, world_of):
    run = await live.started()
    world = world_of(run)
    playground = live.playground(run.tasks[0])

    def handle(tx):
        if playground.seq % 5 == 0:
            tx.put(
                "fhir/Basic",
                str(playground.seq % 5_000),
                {"resourceType": "Basic", "id": tx.new_id(), "n": playground.seq},
            )
        return Response(200, BODY)

    hashes = {}
    while playground.seq < limits.EVENTS_PER_TASK_RUN:
        outcome = playground.interact("fhir_request", handle, request=Request("GET", "fhir/Basic"))
        if playground.seq % 9_999 == 0:
            await outcome.committed
            hashes[playground.seq] = playground.branch.state_hash()
    assert (await run.call("GET", "files/inbox")).status == 413
    for seq, state_hash in sorted(hashes.items(), reverse=True):
        assert (await world.diff(f"?from={seq}"))["from"]["state_hash"] == state_hash
    fork = await world.fork(at=9_999)
    assert await fork.hash() == hashes[9_999]
    assert (await fork.put_file("more.txt", b"1")).status == 201
    await world.post("restore", to=19_998)
    same = await world.diff("?from=19998")
    assert (same["added"], same["changed"], same["removed"]) == (0, 0, 0)
    assert (await fork.get())["status"] == "active"
