"""The loop guard: a harness that sends the same turn again and again gets one clear stop text.

clients.md section 4 shows real ones: OpenCode repeated a finished answer 48 times in 45 s. Only turns that were answered
count, so honest retries after errors never trip it; and only callers that are agents (a known harness or an explicit session
id), because an evaluation script may well ask one question a hundred times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.sessions.state import SessionState
from gateway.wire.digest import feed

TAIL = 2
"""Last messages that name a turn, together with the number of messages and their total size, which the caller may have: work
in proportion to what is new."""


def turn_digest(messages: Sequence[bytes | memoryview], model: str, messages_bytes: int | None = None) -> str:
    """Names a conversation as it stands. Equal for byte-equal repeats; different as soon as anything was added.

    `messages_bytes` is their total size, for a caller who has it already."""
    if messages_bytes is None:
        messages_bytes = sum(map(len, messages))
    digest = hashlib.blake2b(f"{model}|{len(messages)}|{messages_bytes}|".encode(), digest_size=12)
    for message in messages[-TAIL:]:
        feed(digest, message)
    return digest.hexdigest()


def looping(state: SessionState, digest: str, *, now_s: float, repeats: int, window_s: float) -> bool:
    return digest == state.turn_digest and state.repeats >= repeats and now_s - state.repeat_since_s <= window_s


def stop_text(repeats: int) -> str:
    return (
        f"Interlock stopped a loop: this very turn was sent and answered {repeats} times in a row in this session. "
        "The client seems to ignore the answer. Change the request, start a new session, or raise loop_guard.repeats "
        "in interlock.yaml."
    )
