"""The misbehaving upstream of a schedule: speaks three dialects at any address, over whatever transport it is given.

Every answer is marked: the words of attempt 7 are `a7w0 a7w1 ...`, so whoever reads them knows which answer they belong to
and whether any are missing. What an attempt is made of depends on (seed, ask, number of the attempt for that ask) only, not
on the order in which concurrent requests arrive, so that a schedule can be cut down without changing the rest.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from gateway.testing.scripted import chat, messages, responses
from gateway.testing.scripted.asked import read
from gateway.testing.scripted.faults import parse
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.sse import frame
from gateway.testing.scripted.turns import Call, Part, Text, Thinking, Tokens, Turn
from gateway.testing.scripted.vendor_errors import answer, html_502, of_fault
from tests.faults import accidents
from tests.faults.answers import Flood, Good, Pause, Played, Reset, framed

RENDER = {"chat": chat, "messages": messages, "responses": responses}
ENDS = {"/chat/completions": "chat", "/messages": "messages", "/responses": "responses"}
STATUSES = ("500", "503", "529", "429ra:0.5", "429ra:3", "429ra:40", "429quota", "401", "404model", "400ctx", "html502")
ASK = re.compile(rb"ask-(\d+)-")
WIDE = ("größe", "大丈夫", "🚀", "naïve", "café")


@dataclass
class Attempt:
    """One request that reached the upstream, and what it was answered. Times on the loop's clock."""

    number: int
    ask: int
    nth: int
    request_id: str
    dialect: str
    stream: bool
    turn: Turn
    tokens: Tokens
    played: Played
    began_s: float
    complete: bool = False
    """All of it was written."""
    ended_s: float | None = None
    written: int = 0
    kept: bool = False

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.turn.parts if isinstance(part, Text))

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(part.name, part.arguments_text) for part in self.turn.parts if isinstance(part, Call)]


def words(mark: str, rng: random.Random, count: int) -> str:
    return "".join(f"{mark}{n}{' ' + rng.choice(WIDE) if rng.random() < 0.2 else ''} " for n in range(count))


def turn_of(number: int, rng: random.Random, *, tools: bool) -> Turn:
    """A random turn. Big ones are rare: most accidents show on small answers."""
    size = rng.choices([1, 6, 30, 400], [2, 6, 4, 0.4])[0]
    text = Text(words(f"a{number}w", rng, size))
    calls = [
        Call("write", {"path": f"a{number}c{n}.py", "content": words(f"a{number}x", rng, rng.choice([1, 8]))})
        for n in range(rng.choice([1, 1, 2]))
    ]
    thinking = Thinking(words(f"a{number}t", rng, 5))
    kinds: list[tuple[Part, ...]] = [(text,), (thinking, text)]
    if tools:
        kinds += [(*calls,), (text, *calls), (thinking, text, *calls)]
    parts = rng.choice(kinds)
    finish = "length" if len(parts) == 1 and parts[0] is text and rng.random() < 0.1 else None
    return Turn(parts=parts, finish=finish)


def good_answer(dialect: str, body: dict[str, Any], turn: Turn, tokens: Tokens, seed: int) -> Good:
    asked = read(dialect, body)  # type: ignore[arg-type]
    memory, fault = Memory(seed=seed), parse(None)
    turn = Turn(parts=tuple(_with_id(part, memory, dialect) for part in turn.parts), finish=turn.finish)
    own: Any = RENDER[dialect]
    if not asked.stream:
        whole = own.whole(asked, turn, tokens, memory, "plain", fault)
        return Good(dialect, False, 200, ((b"content-type", b"application/json"),), (whole,))
    labelled = list(own.stream(asked, turn, tokens, memory, "plain", fault))
    labels = [label for label, _ in labelled]
    return Good(
        dialect,
        True,
        200,
        ((b"content-type", b"text/event-stream; charset=utf-8"),),
        tuple(frame(data, dialect, fault) for _, data in labelled),  # type: ignore[arg-type]
        tuple(n for n, label in enumerate(labels) if label in ("text", "thinking", "arguments")),
        tuple(n for n, label in enumerate(labels) if label == "arguments"),
        labels.index("finish" if "finish" in labels else "done"),
    )


def _with_id(part: Part, memory: Memory, dialect: str) -> Part:
    if not isinstance(part, Call):
        return part
    return Call(part.name, part.arguments, id=memory.mint("toolu_01" if dialect == "messages" else "call_"))


