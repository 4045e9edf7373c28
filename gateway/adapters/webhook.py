"""Tells another system about calls that wait for an approval, and checks what it sends back. Both ways are signed:
`x-interlock-signature: v1=` and the hex HMAC-SHA256, with the shared secret, of the timestamp header, a dot, and the body.

Deliveries are tried a few times, a few at a time, and then given up with a line in the log: the approval itself is in the
file, so nothing but the message is lost. Secrets in the call are masked already.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gateway.adapters.approvals import Approval
from gateway.adapters.tasks import TaskSet
from gateway.config.settings import Settings, WebhookConfig
from gateway.errors import ConfigError
from gateway.ports import Clock
from gateway.telemetry import LOG

if TYPE_CHECKING:
    import aiohttp

DELIVERIES_MAX: Final = 100
"""Under way or waiting; more are dropped."""
AT_A_TIME: Final = 4
SKEW_S: Final = 300.0
"""How old a signed answer may be."""
TIMESTAMP: Final = "x-interlock-timestamp"
SIGNATURE: Final = "x-interlock-signature"

_log = logging.getLogger(LOG)


class Webhook:
    """Asks `settings` at each delivery, so a reload is followed. `secret` reads a reference (ConfigError)."""

    def __init__(
        self, settings: Callable[[], Settings], secret: Callable[[str], str], clock: Clock, tasks: TaskSet
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._tasks = tasks
        self._slots = asyncio.Semaphore(AT_A_TIME)
        self._waiting = 0
        self._session: aiohttp.ClientSession | None = None

    def tell(self, approval: Approval) -> None:
        """Never blocks, never raises for what the other side does."""
        hook = self._settings().approvals.webhook
        if hook is None:
            return
        if self._waiting >= DELIVERIES_MAX:
            _log.error("the webhook of approvals is behind: %s is not told", approval.id)
            return
        self._waiting += 1
        self._tasks.spawn(self._deliver(hook, approval), name=f"webhook {approval.id}")

    def signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether the shared secret signed this within SKEW_S; False where no webhook is configured."""
        hook = self._settings().approvals.webhook
        if hook is None or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            return False
        if abs(self._clock.now() - int(timestamp)) > SKEW_S:
            return False
        try:
            wanted = sign(self._secret(hook.secret), timestamp, body)
        except ConfigError as error:
            _log.error("an answer of the webhook cannot be checked: %s", error.text())
            return False
        return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "surrogateescape"))

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _deliver(self, hook: WebhookConfig, approval: Approval) -> None:
        try:
            async with self._slots:
                for attempt in range(hook.attempts):
                    if attempt:
                        await self._clock.sleep(float(2 ** (attempt - 1)))
                    problem = await self._try(hook, message(approval))
                    if problem is None:
                        return
                _log.error("the webhook was not told of %s: %s", approval.id, problem)
        finally:
            self._waiting -= 1

    async def _try(self, hook: WebhookConfig, body: bytes) -> str | None:
        """What went wrong, None if nothing did."""
        import aiohttp

        try:
            timestamp = str(int(self._clock.now()))
            signature = sign(self._secret(hook.secret), timestamp, body)
            if self._session is None:
                self._session = aiohttp.ClientSession(trust_env=False)
            headers = {"content-type": "application/json", TIMESTAMP: timestamp, SIGNATURE: signature}
            limit = aiohttp.ClientTimeout(total=hook.timeout_s)
            async with self._session.post(
                hook.url, data=body, headers=headers, allow_redirects=False, timeout=limit
            ) as answer:
                return None if answer.status < 300 else f"it answered with status {answer.status}"
        except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            return f"{type(error).__name__}: {error}"[:200]
        except ConfigError as error:
            return error.text()


def sign(secret: str, timestamp: str, body: bytes) -> str:
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def message(approval: Approval) -> bytes:
    """What the other side gets."""
    value = {
        "event": "approval.requested",
        "id": approval.id,
        "tool": approval.tool,
        "call": approval.shown,
        "reason": approval.reason,
        "rules": list(approval.rules),
        "key": approval.key_id,
        "session": approval.session,
        "harness": approval.harness,
        "agent": approval.agent,
        "cwd": approval.cwd,
        "created_s": approval.created_s,
        "open_until_s": approval.open_until_s,
        "answer": "/admin/v1/approvals/webhook",
    }
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
