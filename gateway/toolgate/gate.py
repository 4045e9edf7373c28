"""The gate: holds tool calls until each is complete and ruled on. Text passes.

A pure state machine: `feed` returns what may go on; when `need` is not empty somebody has to answer it with `resolve` before
anything else is fed. A call can leave in one way only: through `resolve`, or refused at a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gateway.errors import UpstreamProtocol
from gateway.ir.events import Delta, Event
from gateway.ir.request import Tool
from gateway.toolgate.calls import Calls
from gateway.toolgate.mend import Mender
from gateway.toolgate.refusal import refused, ruling, unless_retried
from gateway.toolgate.values import DEFAULT_MANNER, Complete, Item, Manner, Ruling, TurnRefused, denied
from policies.verdict import ToolCall, Verdict


class Gate:
    """One stream. `need`: calls that wait for a verdict, in their order. `rulings`: where all that were made are noted."""

    def __init__(
        self,
        mender: Mender,
        rulings: list[Ruling] | None = None,
        *,
        manner: Manner = DEFAULT_MANNER,
        names: frozenset[str] | None = None,
        known: Mapping[str, Tool] | None = None,
        begun: Callable[[], None] | None = None,
    ) -> None:
        self._mender = mender
        self._manner = manner
        self._calls = Calls(names, known, begun)
        self._held: list[Item] = []
        self._held_bytes = 0
        self._over = ""
        self._over_bytes = 0
        self._asked: dict[int, Complete] = {}
        self._refused: dict[int, Ruling] = {}
        self.need: tuple[ToolCall, ...] = ()
        self.rulings: list[Ruling] = rulings if rulings is not None else []
        self._sent = False
        self._ruled_on = False
        self._latest: tuple[int, frozenset[int]] = -1, frozenset()

    @property
    def holding(self) -> bool:
        return bool(self._held)

    @property
    def watching(self) -> bool:
        """Even an event that is plain text must be fed."""
        return self._mender.edits or (self._mender.ordered and bool(self._held))

    @property
    def engaged(self) -> bool:
        """A call is held or was ruled on, or the reply is being edited: every event must be fed."""
        return bool(self._ruled_on or self._held or self._refused or self._calls.any_open) or self._mender.edits

    def spoke(self) -> None:
        """Text went by."""
        self._mender.spoken = True

    # --- what comes ---------------------------------------------------------------------------------------------------

    def feed(self, raw: bytes, events: Sequence[Event], *, pieces: bool, calls_open: int) -> bytes:
        """One raw event and what it means. `pieces`: it holds something of a call, whatever its events say; `calls_open`:
        how many calls have begun and not ended after it. PolicyDenied, UpstreamProtocol."""
        blocks: set[int] = set()
        for event in events:
            block = self._calls.feed(event)
            if block >= 0:
                blocks.add(block)
            elif isinstance(event, Delta):
                self._mender.spoken = True
        if not pieces and not blocks:
            if not self._held or not self._mender.ordered:
                return self._mender.passed(raw, events)
        elif not self._held and not blocks and not calls_open:
            return self._mender.passed(raw, events)  # one more copy of a call that was ruled on; decoders compare them
        self._hold(Item(raw, events, frozenset(blocks), pieces or bool(blocks)))
        return b"" if calls_open or self._calls.any_open else self._complete()

    @property
    def room(self) -> int:
        """Bytes that may be held beside those that are."""
        return self._manner.held_bytes - self._held_bytes if not self._over else 0

    def more(self, raw: bytes, index: int, text: str) -> None:
        """Further pieces of an open call, several events at once."""
        self._calls.more(index, text)
        if index != self._latest[0]:
            self._latest = index, frozenset((index,))
        item = Item(raw, (), self._latest[1], True, True)
        self._held_bytes += len(raw)
        if self._over or self._held_bytes > self._manner.held_bytes:
            self._held_bytes -= len(raw)
            self._hold(item)
        else:
            self._held.append(item)

    def expire(self) -> None:
        """The calls under way have taken too long: whatever they will be, they are refused."""
        if self._held:
            self._give_up(f"it was not complete within {self._manner.held_s:g} s")

    def _hold(self, item: Item) -> None:
        self._held_bytes += len(item.raw)
        if self._held_bytes > self._manner.held_bytes:
            self._give_up(f"it is larger than {self._manner.held_bytes} bytes")
        if not self._over:
            self._held.append(item)
        elif not item.spare:
            self._over_bytes += len(item.raw)
            if self._over_bytes > self._manner.held_bytes:
                raise UpstreamProtocol("too much of the reply waits behind a tool call that does not end")
            self._held.append(item)

    def _give_up(self, why: str) -> None:
        """From here on only the frame of the calls is kept."""
        if not self._over:
            self._over = why
            self._over_bytes = 0
            self._calls.dropping = True
            self._held = [item for item in self._held if not item.spare]

    def _complete(self) -> bytes:
        found = self._calls.take()
        if not found:
            if self._refused:
                return b""
            raise UpstreamProtocol("pieces of a tool call that never became one")
        if self._over:
            return self._settle({block: refused(told, self._over, self._manner) for block, told in found.items()})
        self._asked = found
        self.need = tuple(told.call for told in found.values())
        return b""

    # --- what is decided ----------------------------------------------------------------------------------------------

    def resolve(self, verdicts: Sequence[Verdict], *, fresh: bool) -> bytes:
        """The verdicts on `need`, in its order. `fresh`: nothing of the reply has reached the client. PolicyDenied."""
        if len(verdicts) != len(self._asked):
            return self.give_up("the judge did not answer for every call")
        told = zip(self._asked.items(), verdicts, strict=True)
        return self._ruled({block: ruling(call, verdict, self._manner) for (block, call), verdict in told}, fresh)

    def give_up(self, why: str) -> bytes:
        """No verdict came: the calls are refused."""
        return self._ruled({block: refused(call, why, self._manner) for block, call in self._asked.items()}, False)

    def _ruled(self, made: dict[int, Ruling], fresh: bool) -> bytes:
        self._asked, self.need = {}, ()
        if fresh and not self._sent and all(told.form == "retry" for told in made.values()):
            self._refused |= made  # kept: the rest of the turn may be refused as well
            return b""
        return self._settle(made)

    def end(self, *, fresh: bool) -> bytes:
        """The reply is over. TurnRefused if the model may be asked again."""
        if self._refused and fresh:
            raise TurnRefused(list(self._refused.values()))
        return self._settle({}) if self._held else b""

    def ended(self, raw: bytes) -> bytes:
        """The last event of the stream as the client gets it."""
        return self._mender.ended(raw)

    def _settle(self, made: dict[int, Ruling]) -> bytes:
        self._ruled_on = True
        made = dict(sorted((self._refused | made).items()))
        made = {block: unless_retried(told, self._manner) for block, told in made.items()}
        held, self._held, self._refused = self._held, [], {}
        self._held_bytes, self._over, self._calls.dropping = 0, "", False
        self.rulings += made.values()
        self._sent = self._sent or any(not told.gone for told in made.values())
        for told in made.values():
            if told.form == "error":
                raise denied(told)
        return self._mender.settled(held, made)
