"""Tasks are kept, logged and ended."""

import asyncio
import gc
import logging

import pytest

from gateway.adapters import tasks


async def test_a_forgotten_task_still_runs_to_its_end() -> None:
    done = asyncio.Event()

    async def work() -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, future.set_result, None)
        await future
        done.set()

    before = set(tasks._running)
    tasks.spawn(work(), name="work")
    gc.collect()
    await asyncio.wait_for(done.wait(), 10)
    await asyncio.sleep(0)
    assert not tasks._running - before


async def test_an_unexpected_exception_is_logged_with_the_tasks_name(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR, "gateway.tasks"):
        task = tasks.spawn(fail(), name="the worker")
        with pytest.raises(RuntimeError):
            await task
        await asyncio.sleep(0)
    assert "the worker" in caplog.text
    assert "broken" in caplog.text


async def test_cancellation_is_not_an_error(caplog: pytest.LogCaptureFixture) -> None:
    task = tasks.spawn(asyncio.sleep(9), name="sleeper")
    task.cancel()
    await asyncio.wait([task])
    assert not caplog.records


async def test_a_set_ends_its_tasks_and_takes_no_more() -> None:
    owned = tasks.TaskSet("owner")
    sleeper = owned.spawn(asyncio.sleep(9), name="sleeper")
    assert sleeper.get_name() == "owner/sleeper"
    assert len(owned) == 1
    await owned.aclose()
    await owned.aclose()
    assert sleeper.cancelled()
    assert len(owned) == 0
    with pytest.raises(RuntimeError, match="closed"):
        owned.spawn(asyncio.sleep(0), name="late")


async def test_grace_lets_tasks_finish() -> None:
    owned = tasks.TaskSet("owner")
    quick = owned.spawn(asyncio.sleep(0.02, "done"), name="quick")
    slow = owned.spawn(asyncio.sleep(9), name="slow")
    await owned.aclose(grace_s=0.2)
    assert quick.result() == "done"
    assert slow.cancelled()


async def test_a_task_may_close_the_set_it_belongs_to() -> None:
    owned = tasks.TaskSet("owner")
    task = owned.spawn(owned.aclose(), name="closer")
    await asyncio.wait_for(task, 1)
