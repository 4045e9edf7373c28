"""The request bodies: made, never recorded; the same call gives the same bytes.

Sizes are those of coding harnesses: 0.9 KB (a bare question), 30 KB with 8 tools and 12 messages, 260 KB with 20 tools
and 60 messages, and a session of 40 turns that grows from 15 to 410 KB. A session's messages only ever grow at the end, as
harnesses do it, and hold what the mock really answered (native/mock.c, build_turn, says the same; a test compares).

Pure: text in, bytes out; knows no socket and no file.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

SMALL_BYTES: Final = 900
TOOL_BYTES: Final = 1_200
MEDIUM_BYTES: Final = 30_000
LARGE_BYTES: Final = 260_000
SESSION_FIRST_BYTES: Final = 15_000
SESSION_LAST_BYTES: Final = 410_000
SESSION_TURNS: Final = 40
TURN_PARTS: Final = 40
"""Deltas of one reply in a session, as in native/mock.c: a tool call with a few arguments, or some sentences."""

Json = dict[str, Any]

_PROSE: Final = (
    "parse the stream of events and keep what was read so that a later call can go on where this one ended because the "
    "reader must never block while another task holds the buffer of the connection it was opened for and a caller may "
    "leave at any moment return value error index limit bytes header token request response session upstream model"
)
_WORDS: Final = tuple(_PROSE.split())
_NAMES: Final = ("reader", "writer", "cursor", "buffer", "session", "limit", "result", "offset", "entry", "header")
_TOOLS: Final = (
    ("read", "Read a file of the project"),
    ("write", "Write a file of the project"),
    ("edit", "Replace a text in a file"),
    ("list", "List the files of a folder"),
    ("grep", "Search the files for a pattern"),
    ("glob", "Find files by name"),
    ("shell", "Run a command in the project"),
    ("todo", "Keep the list of what is left to do"),
)


def dump(value: Any) -> bytes:
    """Compact JSON, as the SDKs of the harnesses write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def prose(rng: random.Random, size: int) -> str:
    """`size` characters of words."""
    text = ""
    while len(text) < size:
        text += " ".join(rng.choices(_WORDS, k=12)).capitalize() + ". "
    return text[:size]


def code(rng: random.Random, size: int) -> str:
    """`size` characters that look like numbered source lines, as a read tool returns them: quotes, newlines, indents."""
    lines: list[str] = []
    length = 0
    while length < size:
        a, b, c = rng.sample(_NAMES, 3)
        number = len(lines) + 1
        line = rng.choice(
            (
                f'{number:5}\t    {a} = self.{b}["{c}"]\n',
                f"{number:5}\tdef {a}_{b}({c}: int) -> str:\n",
                f"{number:5}\t    if {a} is None or {b} > {c}:\n",
                f'{number:5}\t        raise ValueError(f"{a} of {{{b}}} is not a {c}")\n',
                f"{number:5}\t    return {a}.{b}({c})\n",
                f"{number:5}\t\n",
            )
        )
        lines.append(line)
        length += len(line)
    return "".join(lines)[:size]


def tool(rng: random.Random, name: str, about: str, size: int = 400) -> Json:
    """A function tool with a JSON schema; its description fills it up to about `size` bytes."""
    properties: Json = {
        "path": {"type": "string", "description": "Path of the file, relative to the project"},
        "why": {"type": "string", "description": "What it is needed for"},
        "limit": {"type": "integer", "minimum": 0, "maximum": 2000, "description": "Most lines"},
    }
    schema = {"type": "object", "properties": properties, "required": ["path"], "additionalProperties": False}
    made: Json = {"type": "function", "function": {"name": name, "description": about + ".", "parameters": schema}}
    missing = size - len(dump(made)) - 1
    if missing > 0:
        made["function"]["description"] += " " + prose(rng, missing)
    return made


def tools(rng: random.Random, count: int, size: int) -> list[Json]:
    named = [*_TOOLS, *((f"extension_{n}", "A tool of an extension") for n in range(count))]
    return [tool(rng, name, about, size) for name, about in named[:count]]


def filled(size: int, make: Callable[[int], Json]) -> bytes:
    """The body `make(n)` whose filling of n characters brings it nearest to `size` bytes."""
    room = size
    for _ in range(8):
        made = dump(make(max(room, 0)))
        if abs(len(made) - size) <= 4:
            break
        room -= len(made) - size
    return made


def exchange(rng: random.Random, call_id: str, path: str, result: str) -> list[Json]:
    """An assistant message with one call of `read`, and its result."""
    arguments = json.dumps({"path": path, "why": prose(rng, 30)})
    call = {"id": call_id, "type": "function", "function": {"name": "read", "arguments": arguments}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": result},
    ]


