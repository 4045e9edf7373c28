import asyncio
from types import SimpleNamespace

from gateway.http.back import Operations
from gateway.testing.asgi import AsgiClient


def made():
    host = SimpleNamespace(version="1", front=SimpleNamespace(draining=False))
    return Operations(host, None), host


async def test_the_first_request_builds_it():
    operations, _ = made()
    assert operations._app is None
    assert (await AsgiClient(operations.app).get("/ready")).json() == {"ready": True}
    assert operations._app is not None


async def test_it_is_built_once():
    operations, _ = made()
    apps = await asyncio.gather(*(operations.warm() for _ in range(5)))
    assert all(app is apps[0] for app in apps)


async def test_it_shows_the_host_of_now():
    operations, host = made()
    await operations.warm()
    host.front.draining = True
    reply = await AsgiClient(operations.app).get("/ready")
    assert (reply.status, reply.json()) == (503, {"ready": False})
