"""Fewer schedules, but over real sockets, behind the real server, with both HTTP clients and both event loops."""

import asyncio

import pytest
import uvloop

from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream
from tests.faults import sockets
from tests.faults.schedule import make
from tests.faults.tell import tell

SEEDS = 12
TOGETHER = 4
"""Schedules that run side by side: most of their time is waiting."""


async def batch(seeds, folder, make_upstream):
    gate = asyncio.Semaphore(TOGETHER)

    async def one(seed):
        async with gate:
            (folder / str(seed)).mkdir()
            return await sockets.play(make(seed), folder / str(seed), make_upstream() if make_upstream else None)

    folder.mkdir(exist_ok=True)
    before = sockets.descriptors()
    runs = await asyncio.gather(*map(one, seeds))
    await asyncio.sleep(0.1)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return runs, tasks, sockets.descriptors() - before


CASES = {
    "lean on asyncio": (asyncio.new_event_loop, None, 0),
    "lean on uvloop": (uvloop.new_event_loop, None, SEEDS),
    "aiohttp on uvloop": (uvloop.new_event_loop, AiohttpUpstream, 0),
    "aiohttp on asyncio": (asyncio.new_event_loop, AiohttpUpstream, SEEDS),
}


@pytest.mark.parametrize("name", CASES)
def test_promises_hold_over_sockets(name, tmp_path):
    loop, make_upstream, first = CASES[name]
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(batch([first], tmp_path / "before", make_upstream))  # opens what loop and libraries keep
        runs, tasks, more = runner.run(batch(range(first, first + SEEDS), tmp_path, make_upstream))
    problems = list(sockets.problems_of(runs))
    assert not problems, "\n".join([*problems, *(tell(run) for run in runs if run.problems)])
    assert not tasks, f"tasks are left over: {tasks}"
    assert more <= 0, f"{more} descriptors are left over"
