"""The reasoning ledger: which vendor minted which thinking block, and what to do about it on the next request.

Vendors seal reasoning: Anthropic signs thinking blocks and refuses foreign or altered ones with 400, OpenAI encrypts
reasoning items for one organisation, DeepSeek demands the plain `reasoning_content` of its own tool turns back. Clients drop
or replay them as they like, and a routed session changes vendors. So every block that passes is remembered under its seal
and under the tool calls of its turn; on a request the ledger decides, for one target, what to withhold and what to restore
(gateways.md group 3B).

Pure: the pipeline loads the entries that `keys_needed` names and stores what `entries` returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.dialects.contract import SeenReasoning
from gateway.ir.profile import Profile
from gateway.ir.request import Message, Reasoning, ToolCall

STAND_IN = (Reasoning(),)
"""An empty trace, where a vendor demands one and none is known (DeepSeek accepts an empty string)."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered: who minted it, and the blocks themselves when it is filed under a tool call."""

    mint: str
    blocks: tuple[Reasoning, ...] = ()


_decoder = msgspec.msgpack.Decoder(Entry)
_encoder = msgspec.msgpack.Encoder()


def load(raw: bytes | None) -> Entry | None:
    if raw is None:
        return None
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError:
        return None


def dump(entry: Entry) -> bytes:
    return _encoder.encode(entry)


def seal_key(seal: str) -> str:
    return "s:" + hashlib.blake2b(seal.encode(), digest_size=16).hexdigest()


def call_key(tool_call_id: str) -> str:
    return "c:" + hashlib.blake2b(tool_call_id.encode(), digest_size=16).hexdigest()


def entries(
    mint: str, blocks: Sequence[Reasoning], tool_call_ids: Iterable[str], *, bytes_max: int
) -> dict[str, Entry]:
    """What to remember of one reply: each seal's mint, and the turn's blocks under each of its tool calls, unless they are
    longer than `bytes_max` together (then the turn is not restored)."""
    if not blocks:
        # A tool turn without reasoning is remembered too: its minter will not miss what it never said.
        return {call_key(i): Entry(mint) for i in tool_call_ids}
    found: dict[str, Entry] = {}
    for block in blocks:
        seal = block.signature or block.encrypted
        if seal:
            found[seal_key(seal)] = Entry(mint)
    size = sum(_bytes(b) for b in blocks)
    if size <= bytes_max:
        for call_id in tool_call_ids:
            found[call_key(call_id)] = Entry(mint, tuple(blocks))
    return found


def _bytes(block: Reasoning) -> int:
    return sum(
        len(text.encode()) for text in (block.text, *block.summary, block.signature or "", block.encrypted or "")
    )


def keys_needed(seen: Sequence[SeenReasoning]) -> list[str]:
    """Store keys that `decide` wants to see, each once, in order."""
    keys: dict[str, None] = {}
    for trace in seen:
        if trace.seal:
            keys[seal_key(trace.seal)] = None
        for call_id in trace.tool_call_ids[:1]:
            keys[call_key(call_id)] = None
    return list(keys)