@dataclass
class Line:
    """A connection as the upstream sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lost: asyncio.Event


class _Protocol(asyncio.StreamReaderProtocol):
    def __init__(self, vendor: Vendor) -> None:
        loop = asyncio.get_running_loop()
        self._line_reader = asyncio.StreamReader(limit=1 << 20, loop=loop)
        self.gone = asyncio.Event()
        super().__init__(self._line_reader, self._begun, loop=loop)
        self._vendor = vendor

    async def _begun(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._vendor.serve(Line(reader, writer, self.gone))

    def eof_received(self) -> bool | None:
        self.gone.set()  # a client of HTTP that closes its half has gone
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        super().connection_lost(exc)


@dataclass
class Vendor:
    """`scale` shortens all silences (real time); `only` names the accidents of given attempts {(ask, nth): name}; `calm`:
    nothing ever goes wrong."""

    seed: str
    scale: float = 1.0
    calm: bool = False
    only: dict[tuple[int, int], str] = field(default_factory=dict)
    statuses: float = 0.12
    attempts: list[Attempt] = field(default_factory=list)
    lines: set[asyncio.Task[Any]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def protocol(self) -> asyncio.BaseProtocol:
        return _Protocol(self)

    async def serve(self, line: Line) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.lines.add(task)
        try:
            while await self._exchange(line):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.lines.discard(task)
            line.writer.close()

    async def _exchange(self, line: Line) -> bool:
        first = await line.reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", first.lower())
        body = await line.reader.readexactly(int(found[1]) if found else 0)
        attempt = self._attempt(first, body)
        try:
            keep = await self._play(attempt, line)
        finally:
            attempt.ended_s = asyncio.get_running_loop().time()
        attempt.kept = keep
        return keep

    def _attempt(self, first: bytes, body: bytes) -> Attempt:
        path = first.split(b" ")[1].decode().partition("?")[0]
        dialect = next(name for end, name in ENDS.items() if path.endswith(end))
        found = ASK.search(body)
        ask = int(found[1]) if found else -1
        nth = sum(a.ask == ask for a in self.attempts)
        number = len(self.attempts)
        rng = random.Random(f"{self.seed}/{ask}/{nth}")
        decoded = json.loads(body)
        turn = turn_of(number, rng, tools=bool(decoded.get("tools")))
        tokens = Tokens(input=rng.randint(50, 5000), output=rng.randint(1, 3000))
        good = good_answer(dialect, decoded, turn, tokens, number)
        played = self._damaged(rng, good, ask, nth, dialect)
        named = dict(re.findall(rb"\r\n([^:\r]+): ([^\r]*)", first))
        attempt = Attempt(
            number, ask, nth, named.get(b"x-request-id", b"").decode(), dialect, good.stream, turn, tokens, played,
            asyncio.get_running_loop().time(),
        )  # fmt: skip
        self.attempts.append(attempt)
        return attempt

    def _damaged(self, rng: random.Random, good: Good, ask: int, nth: int, dialect: str) -> Played:
        name = self.only.get((ask, nth))
        if name is None and rng.random() < self.statuses and not self.calm:
            name = rng.choice(STATUSES)
        if name in STATUSES:
            chosen = parse(name)
            complaint = of_fault(chosen, dialect)  # type: ignore[arg-type]
            told = answer(complaint, dialect, "plain", Memory(seed=ask)) if complaint else html_502()  # type: ignore[arg-type]
            bad = Good(dialect, False, told.status, told.headers, (told.body,))
            return Played(name, framed(bad, [told.body]), "broken")
        return accidents.choose(rng, good, "none" if self.calm else name)

    async def _play(self, attempt: Attempt, line: Line) -> bool:
        for step in attempt.played.steps:
            match step:
                case Pause(seconds):
                    if await self._lost_within(line, seconds):
                        return False
                case Reset():
                    line.writer.transport.abort()
                    return False
                case Flood(what, size):
                    for _ in range(size // len(what)):
                        line.writer.write(what)
                        attempt.written += len(what)
                        await line.writer.drain()
                        if line.lost.is_set():
                            return False
                case _:
                    line.writer.write(step)
                    attempt.written += len(step)
                    await line.writer.drain()
                    await asyncio.sleep(0)
                    if line.lost.is_set():
                        return False
        attempt.complete = True
        return attempt.played.keep

    async def _lost_within(self, line: Line, seconds: float) -> bool:
        try:
            await asyncio.wait_for(line.lost.wait(), seconds * self.scale)
        except TimeoutError:
            return False
        return True
