"""SIGKILL while a notification is under way: it is sent again after the restart."""

import signal

from tests.contract.subscriptions.conftest import FHIR_JSON, Subscriber
from tests.contract.subscriptions.hooks import hooked, never, said


async def test_what_was_under_way_at_a_kill_is_sent_again(spawn, reach):
    async with hooked(never) as hook:
        server = spawn().wait_until_ready()
        run = await reach(server.url).started()
        ehr = Subscriber(run)
        await ehr.ask(hook.url, payload=FHIR_JSON)
        made = await ehr.observe()
        await ehr.until(lambda: hook.got)
        server.signal(signal.SIGKILL)
        server.wait()
        hook.answer = said()
        server = spawn().wait_until_ready()
        run.live = reach(server.url)
        (told,) = await ehr.attempted(1)
        assert (told["state"], told["attempt"]) == ("delivered", 1)
        assert [got.json["id"] for got in hook.got] == [made["id"]] * 2
