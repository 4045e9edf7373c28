"""Many slow streams on one worker: no error, and memory per stream within its bound. The thousand are in loadtests/."""

import asyncio
import signal

from tests.process.load import Dripping, ask, config, ended, rows, rss_bytes, until
from tests.support.gateways import served

STREAMS = 300
WARM = 100
BYTES_MAX = 25 * 1024


async def test_memory_of_a_stream(tmp_path):
    async with Dripping(pieces=6, every_s=0.1) as up, served(tmp_path, config(up.origin)) as gateway:
        pid = gateway.process.pid
        warm = await ask(gateway.port, WARM, "up/model")
        await ended(warm, 10)
        await asyncio.sleep(2)  # what is loaded in the background of the start is there
        idle = rss_bytes(pid)
        up.held = True
        clients = await ask(gateway.port, STREAMS, "up/model")
        await until(lambda: all(client.words >= 3 for client in clients))
        await asyncio.sleep(0.5)
        each = (rss_bytes(pid) - idle) / STREAMS
        print(f"{each / 1024:.1f} KB per stream over {idle / 1024 / 1024:.0f} MB")
        assert each <= BYTES_MAX
        up.held = False
        await ended(clients, 15)
        assert [c.number for c in clients if not c.whole or c.words != 6 or c.status != 200] == []
        gateway.signal(signal.SIGTERM)
        assert await gateway.exit_code() == 0
    assert [outcome for _, outcome in rows(tmp_path)] == ["ok"] * (STREAMS + WARM)
