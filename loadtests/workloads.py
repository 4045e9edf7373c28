"""The workloads: what is sent, how much of it, what the answer must hold, and the target that the project set itself.

Data and small pure functions. The targets are CPU time as a multiple of nginx proxying the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from loadtests import bodies

Per = Literal["request", "event", "session"]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a workload one cell runs: for `seconds`, or `requests` of them."""

    seconds: float = 0.0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    about: str
    model: str
    """Name that tells the mock what to answer."""
    body: Callable[[str, int], list[bytes]]
    """(model, seed) -> bodies; the seed is new in each round, so that no gateway knows the conversation already."""
    marks: int
    """Deltas of one answer that hold a mark."""
    concurrency: int
    full: Amount
    quick: Amount | None = None
    """None: not a part of the quick run."""
    sse: bool = False
    per: Per = "request"
    target: float | None = None
    """Most CPU, as a multiple of nginx."""
    sequence: bool = False
    timeout_s: float = 60.0

    def words(self, amount: Amount) -> list[str]:
        """Options of the load generator."""
        made = ["--marks", str(self.marks), "--timeout", str(self.timeout_s)]
        made += ["--sse"] if self.sse else []
        if self.sequence:
            return [*made, "--sequence", "--pause-ms", "2"]
        made += ["--concurrency", str(self.concurrency)]
        return [
            *made,
            *(["--requests", str(amount.requests)] if amount.requests else ["--seconds", str(amount.seconds)]),
        ]

    def units(self, complete: int, amount: Amount) -> float:
        """What the CPU time of a cell is divided by: requests, deltas, or whole sessions."""
        if self.per == "event":
            return complete * self.marks
        return max(1, amount.requests) if self.per == "session" and complete else complete


def _small(model: str, seed: int) -> list[bytes]:
    return [bodies.small(model, seed=seed)]


def _stream(model: str, seed: int) -> list[bytes]:
    return [bodies.small(model, stream=True, seed=seed)]


ASKS: Final = 240


def _json(
    name: str, about: str, body: Callable[[str, int], list[bytes]], c: int, target: float | None, quick: bool
) -> Workload:
    return Workload(
        name, about, "bench-json", body, 10, c, Amount(seconds=3), Amount(seconds=0.8) if quick else None, target=target
    )


WORKLOADS: Final = (
    _json("small_c1", "0.9 KB body, JSON answer, 1 at a time", _small, 1, None, False),
    _json("small_c16", "0.9 KB body, JSON answer, 16 at a time", _small, 16, 6.0, True),
    _json("small_c64", "0.9 KB body, JSON answer, 64 at a time", _small, 64, None, False),
    _json("small_c256", "0.9 KB body, JSON answer, 256 at a time", _small, 256, None, False),
    _json("medium_c16", "30 KB body, 8 tools, 12 messages", lambda m, s: [bodies.medium(m, seed=s)], 16, 6.0, True),
    _json("large_c4", "260 KB body, 20 tools, 60 messages", lambda m, s: [bodies.large(m, seed=s)], 4, 7.0, True),
    Workload(
        "asks", f"{ASKS} different questions of 0.9 KB, each asked once, 4 at a time", "bench-json",
        lambda m, s: [bodies.small(m, seed=s * ASKS + n) for n in range(ASKS)], 10, 4, Amount(requests=ASKS),
    ),
    Workload(
        "burst", "200 deltas back to back, 16 streams", "bench-burst", _stream, 200, 16,
        Amount(seconds=3), Amount(seconds=0.8), sse=True, per="event", target=2.5,
    ),
    Workload(
        "stream_c1", "200 deltas 5 ms apart, 1 stream", "bench-paced", _stream, 200, 1,
        Amount(requests=4), sse=True, per="event",
    ),
    Workload(
        "stream_c8", "200 deltas 5 ms apart, 8 streams", "bench-paced", _stream, 200, 8,
        Amount(requests=32), Amount(requests=16), sse=True, per="event", target=3.0,
    ),
    Workload(
        "tool_c8", "a tool call, 50 argument deltas 5 ms apart, 8 streams", "bench-tool",
        lambda m, s: [bodies.tool_call(m, seed=s)], 50, 8,
        Amount(requests=96), Amount(requests=32), sse=True, per="event", target=4.0,
    ),
    Workload(
        "session", "40 turns, bodies of 15 to 410 KB, each reply a call or a text in 40 deltas",
        "bench-turn", lambda m, s: bodies.session(m, seed=s),
        bodies.TURN_PARTS, 1, Amount(requests=5), Amount(requests=4), sse=True, per="session", target=4.0, sequence=True,
    ),
)  # fmt: skip

SLOW: Final = Workload(
    "slow_1000", "1,000 streams at once, 20 deltas 500 ms apart", "bench-slow", _stream, 20, 1000,
    Amount(requests=1000), sse=True, per="event", timeout_s=30.0,
)  # fmt: skip
SLOW_SHORT: Final = Workload(
    "slow_1000", "1,000 streams at once, 6 deltas 500 ms apart", "bench-slow-short", _stream, 6, 1000,
    Amount(requests=1000), sse=True, per="event", timeout_s=20.0,
)  # fmt: skip
SOAK: Final = Workload(
    "soak", "20,000 small requests, 16 at a time", "bench-json", _small, 10, 16, Amount(requests=20_000)
)

SLOW_TARGET_KIB: Final = 25.0
"""Most resident memory of one slow stream."""
AUTO_ASK_TARGET_MS: Final = 1.0
"""Most CPU that `auto` adds to a turn with a new human ask (off the event loop)."""
AUTO_TOOL_TARGET_MS: Final = 0.05
"""Most CPU that `auto` adds to a turn that brings a tool's result."""
START_TARGET_S: Final = 2.0
IDLE_TARGET_MIB: Final = 150.0

MODELS: Final = (
    "bench-json",
    "bench-burst",
    "bench-paced",
    "bench-tool",
    "bench-slow",
    "bench-slow-short",
    "bench-turn",
)


def by_name(name: str) -> Workload:
    """ValueError, naming what there is, for an unknown one."""
    for workload in (*WORKLOADS, SLOW, SOAK):
        if workload.name == name:
            return workload
    raise ValueError(f"no workload {name!r}; there are: {', '.join(w.name for w in (*WORKLOADS, SLOW, SOAK))}")
