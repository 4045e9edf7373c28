"""Protocols of everything outside the pure core: time, randomness, upstreams, stores, the classifier, the ledger.

Adapters implement them, `gateway.testing` ships fakes, `gateway.app` chooses. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from gateway.errors import Headers
from gateway.ir.exchange import Exchange, Labels, LedgerRow, Seen
from policies.compiled import Policy
from policies.hooks import HookAnswer
from policies.model import Hook
from policies.verdict import Caller as CallCaller
from policies.verdict import ToolCall, Verdict


class Clock(Protocol):
    def now(self) -> float:
        """Unix seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps."""

    async def sleep(self, seconds: float) -> None: ...


class Random(Protocol):
    def uniform(self) -> float:
        """In [0, 1)."""

    def token(self, nbytes: int) -> str:
        """Unguessable lower-case hex of `nbytes` bytes."""


# --- upstream ----------------------------------------------------------------------------------------------------


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. `first_byte_s`: until the response head. `idle_s`: between two reads of the body. `total_s`: the whole
    exchange. (The first *content* limit, `first_token_s`, is watched by the pipeline, which can read events.)"""

    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 300.0
    total_s: float = 3600.0


class UpstreamRequest(msgspec.Struct, frozen=True):
    """`origin` is scheme://host[:port]; `target` path and query. `headers` are complete but for Host, Content-Length and
    Connection, which the client adds. `proxy` is an outbound HTTP proxy URL, `tls_ca` the path of a PEM file with more
    authorities to trust."""

    method: str
    origin: str
    target: str
    headers: Headers
    body: bytes
    timeouts: Timeouts = Timeouts()
    proxy: str | None = None
    tls_ca: str | None = None


Take = Callable[[bytes], bool]
"""Gets body bytes; True: go on. What it raises ends the pouring."""


class PouredBody:
    """A body that can hand its bytes on in the event loop's own callback, without waking a task for each read."""

    __slots__ = ()

    @property
    def complete(self) -> bool:
        """The last byte has arrived: there is nothing to wait for."""
        return False

    async def pour(self, take: Take) -> bool:
        """Gives `take` the bytes as they arrive, until it says stop (False: more may follow, pour again) or the body is at
        its end (True). Errors as those of `UpstreamReply.chunks`, and whatever `take` raises."""
        raise NotImplementedError


def pour(chunks: AsyncIterator[bytes], take: Take) -> Awaitable[bool]:
    """See `PouredBody.pour`; for every kind of body."""
    return chunks.pour(take) if isinstance(chunks, PouredBody) else _drawn(chunks, take)


async def _drawn(chunks: AsyncIterator[bytes], take: Take) -> bool:
    async for chunk in chunks:
        if not take(chunk):
            return False
    return True


class UpstreamReply(Protocol):
    """Header names are lower-case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Body bytes, transfer- and content-decoded, back-pressured. Ends normally only at a complete body; a cut one
        raises UpstreamProtocol, silence UpstreamTimeout."""

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body; over the limit UpstreamProtocol."""

    async def aclose(self) -> None:
        """Idempotent. Returns the connection to the pool only after a complete body; otherwise aborts it at once."""


class Upstream(Protocol):
    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        """Returns at the response head, whatever its status. UpstreamConnect, UpstreamTimeout, UpstreamProtocol."""

    async def aclose(self) -> None: ...


# --- stores ------------------------------------------------------------------------------------------------------


class StateStore(Protocol):
    """Small shared state with time to live: sessions, sticky bindings, reasoning, stored responses, breaker counts.

    Keys are scoped by the caller of this port (`ns` is a fixed word, `key` never a bearer token). Values at most 4 MiB.
    Memory, SQLite and Redis implementations answer one test suite."""

    async def get(self, ns: str, key: str) -> bytes | None: ...

    async def get_many(self, ns: str, keys: Sequence[str]) -> list[bytes | None]:
        """In the order of `keys`; one round trip."""

    async def put(self, ns: str, key: str, value: bytes, ttl_s: float) -> None: ...

    async def put_many(self, ns: str, items: Mapping[str, bytes], ttl_s: float) -> None: ...

    async def put_if_absent(self, ns: str, key: str, value: bytes, ttl_s: float) -> bool: ...

    async def delete(self, ns: str, key: str) -> bool: ...

    async def add(self, ns: str, key: str, amount: int, ttl_s: float) -> int:
        """Adds to a counter (created at 0) and returns the sum; the time to live is set at creation only."""

    async def aclose(self) -> None: ...


class Ledger(Protocol):
    """One row per call, never lost once `record` returned."""

    def opened(self, request_id: str, look: Callable[[], LedgerRow], /) -> None:
        """A call is under way. `look` gives the row it would leave if the process died now; it may be asked at any time, in
        another thread, until the row is recorded."""

    def record(self, row: LedgerRow) -> None:
        """Queues the row; never blocks the event loop. A full queue is an error that the adapter logs and counts."""

    def saw(self, outcome: Seen) -> None:
        """Queues what was seen of an earlier decision's outcome; never blocks. The same one twice is kept once."""

    async def flush(self) -> None:
        """Returns when everything recorded so far is durable."""

    async def aclose(self) -> None: ...


