"""Streams on their way through the gateway: how an upstream's bytes happen to be cut changes nothing for the client."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.accounting.tally import Tally
from gateway.dialects import registry
from gateway.dialects._completions import COMPLETIONS
from gateway.dialects.contract import ReplyContext
from gateway.errors import UpstreamProtocol
from gateway.ir.profile import Profile
from gateway.pipeline import transit as transit_module
from gateway.pipeline.transit import StreamFailed, Transit
from gateway.testing.scripted import FAULTS, Call, ScriptedModel, Text, Thinking, Turn, sensible
from gateway.wire.sse import SseSplitter

GOLDEN = Path(__file__).parents[1] / "golden"
CONTEXT = ReplyContext(reply_id="own", model="shown", created_s=7, input_tokens_estimate=321)
DIALECTS = ("chat", "responses", "messages")
FRAMINGS = ("crlf", "no_space", "comments", "no_done")
MIXED = Turn(
    (
        Thinking("Let me thînk 你好."),
        Text('It says data: [DONE] and "so on" 👩‍👩‍👧.'),
        Call("read", {"path": "data: [DONE]\n\n", "n": [1, {"ä": None}]}),
        Call("list", {}),
    )
)


def recordings() -> dict[str, tuple[str, bytes]]:
    """Name -> (dialect, bytes): every recorded stream, and what the scripted vendors say in all their manners."""
    found: dict[str, tuple[str, bytes]] = {}
    for path in sorted(GOLDEN.rglob("*.sse")):
        dialect = path.stem.partition("-")[0] if path.parent.name == "vllm" else path.parent.name
        found[f"{path.parent.name}/{path.stem}"] = (dialect, path.read_bytes())
    for dialect in DIALECTS:
        for fault, told in FAULTS.items():
            if sensible(fault, dialect) and (told.kind == "shape" or fault in FRAMINGS):  # type: ignore[arg-type]
                found[f"scripted/{dialect}-{fault}"] = (dialect, scripted(dialect, fault))
        found[f"scripted/{dialect}"] = (dialect, scripted(dialect))
    return found


def scripted(dialect: str, fault: str | None = None) -> bytes:
    path = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}[dialect]
    asked: dict[str, Any] = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
    model = ScriptedModel(turns=[replace(MIXED, fault=fault)])
    return model.answer("POST", path, (), json.dumps(asked).encode())[0].body


RECORDED = recordings()
FAILING = ("messages/anthropic_overloaded", "chat/openrouter_error", "responses/failed.in", "responses/failed.out")
COMPLETE = [name for name in RECORDED if name not in (*FAILING, "scripted/responses-no_done")]
TEXTS = [name for name in COMPLETE if name.endswith(("-text", "-length", "-cached", "-lora"))]


def transit(dialect: str, client: str | None, *, hide_usage: bool = False) -> Transit:
    upstream = registry.by_name(dialect)  # type: ignore[arg-type]
    facing: Any = COMPLETIONS if client == "completions" else registry.by_name(client or dialect)  # type: ignore[arg-type]
    context = None if client is None else CONTEXT
    return Transit(
        client=facing, upstream=upstream, profile=Profile(), context=context, tally=Tally(), hide_usage=hide_usage
    )


def carried(data: bytes, cuts: list[int], one: Transit) -> bytes:
    """What the client gets when `data` arrives cut at these places."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = b"".join([one.feed(data[a:b]) for a, b in itertools.pairwise(edges)])
    assert one.failure is None
    return out + one.close() + one.closing(b"")


SERVER_TOOLS = "messages/anthropic_server_tools"
CUTS = st.lists(st.integers(0, 1 << 20), max_size=40)


@pytest.mark.parametrize("name", COMPLETE)
@given(cuts=CUTS)
@settings(max_examples=12, deadline=None)
@pytest.mark.case("3A.18", "3A.20")
def test_passing_through_keeps_every_byte(name: str, cuts: list[int]) -> None:
    """In one dialect a stream reaches the client byte for byte, however it was cut on the way; only a missing terminal
    event is added.

    agentgateway#2113, katanemo/plano#988.
    """
    dialect, data = RECORDED[name]
    ends = {"chat": b"data: [DONE]\n\n", "messages": b'event: message_stop\ndata: {"type":"message_stop"}\n\n'}
    missing = ends[dialect] if name.endswith("no_done") else b""
    if name == "responses/local_server.in":  # says `[DONE]` after its terminal event: nothing after that is passed on
        data, missing = data.removesuffix(ends["chat"]), b""
    assert carried(RECORDED[name][1], cuts, transit(dialect, None)) == data + missing


