import asyncio
import threading

import pytest

from sandbox.client.threads import LoopThread


async def _name() -> str:
    return threading.current_thread().name


def test_work_runs_on_the_thread() -> None:
    with LoopThread("worker") as thread:
        assert thread.run(_name()) == "worker"
        with pytest.raises(ZeroDivisionError):
            thread.run(_fail())


async def _fail() -> None:
    raise ZeroDivisionError


async def test_work_can_be_awaited_from_another_loop() -> None:
    with LoopThread("worker") as thread:
        assert await thread.bridge(_name()) == "worker"

        async def within() -> str:
            return await thread.bridge(_name())

        assert thread.run(within()) == "worker"


def test_waiting_for_itself_is_refused_rather_than_a_deadlock() -> None:
    with LoopThread() as thread:

        async def within() -> None:
            thread.run(_name())

        with pytest.raises(RuntimeError, match="loop's thread"):
            thread.run(within())


def test_closing_cancels_what_still_runs() -> None:
    thread = LoopThread()
    begun, ended = threading.Event(), []

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    future = thread.submit(forever())
    assert begun.wait(10)
    thread.close()
    assert (ended, future.cancelled()) == ([True], True)
    thread.close()
    with pytest.raises(RuntimeError, match="closed"):
        thread.run(_name())