class Caller(msgspec.Struct, frozen=True):
    """Who asks. `key_id` is the public id of the key ("anonymous" when none is needed); never the secret. Empty
    `models`/`lanes` mean all. `expires_s` Unix seconds."""

    key_id: str
    name: str = ""
    models: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    expires_s: float | None = None


class Keys(Protocol):
    """API keys, read from an in-memory snapshot that is refreshed in the background."""

    def required(self) -> bool:
        """Keys exist, so one must be shown even on loopback."""

    def find(self, secret: str) -> Caller | None:
        """None for an unknown, revoked or expired key. Constant work, no I/O."""

    def approver(self, secret: str) -> Caller | None:
        """The same for keys that may decide on approvals; no key is both."""


class Classifier(Protocol):
    """Labels a request. Runs off the event loop when it costs more than 50 µs."""

    version: str

    async def label(self, exchange: Exchange, *, fresh: bool = True) -> Labels:
        """`fresh` False: where a turn only goes on with its session's work, the scores may be those of a few turns ago."""


class Judge(Protocol):
    """The policy engine with its hooks, approvals and classifier. No judge: every call passes, at no cost."""

    async def judge(self, calls: Sequence[ToolCall], exchange: Exchange) -> Sequence[Verdict]:
        """One verdict per call, in order. The calls of one turn that became complete together. An `ask` comes with the words
        that the model shall read (the ticket) as its `reason`."""

    def foresee(self, exchange: Exchange) -> Callable[[], None] | None:
        """What to call when a call begins in the reply to this request, so that what judging it will need can be prepared
        meanwhile. None where there is nothing to prepare, and then nothing is paid."""


class Hooks(Protocol):
    """Runs the hooks of a policy. The pipeline asks only where a point has some (`Runtime.hooks`)."""

    async def ask(self, policy: Policy, hook: Hook, payload: bytes, caller: CallCaller) -> HookAnswer:
        """Bounded by the hook's own limits; never raises for what a hook does. What it said is in the audit log."""

    def tell(self, policy: Policy, hooks: Sequence[Hook], payload: bytes, caller: CallCaller) -> None:
        """For points that only watch: queued, never blocks; what does not fit in the queue is dropped and counted."""


class Release(msgspec.Struct, frozen=True):
    """What a person said about sending something out. `ticket` is the approval's id, `why` says what keeps the answer."""

    state: Literal["granted", "denied", "open"]
    ticket: str = ""
    why: str = ""


class LeakDesk(Protocol):
    """Where masks get their key, people are asked what may go out, and what was kept back is written down."""

    @property
    def mask_key(self) -> bytes: ...

    async def released(
        self, exchange: Exchange, policy: Policy, model: str, masks: Sequence[str], kinds: Mapping[str, int]
    ) -> Release:
        """Whether the values behind the masks may go to the model. Waits where the policy holds; else at once."""

    def told(self, action: str, exchange: Exchange, model: str, masks: Sequence[str], kinds: Mapping[str, int]) -> None:
        """For the audit log; never blocks."""


class TokenCounter(Protocol):
    """Local token estimates. `ready` is False until the ranks are loaded; until then bytes/4 is answered."""

    ready: bool

    async def count(self, texts: Sequence[bytes]) -> int:
        """Tokens of the texts together; memoised by content digest, computed off the event loop."""


class Health(Protocol):
    """What is known of endpoints: breakers and cool-downs, from memory."""

    def status(self, model: str) -> tuple[bool, str]:
        """(may be called now, why not)."""

    def started(self, model: str) -> int:
        """A call begins. What it probes of an ill endpoint, 0 for an ordinary call: to be handed back to `ended`."""

    def ended(self, model: str, outcome: Literal["success", "failure", "neutral"], *, probe: int) -> None: ...

    def cooled(self, model: str, retry_after_s: float) -> None:
        """The upstream asked to be left alone."""


class Sink(Protocol):
    """The client's side of one request. Writes are serialised by the implementation."""

    @property
    def started(self) -> bool:
        """Status and headers are out."""

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None: ...

    async def write(self, data: bytes) -> None:
        """Returns when the client may be sent more (back-pressure)."""

    def push(self, data: bytes) -> Awaitable[None] | None:
        """`write` without a task where the client takes the bytes at once: None. Otherwise what to await before anything
        else is written."""

    async def finish(self, last: bytes = b"") -> None:
        """The proper end of a stream, `last` before it, in one write."""

    async def whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Start, write and finish at once, with a Content-Length."""

    def abort(self) -> None:
        """The connection must be cut without a proper ending: some harnesses only retry after that."""


class PriceBook(Protocol):
    """List prices, loaded in the background. `loading`: that has begun and is not over."""

    version: str
    loading: bool

    async def ready(self) -> None:
        """Returns when loading, if it has begun, is over: no call of the first second is booked as unpriced."""

    def rates(self, price_id: str, model: str, at_s: float, input_tokens: int) -> Rates | None:
        """USD per million tokens for a call at that time with that much input (some vendors have tiers by size and by
        hour); None: unknown model."""


class Rates(msgspec.Struct, frozen=True):
    """USD per million tokens. A None falls back as `gateway.accounting.cost` says."""

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
