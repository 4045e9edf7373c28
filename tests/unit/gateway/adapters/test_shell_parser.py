import asyncio
import threading

from gateway.adapters.shell_parser import ShellParser
from policies.edge.shfmt import Shfmt
from policies.verdict import NeedParse


async def test_a_tree_comes_back_and_the_loop_goes_on():
    parser = ShellParser()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    running = asyncio.get_running_loop().create_task(tick())
    try:
        trees = await asyncio.gather(*(parser.parse(NeedParse(f"a{number} $b")) for number in range(10)))
        assert all(f"a{number}".encode() in (tree or b"") for number, tree in enumerate(trees))
        assert await parser.parse(NeedParse("a 'b")) is None
        assert ticks > 10
    finally:
        running.cancel()
        parser.close()


async def test_a_remembered_text_needs_no_thread():
    inner = Shfmt(ready=0)
    parser = ShellParser(inner)
    try:
        first = await parser.parse(NeedParse("a $b"))
        seen: list[str] = []
        real = inner.parse

        def spy(text: str) -> bytes | None:
            seen.append(threading.current_thread().name)
            return real(text)

        inner.parse = spy  # type: ignore[method-assign]
        assert await parser.parse(NeedParse("a $b")) == first
        assert seen == [threading.main_thread().name]
    finally:
        parser.close()
