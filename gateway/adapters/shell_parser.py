"""The second parser for the gateway: `policies.edge.shfmt` in a thread, so that the event loop never waits for a process. A
text that was parsed before is answered at once. A child watched by asyncio was measured and is slower (a callback per pipe),
and would keep a second copy of every bound."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from policies.edge.shfmt import PROCESSES_MAX, Shfmt
from policies.shell import warm
from policies.verdict import NeedParse


class ShellParser:
    """Answers `NeedParse`. `close` when the runtime goes."""

    def __init__(self, parser: Shfmt | None = None) -> None:
        self._parser = parser or Shfmt()
        self._threads = ThreadPoolExecutor(max_workers=PROCESSES_MAX, thread_name_prefix="shfmt")
        self._threads.submit(warm)  # so that the first call of a server costs no more than the others

    async def parse(self, need: NeedParse) -> bytes | None:
        """mvdan/sh's tree as JSON; None when there is none, within the parser's bounds."""
        if self._parser.known(need.text):
            return self._parser.parse(need.text)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._parser.parse, need.text)

    def close(self) -> None:
        self._parser.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