@dataclass(frozen=True, slots=True)
class Decision:
    """`drop` are paths of traces to withhold; `restore` the blocks to put into a message. Empty: leave the bytes alone."""

    drop: tuple[tuple[int, int], ...] = ()
    restore: Mapping[int, tuple[Reasoning, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.drop) or bool(self.restore)


def decide(
    seen: Sequence[SeenReasoning], known: Mapping[str, Entry], *, mint: str, profile: Profile, mints: Sequence[str]
) -> Decision:
    """What to do about each trace when the request goes to a target whose reasoning is minted by `mint`.

    - a sealed trace that someone else minted is withheld; one that nobody here remembers is kept only if this target is
      the only minter the session has seen (a session resumed after the gateway's memory was lost);
    - an unsealed trace is withheld where seals are verified; where reasoning is plain text it is kept if this mint made it,
      or if nobody here remembers it and the session has seen no other minter;
    - a tool turn without reasoning gets its own back if this mint made it and the profile echoes, verifies or decrypts;
      where an echo is demanded and the turn was another vendor's, an empty trace stands in (a 400 otherwise).
    """
    drop: list[tuple[int, int]] = []
    restore: dict[int, tuple[Reasoning, ...]] = {}
    for turn in _turns(seen):
        calls = turn[0].tool_call_ids
        entry = known.get(call_key(calls[0])) if calls else None
        gone = [t for t in turn if not t.missing and _withheld(t, known, entry, mint, profile, mints)]
        blocks = _to_restore(entry, mint, profile) if calls and (gone or turn[0].missing) else None
        if blocks is not None and (blocks != STAND_IN or len(gone) == len(turn) or turn[0].missing):
            # What is restored is the whole turn's: whatever is left of it would stand there twice.
            restore[turn[0].path[0]] = blocks
            gone = [t for t in turn if not t.missing] if blocks != STAND_IN else gone
        drop += [t.path for t in gone]
    return Decision(tuple(drop), restore)


def _turns(seen: Sequence[SeenReasoning]) -> list[list[SeenReasoning]]:
    """Traces of one assistant turn together: they name at least one tool call in common. One without calls is alone."""
    turns: list[list[SeenReasoning]] = []
    for trace in seen:
        if turns and not set(trace.tool_call_ids).isdisjoint(turns[-1][0].tool_call_ids):
            turns[-1].append(trace)
        else:
            turns.append([trace])
    return turns


def _withheld(
    trace: SeenReasoning,
    known: Mapping[str, Entry],
    entry: Entry | None,
    mint: str,
    profile: Profile,
    mints: Sequence[str],
) -> bool:
    sealing = profile.verifies_signatures or profile.encrypted_reasoning
    if trace.seal:
        by_seal = known.get(seal_key(trace.seal))
        if by_seal is not None:
            return by_seal.mint != mint
        return not sealing or any(m != mint for m in mints)
    if sealing:
        return True
    return entry.mint != mint if entry is not None else any(m != mint for m in mints)


def _to_restore(entry: Entry | None, mint: str, profile: Profile) -> tuple[Reasoning, ...] | None:
    ours = entry is not None and entry.mint == mint
    if profile.echo_reasoning == "tool_turns":
        return entry.blocks if entry is not None and ours and entry.blocks else STAND_IN
    takes = profile.verifies_signatures or profile.encrypted_reasoning or profile.echo_reasoning == "optional"
    return entry.blocks if entry is not None and ours and entry.blocks and takes else None


def seen_in(messages: Sequence[Message]) -> list[SeenReasoning]:
    """The same facts as `Dialect.seen_reasoning`, read off the neutral form: paths are (message, part) indices."""
    found: list[SeenReasoning] = []
    for i, message in enumerate(messages):
        if message.role != "assistant":
            continue
        calls = tuple(p.id for p in message.parts if isinstance(p, ToolCall))
        traces = [(j, p) for j, p in enumerate(message.parts) if isinstance(p, Reasoning)]
        found += [SeenReasoning((i, j), p.signature or p.encrypted, calls) for j, p in traces]
        if calls and not traces:
            found.append(SeenReasoning((i, -1), None, calls, missing=True))
    return found


def apply(messages: Sequence[Message], decision: Decision) -> tuple[Message, ...]:
    """The messages with the decision carried out; an assistant message left empty is dropped."""
    if not decision:
        return tuple(messages)
    gone = set(decision.drop)
    out: list[Message] = []
    for i, message in enumerate(messages):
        parts = tuple(p for j, p in enumerate(message.parts) if (i, j) not in gone)
        parts = (*decision.restore.get(i, ()), *parts)
        if parts or message.role != "assistant":
            out.append(Message(message.role, parts, message.name))
    return tuple(out)
