"""Runs hooks: commands and HTTP addresses; a model through a function that is given. What an answer means is
policies.hooks'.

A command is started without a shell, in a process group of its own that is killed when its time is over, with JSON on
stdin and a small environment. Every answer is bounded in bytes and seconds, every hook in how many run at a time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gateway.telemetry import LOG
from policies import hooks
from policies.hooks import HookAnswer
from policies.model import Hook

if TYPE_CHECKING:  # it takes 0.3 s to import, and only HTTP hooks need it
    import aiohttp

ModelJudge = Callable[[Hook, bytes], Awaitable[HookAnswer]]
"""Asks a hook's model about a payload (gateway.adapters.hook_model). OSError, ValueError when it could not be asked."""
Counted = Callable[[Hook, str], None]
"""Hears how each run came out: pass, allow, ask, deny, failed."""
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""A hook gets no keys of the gateway unless its own program reads them from somewhere."""
ERROR_BYTES_MAX = 4_096

_log = logging.getLogger(LOG)


class HookRunner:
    """One per runtime; `aclose` ends its HTTP connections. Hooks are known by id."""

    def __init__(
        self,
        configured: Sequence[Hook],
        model: ModelJudge | None = None,
        environment: Mapping[str, str] = os.environ,
        counted: Counted | None = None,
    ) -> None:
        self._hooks = {hook.id: hook for hook in configured}
        self._slots = {hook.id: asyncio.Semaphore(hook.concurrency) for hook in configured}
        self._model = model
        self._counted = counted
        self._environments = {
            hook.id: {name: environment[name] for name in (*KEPT_ENVIRONMENT, *hook.env) if name in environment}
            for hook in configured
        }
        self._session: aiohttp.ClientSession | None = None

    async def run(self, hook_id: str, payload: bytes) -> HookAnswer:
        """Never raises for what a hook does: what went wrong is in `failed`. Waiting for a free slot counts as its
        time."""
        hook = self._hooks.get(hook_id)
        if hook is None:
            return HookAnswer(failed="no hook has this id")
        try:
            async with asyncio.timeout(hooks.timeout_s(hook)), self._slots[hook_id]:
                answer = await self._by_form(hook, payload)
        except TimeoutError:
            answer = HookAnswer(failed=f"it gave no answer within {hooks.timeout_s(hook):g} s")
        except (OSError, ValueError) as error:
            answer = HookAnswer(failed=f"it could not be run: {type(error).__name__}: {error}"[:300])
        if answer.failed:
            _log.warning("hook %s: %s", hook_id, answer.failed)
        if self._counted is not None:
            self._counted(hook, "failed" if answer.failed else answer.decision or "pass")
        return answer

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _by_form(self, hook: Hook, payload: bytes) -> HookAnswer:
        match hooks.form(hook):
            case "command":
                return await self._command(hook, payload)
            case "http":
                return await self._http(hook, payload)
            case "model":
                if self._model is None:
                    return HookAnswer(failed="no model can be asked here")
                return await self._model(hook, payload)

    async def _command(self, hook: Hook, payload: bytes) -> HookAnswer:
        assert hook.command is not None
        process = await asyncio.create_subprocess_exec(
            *hook.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environments[hook.id],
            start_new_session=True,
        )
        try:
            return await _talk(hook, process, payload)
        finally:
            await _end(process)

    async def _http(self, hook: Hook, payload: bytes) -> HookAnswer:
        import aiohttp

        assert hook.http is not None
        try:
            return await self._posted(hook, hook.http, payload)
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error

    async def _posted(self, hook: Hook, url: str, payload: bytes) -> HookAnswer:
        import aiohttp

        if self._session is None:
            # Redirects are not followed and proxies of the environment not used: a payload goes where the policy says.
            self._session = aiohttp.ClientSession(trust_env=False)
        headers = {"content-type": "application/json"}
        async with self._session.post(url, data=payload, headers=headers, allow_redirects=False) as response:
            body = await _bounded(response.content, hook.output_bytes)
            if body is None:
                return HookAnswer(failed=f"its answer is larger than {hook.output_bytes} bytes")
            if response.status not in (200, 204):
                return HookAnswer(failed=f"it answered with status {response.status}")
            return hooks.answer(hook, body)


class _TooMuch(Exception):
    """More output than the hook may give."""


async def _talk(hook: Hook, process: asyncio.subprocess.Process, payload: bytes) -> HookAnswer:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.TaskGroup() as talk:
            talk.create_task(_feed(process.stdin, payload))
            out = talk.create_task(_all(process.stdout, hook.output_bytes))
            err = talk.create_task(_head(process.stderr, ERROR_BYTES_MAX))
    except ExceptionGroup as group:
        if group.subgroup(_TooMuch) is None:
            raise group.exceptions[0] from None
        return HookAnswer(failed=f"its output is larger than {hook.output_bytes} bytes")
    return hooks.exited(hook, await process.wait(), out.result(), err.result())


async def _all(stream: asyncio.StreamReader, most: int) -> bytes:
    """_TooMuch as soon as it is, because a program that writes on would have to be waited for."""
    out = await _bounded(stream, most)
    if out is None:
        raise _TooMuch
    return out


async def _feed(stdin: asyncio.StreamWriter, payload: bytes) -> None:
    """A hook need not read its input."""
    try:
        stdin.write(payload)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass


async def _bounded(stream: asyncio.StreamReader | aiohttp.StreamReader, most: int) -> bytes | None:
    """Everything, None when it is more than `most` bytes."""
    out = bytearray()
    while chunk := await stream.read(65_536):
        out += chunk
        if len(out) > most:
            return None
    return bytes(out)


async def _head(stream: asyncio.StreamReader, most: int) -> bytes:
    """The first bytes; the rest is read and thrown away, so that the writer does not block."""
    out = bytearray()
    while chunk := await stream.read(65_536):
        out += chunk[: most - len(out)]
    return bytes(out)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The whole process group is killed: a hook leaves nothing running, whether it ended or not."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    # The pipes go first: asyncio waits for their ends, and those of a program that was cut off while it wrote, or whose
    # children left its group, never come (Process has no public way to close them, python/cpython#119710).
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()
