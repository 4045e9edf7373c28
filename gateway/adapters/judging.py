"""What judging tool calls needs beside the policy: the approvals, the audit log, the key of masks, the webhook. Opened when
a policy first comes into force, at the start or with a reload; a gateway that judges nothing opens nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets as entropy
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.approvals import Approval, ApprovalFile, Approvals, Decided, State
from gateway.adapters.audit import AuditLog, Held, Record
from gateway.adapters.hooks import HookRunner
from gateway.adapters.judge import PolicyJudge
from gateway.adapters.releases import Releases
from gateway.adapters.shell_parser import ShellParser
from gateway.adapters.tasks import TaskSet
from gateway.adapters.webhook import Webhook
from gateway.config.names import MASK_KEY
from gateway.config.settings import Settings
from gateway.errors import ConfigError, NotAvailable, StateUnavailable
from gateway.ir.exchange import Exchange
from gateway.ports import Clock, Judge, StateStore
from policies import audit
from policies.compiled import Guard, Policy
from policies.model import Hook
from policies.verdict import ToolCall, Verdict

if TYPE_CHECKING:
    from gateway.adapters.approver import Approver

APPROVALS: Final = "approvals.sqlite"
APPROVAL_MODEL: Final = "approval_model"
"""Folder of the state directory with an auto-approval model trained here; it goes before the one that ships."""
MASK_KEY_BYTES: Final = 32
ANNOUNCED_MAX: Final = 10_000
LOGS_MAX: Final = 64
"""Audit logs beside each other in one folder: one per process that judges at the same time."""


class Judging:
    """`slot` numbers the workers of one gateway, None where there is only one. `secret` reads a reference."""

    def __init__(
        self,
        policy: Callable[[], Policy | None],
        settings: Callable[[], Settings],
        clock: Clock,
        state: StateStore,
        state_dir: Path,
        *,
        hold_s: Callable[[], float],
        secret: Callable[[str], str],
        slot: int | None = None,
        hooks: Callable[[Sequence[Hook]], HookRunner] = HookRunner,
        decided: Callable[[Approval], None] | None = None,
    ) -> None:
        """`hooks` makes the runner of a policy's hooks; `decided` hears of what a person decided."""
        self._policy = policy
        self._settings = settings
        self._clock = clock
        self._state = state
        self._state_dir = state_dir
        self._hold_s = hold_s
        self._slot = slot
        self._hooks = hooks
        self._decided = decided
        self._announced: OrderedDict[str, None] = OrderedDict()
        self._approver: Approver | None = None
        self._parser: ShellParser | None = None
        self._tasks = TaskSet("judging")
        self._starting = asyncio.Lock()
        self._audit: AuditLog | None = None
        self._webhook = Webhook(settings, secret, clock, self._tasks)
        self.approvals: Approvals | None = None
        self._judge: PolicyJudge | None = None
        self._releases: Releases | None = None

    @property
    def releases(self) -> Releases:
        assert self._releases is not None  # started before any runtime with a policy is in force
        return self._releases

    async def judge(self, calls: Sequence[ToolCall], exchange: Exchange) -> Sequence[Verdict]:
        assert self._judge is not None  # started before any runtime with a policy is in force
        return await self._judge.judge(calls, exchange)

    def foresee(self, exchange: Exchange) -> Callable[[], None] | None:
        return self._judge.foresee(exchange) if self._judge is not None else None

    async def start(self, policy: Policy | None = None) -> None:
        """ConfigError when a file cannot be used. Once is enough, but for a policy that comes into force: one in mode auto
        needs what others need not load."""
        async with self._starting:
            policy = policy or self._policy()
            if policy is not None and policy.scores and self._approver is None:
                self._approver = await asyncio.to_thread(_approver, self._state_dir / APPROVAL_MODEL)
                self._approver.warm()
            if self._judge is not None:
                return
            approvals = Approvals(self._state_dir / APPROVALS, self._clock)
            try:
                await approvals.start()
            except StateUnavailable as error:
                raise _unusable(self._state_dir, error) from error
            log = await _opened(self._state_dir, self._slot, self._clock.now)
            mask_key = await asyncio.to_thread(_mask_key, self._state_dir / MASK_KEY)
            self._audit, self.approvals, self._parser = log, approvals, ShellParser()
            self._releases = Releases(
                approvals, log.record, self._webhook.tell, self._clock, self._settings,
                mask_key=mask_key, hold_s=self._hold_s,
            )  # fmt: skip
            self._judge = PolicyJudge(
                self._policy, self._settings, self._clock, self._state, approvals, log.record,
                mask_key=mask_key, hold_s=self._hold_s, parse=self._parser.parse, told=self._webhook.tell,
                hooks=self._hooks, decided=self._announce, approver=lambda: self._approver,
            )  # fmt: skip

    async def flush(self) -> None:
        """Returns when every decision so far is on disk."""
        if self._audit is not None:
            await self._audit.flush()

    def record(self, kind: str, **fields: Any) -> None:
        """Something that is no verdict, for the audit log."""
        if self._audit is not None:
            record: Record = audit.event(kind, self._clock.now(), **fields)
            self._audit.record(record)

    async def aclose(self) -> None:
        await self._tasks.aclose()
        await self._webhook.aclose()
        if self._judge is not None:
            await self._judge.aclose()
        if self._parser is not None:
            self._parser.close()
        if self._approver is not None:
            self._approver.close()
        if self.approvals is not None:
            await self.approvals.aclose()
        if self._audit is not None:
            await self._audit.aclose()

    # --- for people -------------------------------------------------------------------------------------------

    async def listed(self, state: State | None, limit: int) -> Sequence[Approval]:
        return await self._open().listed(state, limit)

    async def find(self, id_: str) -> Approval | None:
        return await self._open().find(id_)

    async def decide(
        self,
        id_: str,
        decision: Decided,
        by: str,
        *,
        note: str = "",
        ttl_s: float | None = None,
        uses: int | None = None,
    ) -> Approval:
        """NotFound, Conflict."""
        done = await self._open().decide(id_, decision, by, note=note, ttl_s=ttl_s, uses=uses)
        self.record(
            "approval", approval=id_, decision=decision, by=by, note=note, digest=done.digest, key=done.key_id,
            session=done.session, tool=done.tool, until=done.until_s, uses=done.uses_left,
        )  # fmt: skip
        self._announce(done)
        return done

    def _announce(self, approval: Approval) -> None:
        """Tells of a decision, once in this process: of one made with the command line when a call meets it."""
        if self._decided is None or approval.id in self._announced:
            return
        self._announced[approval.id] = None
        if len(self._announced) > ANNOUNCED_MAX:
            self._announced.popitem(last=False)
        self._decided(approval)

    def signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether the webhook's other side sent this."""
        return self._webhook.signed(body, timestamp, signature)

    def _open(self) -> Approvals:
        if self.approvals is None:
            raise NotAvailable("no tool call is judged here (policies: []), so nothing waits for an approval")
        return self.approvals


