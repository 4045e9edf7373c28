"""Many slow streams on one worker: no error, and memory per stream within its bound. The thousand are in loadtests/.

Weighed between some streams and many, so that what the first ones bring with them (code, pages of the ledger, room to work in)
is not taken for theirs; of a named model and few sessions, because what is remembered of a session outlives its streams and has
bounds of its own."""

import asyncio
import signal

from tests.process.load import Dripping, ask, config, ended, rows, rss_bytes, until
from tests.support.gateways import served

WARM, STREAMS = 150, 500
BYTES_MAX = 32 * 1024
"""What a careless buffer or a leak would break. The target, 25 KB, is weighed by loadtests on a machine at rest: here it moves by
5 KB with whatever else the machine does, because the allocator's free room does."""


async def test_memory_of_a_stream(tmp_path):
    async with Dripping(pieces=6, every_s=0.1) as up, served(tmp_path, config(up.origin)) as gateway:

        async def held(count):
            streams = await ask(gateway.port, count, "up/model", 20)
            await until(lambda: all(client.words >= 3 for client in streams), 20)
            await asyncio.sleep(1)  # the journal has seen them, and what the start loads in the background is there
            return streams

        up.held = True
        clients = await held(WARM)
        before = rss_bytes(gateway.process.pid)
        clients += await held(STREAMS)
        each = (rss_bytes(gateway.process.pid) - before) / STREAMS
        print(f"{each / 1024:.1f} KB per stream over {before / 1024 / 1024:.0f} MB")
        assert each <= BYTES_MAX
        up.held = False
        await ended(clients, 20)
        assert [c.number for c in clients if not c.whole or c.words != 6 or c.status != 200] == []
        gateway.signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0
    assert [outcome for _, outcome in rows(tmp_path)] == ["ok"] * (STREAMS + WARM)