@pytest.mark.parametrize(
    ("name", "client"),
    [*itertools.product(COMPLETE, DIALECTS), *itertools.product(TEXTS, ["completions"])],
)
@given(cuts=CUTS)
@settings(max_examples=6, deadline=None)
@pytest.mark.case("3A.13")
def test_translation_does_not_depend_on_the_cuts(name: str, client: str, cuts: list[int]) -> None:
    """A translated stream is the same bytes whether the upstream's came whole, in events, or cut anywhere.

    envoyproxy/ai-gateway#2163.
    """
    dialect, data = RECORDED[name]
    if name == SERVER_TOOLS and client == "chat":
        with pytest.raises(UpstreamProtocol, match="server_tool_use"):
            carried(data, cuts, transit(dialect, client))
        return
    whole = carried(data, [], transit(dialect, client))
    assert carried(data, cuts, transit(dialect, client)) == whole


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("name", COMPLETE)
def test_byte_by_byte(name: str, client: str) -> None:
    dialect, data = RECORDED[name]
    if name == SERVER_TOOLS and client == "chat":
        return  # refused, see above
    whole = carried(data, [], transit(dialect, client))
    assert carried(data, list(range(len(data))), transit(dialect, client)) == whole


@pytest.mark.parametrize("client", [None, *DIALECTS])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["midstream_error", "garbage_event", "bad_utf8"])
@given(cuts=CUTS)
@settings(max_examples=12, deadline=None)
def test_a_failure_loses_nothing_that_came_before_it(
    fault: str, dialect: str, client: str | None, cuts: list[int]
) -> None:
    """Once something was released, the client gets all that came before the failure, however the reads were cut; before
    that the failure is raised and another hop may be tried."""
    data = scripted(dialect, fault)
    one = transit(dialect, client)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    got = b""
    for a, b in itertools.pairwise(edges):
        try:
            got += one.feed(data[a:b])
        except (StreamFailed, UpstreamProtocol):
            assert got == b""
            return
        if one.failure is not None:
            break
    if one.failure is None:  # tolerated (bytes that are not UTF-8 in a place nobody reads): the stream goes on
        assert fault != "midstream_error"
        return
    slow = transit(dialect, client)
    wanted = b""
    for event in SseSplitter().feed(data):
        wanted += slow.feed(event)
        if slow.failure is not None:
            break
    assert got == wanted
    assert isinstance(one.failure, StreamFailed) is (fault == "midstream_error")


@pytest.mark.parametrize("cut", [1, 200])
def test_usage_asked_for_on_our_own_account_is_hidden(cut: int) -> None:
    data = scripted("chat")
    one, got = transit("chat", None, hide_usage=True), b""
    for start in range(0, len(data), cut):
        got += one.feed(data[start : start + cut])
    got += one.close() + one.closing(b"")
    hidden = [e for e in SseSplitter().feed(data) if b'"choices":[]' in e]
    assert len(hidden) == 1
    assert got == data.replace(hidden[0], b"")


def test_a_reply_that_speaks_of_done_is_not_cut() -> None:
    """Found by reading: the end of a translated stream was looked for in the text as well."""
    for dialect, client in itertools.product(DIALECTS, DIALECTS):
        got = carried(scripted(dialect), [], transit(dialect, client))
        text = b"".join(SseSplitter().feed(got))
        assert text == got
        assert got.count(b"It says") >= 1
        assert got.endswith(b"data: [DONE]\n\n") is (client == "chat")


@pytest.mark.parametrize("dialect", DIALECTS)
@given(seed=st.integers(0, 1 << 32), cuts=CUTS)
@example(seed=3375095, cuts=[])
@settings(max_examples=150, deadline=None)
def test_looking_at_many_events_at_once_finds_what_looking_at_each_finds(
    dialect: str, seed: int, cuts: list[int]
) -> None:
    """Whatever an upstream sends, byte-wise mutations included: the same bytes pass, the same is counted, the same fails.
    Text that is not decoded is counted by what surrounds it in the first such event: where a mutation made that one longer
    than the rest, the count is an estimate, and better with frames than without."""
    chance = random.Random(seed)
    whole = chance.choice([body for told, body in RECORDED.values() if told == dialect])
    data = bytearray(whole)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data))
        if chance.random() < 0.5:
            end = min(len(data), at + chance.randrange(1, 200))
            data[at:at] = data[chance.randrange(at + 1) : end]
        else:
            data[at] = chance.choice(b'"\\{}[],:\n\r \x00a\xff')
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    results = []
    for lessons in (transit_module.LESSONS, 0):
        one = transit(dialect, None)
        one._lessons = lessons
        results.append(outcome(one, [bytes(data[a:b]) for a, b in itertools.pairwise(edges)]))
    if data != whole:
        for _, _, _, tally in results:
            tally.text_bytes = 0
    assert results[0] == results[1]


def outcome(one: Transit, chunks: list[bytes]) -> tuple[Any, ...]:
    out, error = b"", ""
    try:
        for chunk in chunks:
            out += one.feed(chunk)
            if one.over:
                break
        if one.failure is None:
            out += one.close() + one.closing(b"")
    except (StreamFailed, UpstreamProtocol) as failure:
        error = type(failure).__name__
    return out, error, type(one.failure).__name__, one._tally