def _approver(trained: Path) -> Approver:
    """Imported here: its words and patterns take 30 ms and 1 MB, which only mode auto shall pay."""
    from gateway.adapters.approver import Approver

    return Approver(trained)


def guard_of(config: Path | None, files: Sequence[Path], state_dir: Path, address: tuple[str, int] | None) -> Guard:
    """What no agent may touch: the configuration and its policies (not write), the state directory (not even read), the
    gateway's address and its processes."""
    own = [str(path.absolute()) for path in ((config,) if config is not None else ())] + [
        str(f.absolute()) for f in files
    ]
    private = (f"{state_dir.absolute()}/**", str(state_dir.absolute()), *Guard().private)
    hosts: list[str] = []
    if address is not None:
        host, port = address
        names = dict.fromkeys((host, "127.0.0.1", "localhost", "[::1]", "0.0.0.0"))
        hosts = [f"{name}:{port}" for name in names]
    return Guard((*Guard().files, *own), private, tuple(hosts), (os.getpid(),))


async def _opened(folder: Path, slot: int | None, now: Callable[[], float]) -> AuditLog:
    """The log of this process. One that another process holds (a second gateway on the same folder, one that drains while
    its successor starts) is left to it: a chain has one writer."""
    name = "audit" if slot is None else f"audit-{slot}"
    for number in range(LOGS_MAX):
        log = AuditLog(folder / (f"{name}.jsonl" if number == 0 else f"{name}.{number}.jsonl"), now)
        with contextlib.suppress(Held):
            await log.start()
            return log
    raise ConfigError(f"{LOGS_MAX} audit logs in {folder} are held by other processes")


def prepare(state_dir: Path, clock: Clock) -> None:
    """Makes what several workers are about to open at the same moment. Blocking. ConfigError."""
    file = ApprovalFile(state_dir / APPROVALS, clock)
    try:
        file.find("")
    except StateUnavailable as error:
        raise _unusable(state_dir, error) from error
    finally:
        file.close()
    _mask_key(state_dir / MASK_KEY)


def _unusable(state_dir: Path, error: StateUnavailable) -> ConfigError:
    return ConfigError(f"{state_dir / APPROVALS} cannot be used: {error.message}; move it away")


def _mask_key(path: Path) -> bytes:
    """Made at the first use, whole or not at all; masks of one value stay the same over restarts."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{entropy.token_hex(8)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(entropy.token_bytes(MASK_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    key = path.read_bytes()
    if len(key) != MASK_KEY_BYTES:
        raise ConfigError(f"{path} does not hold {MASK_KEY_BYTES} bytes: remove it, and a new one is made")
    return key


_: type[Judge] = Judging