def small(model: str, *, stream: bool = False, seed: int = 0) -> bytes:
    """A system line and a question; no tools."""
    rng = random.Random(seed)

    def make(room: int) -> Json:
        rng.seed(seed)
        question = f"In module {seed:04}: {prose(rng, room)}"
        messages = [
            {"role": "system", "content": "You are a careful programmer."},
            {"role": "user", "content": question},
        ]
        body: Json = {"model": model, "messages": messages, "temperature": 0.2, "max_tokens": 512}
        return body | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})

    return filled(SMALL_BYTES, make)


def tool_call(model: str, *, seed: int = 0) -> bytes:
    """A question with the one tool that the mock then calls; streamed."""
    rng = random.Random(seed)

    def make(room: int) -> Json:
        rng.seed(seed)
        question = f"Look into src/app/reader.py. {prose(rng, room)}"
        return {
            "model": model,
            "messages": [{"role": "user", "content": question}],
            "tools": tools(rng, 1, 400),
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    return filled(TOOL_BYTES, make)


def conversation(model: str, size: int, *, tool_count: int, tool_bytes: int, messages: int, seed: int = 0) -> bytes:
    """A coding conversation of `messages` messages (even) that fills `size` bytes, most of it results of tools."""
    rng = random.Random(seed)
    pairs = (messages - 2) // 2

    def make(room: int) -> Json:
        rng.seed(seed)
        said: list[Json] = [
            {"role": "system", "content": prose(rng, 3000)},
            {"role": "user", "content": f"Task {seed:04}: {prose(rng, 300)}"},
        ]
        for n in range(pairs):
            said += exchange(rng, f"call_{n:03}", f"src/app/part_{n:02}.py", code(rng, room // pairs))
        return {"model": model, "messages": said, "tools": tools(rng, tool_count, tool_bytes), "tool_choice": "auto"}

    return filled(size, make)


def medium(model: str, *, seed: int = 0) -> bytes:
    """30 KB: 8 tools, 12 messages."""
    return conversation(model, MEDIUM_BYTES, tool_count=8, tool_bytes=500, messages=12, seed=seed)


def large(model: str, *, seed: int = 0) -> bytes:
    """260 KB: 20 tools, 60 messages."""
    return conversation(model, LARGE_BYTES, tool_count=20, tool_bytes=1_000, messages=60, seed=seed)


def turn_token(seed: int, turn: int) -> str:
    """What the mock finds in the last message, to know which turn of which session it answers."""
    return f"s{seed % 10_000:04}t{turn:02}"


def reply(seed: int, turn: int) -> Json:
    """The assistant message that the mock streams in `turn`, as a harness puts it together."""
    if turn % 4 == 3:
        parts = [f"Part {i} of turn {turn} is done.# " for i in range(TURN_PARTS)]
        return {"role": "assistant", "content": "".join(parts)}
    why = " ".join(f"part {i}#" for i in range(TURN_PARTS))
    arguments = f'{{"path":"src/app/module_{turn:02}.py","why":"{why}"}}'
    function = {"name": "read", "arguments": arguments}
    call = {"id": f"call_{turn_token(seed, turn)}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _asked(rng: random.Random, seed: int, turn: int, size: int) -> Json:
    """What a harness sends after the reply of the turn before: the tool's result, or the human's next words."""
    mark = f"\n[turn {turn_token(seed, turn)}]"
    before = turn - 1
    if before % 4 == 3:
        return {"role": "user", "content": f"Go on, {turn}. {prose(rng, size)}{mark}"}
    return {"role": "tool", "tool_call_id": f"call_{turn_token(seed, before)}", "content": code(rng, size) + mark}


def session(model: str, *, seed: int = 0, turns: int = SESSION_TURNS) -> list[bytes]:
    """The bodies of one session, streamed; the messages of each begin with those of the one before, byte for byte."""
    growth = (SESSION_LAST_BYTES - SESSION_FIRST_BYTES) // (SESSION_TURNS - 1)
    rng = random.Random(seed)
    system = {"role": "system", "content": prose(rng, 5_000)}
    rest = {
        "tools": tools(rng, 8, 500),
        "tool_choice": "auto",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    # Harnesses put tools behind the messages: it is the messages that grow, not the body as a whole.
    before, after = dump({"model": model})[:-1] + b',"messages":[', b"]," + dump(rest)[1:]

    def first(room: int) -> Json:
        words = prose(random.Random(seed), room)
        messages = [system, {"role": "user", "content": f"Task {seed:04}: {words}\n[turn {turn_token(seed, 0)}]"}]
        return {"model": model, "messages": messages} | rest

    made = [filled(SESSION_FIRST_BYTES, first)]
    said = made[0][len(before) : len(made[0]) - len(after)]
    for turn in range(1, turns):
        said += b"," + dump(reply(seed, turn - 1)) + b","
        # Quotes, tabs and newlines cost a byte more in JSON; what was guessed wrong is put right in the next turn.
        spare = SESSION_FIRST_BYTES + growth * turn - len(before) - len(said) - len(after) - 150
        said += dump(_asked(rng, seed, turn, max(200, int(spare / 1.06))))
        made.append(before + said + after)
    return made
