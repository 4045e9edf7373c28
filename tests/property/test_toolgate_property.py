"""The gate for tool calls: whatever an upstream sends and however it is cut, a call reaches the client only if it was
allowed, and everything else reaches it as if there were no gate."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.accounting.tally import Tally
from gateway.dialects import registry
from gateway.dialects.contract import ReplyContext
from gateway.dialects.responses import CALLS_OF_VENDOR_TOOLS
from gateway.errors import PolicyDenied, UnsupportedFeature, UpstreamProtocol
from gateway.ir.events import Response, fold
from gateway.ir.exchange import Exchange
from gateway.ir.profile import DEFAULT
from gateway.ir.request import Text, ToolCall
from gateway.pipeline.guard import Guard
from gateway.pipeline.transit import StreamFailed, Transit
from gateway.testing.judge import ScriptedJudge, verdict
from gateway.testing.scripted import Call, ScriptedModel, Thinking, Turn
from gateway.testing.scripted import Text as Said
from gateway.toolgate import mend_neutral
from gateway.toolgate.values import Manner, TurnRefused
from gateway.wire.sse import SseSplitter
from policies.verdict import Verdict

DIALECTS = ("chat", "messages", "responses")
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
CONTEXT = ReplyContext(reply_id="own", model="shown", created_s=7)
TURNS = {
    "text": Turn((Said("Nothing to do. 你好 \n\n"),)),
    "one": Turn((Said("I look.\n"), Call("bash", {"command": "ls -la 'ä'"}))),
    "only": Turn((Call("bash", {"command": "rm -rf /"}),)),
    "two": Turn(
        (Thinking("hm"), Said("Both."), Call("read", {"path": "a\n\nb"}), Call("bash", {"command": 'make "x"'}))
    ),
    "three": Turn((Call("bash", {"command": "a"}), Call("bash", {"command": "b", "n": [1, None]}), Call("list", {}))),
}
WAYS = [
    (dialect, turn, client)
    for dialect in DIALECTS
    for turn in TURNS
    for client in (None, *DIALECTS)
    if client != dialect  # None passes bytes through
]
CUTS = st.lists(st.integers(0, 1 << 20), max_size=30)


def stream(dialect: str, turn: str) -> bytes:
    return answered(dialect, turn, stream=True)


def answered(dialect: str, turn: str, *, stream: bool) -> bytes:
    asked: dict[str, Any] = {"model": "m", "stream": stream}
    if dialect == "chat" and stream:
        asked["stream_options"] = {"include_usage": True}
    model = ScriptedModel(turns=[TURNS[turn]])
    return model.answer("POST", PATHS[dialect], (), json.dumps(asked).encode())[0].body


STREAMS = {(dialect, turn): stream(dialect, turn) for dialect in DIALECTS for turn in TURNS}


def guard(judge: ScriptedJudge, manner: Manner) -> Guard:
    tools = [{"type": "function", "function": {"name": name}} for name in ("bash", "read", "list")]
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools}
    body = json.dumps(asked).encode()
    exchange = Exchange(
        request_id="r", received_s=0, dialect="chat", path="", query="", headers=(), body=body,
        view=registry.by_name("chat").read(body), model_asked="m", stream=True,
    )  # fmt: skip
    return Guard(judge, exchange, manner)


class Way:
    """One stream through one gate."""

    def __init__(self, dialect: str, judge: ScriptedJudge, manner: Manner, client: str | None = None) -> None:
        self.judge = judge
        self.transit = Transit(
            client=registry.by_name(client or dialect),  # type: ignore[arg-type]
            upstream=registry.by_name(dialect),  # type: ignore[arg-type]
            profile=DEFAULT,
            context=None if client is None else CONTEXT,
            tally=Tally(),
            hide_usage=False,
            guard=guard(judge, manner),
        )
        self.out = b""

    def run(self, data: bytes, cuts: Sequence[int] = ()) -> bytes:
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for a, b in itertools.pairwise(edges):
            self.out += self.transit.feed(data[a:b])
            self.answer()
            if self.transit.over:
                break
        if self.transit.failure is None:
            self.out += self.transit.close()
            self.answer()
            self.out += self.transit.closing(b"")
        return self.out

    def answer(self) -> None:
        while self.transit.need:
            calls = self.transit.need
            self.judge.seen += calls
            self.out += self.transit.resolve([self.judge._verdict(call) for call in calls])


def decoded(dialect: str, data: bytes) -> Response:
    decoder = registry.by_name(dialect).stream_decoder(DEFAULT)  # type: ignore[arg-type]
    splitter = SseSplitter()
    events = [made for event in splitter.feed(data) for made in decoder.feed(event)]
    folded = fold([*events, *decoder.close()])
    assert isinstance(folded, Response)
    return folded


def calls_in(response: Response) -> list[tuple[str, str, str]]:
    return [(part.id, part.name, part.arguments) for part in response.parts if isinstance(part, ToolCall)]


def texts_in(response: Response) -> str:
    return "".join(part.text for part in response.parts if isinstance(part, Text))


@pytest.mark.parametrize(("dialect", "turn"), STREAMS)
@given(cuts=CUTS)
@settings(max_examples=25, deadline=None)
def test_what_is_allowed_passes_byte_for_byte(dialect: str, turn: str, cuts: list[int]) -> None:
    data = STREAMS[dialect, turn]
    way = Way(dialect, ScriptedJudge(), Manner())
    assert way.run(data, cuts) == data
    assert [call.name for call in way.judge.seen] == [p.name for p in TURNS[turn].parts if isinstance(p, Call)]


@pytest.mark.parametrize(("dialect", "turn"), STREAMS)
@given(cuts=CUTS, asked=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_refusals_do_not_depend_on_the_cuts(dialect: str, turn: str, cuts: list[int], asked: int) -> None:
    data = STREAMS[dialect, turn]
    for form in ("text", "shim"):
        whole = Way(dialect, denying(asked), Manner(form)).run(data)
        assert Way(dialect, denying(asked), Manner(form)).run(data, cuts) == whole


def denying(bits: int) -> ScriptedJudge:
    """Refuses the n-th call where bit n of `bits` is set."""
    number = itertools.count()
    return ScriptedJudge(lambda call: verdict("deny" if bits >> next(number) & 1 else "allow"))


@pytest.mark.parametrize(("dialect", "turn", "client"), WAYS)
@pytest.mark.parametrize("bits", range(8))
def test_refused_calls_are_gone_and_the_rest_is_left(dialect: str, turn: str, client: str | None, bits: int) -> None:
    before = decoded(dialect, STREAMS[dialect, turn])
    after = decoded(client or dialect, Way(dialect, denying(bits), Manner("text"), client).run(STREAMS[dialect, turn]))
    wanted = [call for number, call in enumerate(calls_in(before)) if not bits >> number & 1]
    assert [call[1:] for call in calls_in(after)] == [call[1:] for call in wanted]
    if client is None:
        assert calls_in(after) == wanted
    assert texts_in(after).startswith(texts_in(before))
    refused = len(calls_in(before)) - len(wanted)
    assert texts_in(after).count("[interlock]") == refused
    assert after.finish.reason == ("tool_calls" if wanted else "stop")
    assert after.usage is not None


@pytest.mark.parametrize(("dialect", "turn", "client"), WAYS)
def test_a_shim_keeps_ids_names_and_siblings(dialect: str, turn: str, client: str | None) -> None:
    before = decoded(dialect, STREAMS[dialect, turn])
    judge = ScriptedJudge({"bash": "deny"})
    after = decoded(client or dialect, Way(dialect, judge, Manner("shim"), client).run(STREAMS[dialect, turn]))
    assert [call[1] for call in calls_in(after)] == [call[1] for call in calls_in(before)]
    for old, new in zip(calls_in(before), calls_in(after), strict=True):
        assert client is not None or old[0] == new[0]
        if old[1] == "bash":
            assert json.loads(new[2])["command"].endswith("exit 126)")
            assert list(json.loads(new[2])) == ["command"]
        else:
            assert new[2] == old[2]
    assert texts_in(after) == texts_in(before)
    assert after.finish.reason == before.finish.reason


@pytest.mark.parametrize(("dialect", "turn", "client"), WAYS)
def test_a_rewrite_changes_the_arguments_alone(dialect: str, turn: str, client: str | None) -> None:
    new = b'{"command":"true \\u00e4"}'
    judge = ScriptedJudge(lambda call: Verdict("allow", "hooks", "", arguments=new))
    before = decoded(dialect, STREAMS[dialect, turn])
    after = decoded(client or dialect, Way(dialect, judge, Manner(), client).run(STREAMS[dialect, turn]))
    assert [call[2] for call in calls_in(after)] == [new.decode()] * len(calls_in(before))
    assert [call[1] for call in calls_in(after)] == [call[1] for call in calls_in(before)]
    assert (texts_in(after), after.finish.reason) == (texts_in(before), before.finish.reason)


@pytest.mark.parametrize(("dialect", "turn"), STREAMS)
@pytest.mark.parametrize("form", ["text", "shim"])
@pytest.mark.parametrize("bits", range(8))
async def test_a_whole_reply_gets_the_same_verdicts(dialect: str, turn: str, form: Any, bits: int) -> None:
    plugin = registry.by_name(dialect)  # type: ignore[arg-type]
    way = Way(dialect, denying(bits), Manner(form))
    streamed = decoded(dialect, way.run(STREAMS[dialect, turn]))
    body = answered(dialect, turn, stream=False)
    one = guard(denying(bits), Manner(form))
    rulings = await one.rule(plugin.decode_response(body, DEFAULT), None, translated=False)
    whole = plugin.decode_response(Guard.mended(dialect, body, rulings), DEFAULT)  # type: ignore[arg-type]
    assert isinstance(one.judge, ScriptedJudge)
    seen = [[(c.name, json.loads(c.arguments)) for c in judge.seen] for judge in (one.judge, way.judge)]
    assert seen[0] == seen[1]
    assert [(c[1], json.loads(c[2])) for c in calls_in(whole)] == [(c[1], json.loads(c[2])) for c in calls_in(streamed)]
    assert whole.finish.reason == streamed.finish.reason
    assert texts_in(whole).count("[interlock]") == texts_in(streamed).count("[interlock]")
    neutral = mend_neutral.whole(plugin.decode_response(body, DEFAULT), rulings)
    assert calls_in(neutral) == calls_in(whole)
    assert neutral.finish.reason == whole.finish.reason


# --- hostile streams ---------------------------------------------------------------------------------------------


def payloads(data: bytes) -> Iterator[Any]:
    """The JSON of every event, read by somebody else's means."""
    for block in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        lines = [line[5:] for line in block.split(b"\n") if line.startswith(b"data:")]
        try:
            yield json.loads(b"\n".join(lines))
        except ValueError:
            continue


def acts(dialect: str, data: bytes) -> list[str]:
    """Everything in a stream that a client might take for a part of a tool call, by a reader that is not ours."""
    out: list[str] = []
    for told in payloads(data):
        if isinstance(told, dict):
            out += ACTS[dialect](told)
    return out


def chat_acts(told: dict[str, Any]) -> list[str]:
    out = []
    for choice in told.get("choices") or ():
        for where in ("delta", "message"):
            said = choice.get(where) if isinstance(choice, dict) else None
            if isinstance(said, dict):
                out += [json.dumps(said[key]) for key in ("tool_calls", "function_call") if said.get(key)]
    return out


def messages_acts(told: dict[str, Any]) -> list[str]:
    block, delta, message = told.get("content_block"), told.get("delta"), told.get("message")
    blocks = [block, *((message.get("content") or []) if isinstance(message, dict) else [])]
    out = [json.dumps(b) for b in blocks if isinstance(b, dict) and (b.get("type") == "tool_use" or b.get("name"))]
    if isinstance(delta, dict) and delta.get("partial_json"):
        out.append(delta["partial_json"])
    return out


def responses_acts(told: dict[str, Any]) -> list[str]:
    kinds = {"function_call", "custom_tool_call"} | CALLS_OF_VENDOR_TOOLS
    reply = told.get("response")
    items = [told.get("item"), *((reply.get("output") or []) if isinstance(reply, dict) else [])]
    out = [json.dumps(item) for item in items if isinstance(item, dict) and item.get("type") in kinds]
    if "arguments" in str(told.get("type")) or "custom_tool_call" in str(told.get("type")):
        out.append(str(told))
    return out


ACTS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "chat": chat_acts,
    "messages": messages_acts,
    "responses": responses_acts,
}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, pieces and events doubled, moved, dropped."""
    for _ in range(chance.randrange(1, 4)):
        if chance.random() < 0.5:
            events = data.split(b"\n\n")
            one, other = chance.randrange(len(events)), chance.randrange(len(events))
            match chance.randrange(4):
                case 0:
                    del events[one]
                case 1:
                    events.insert(one, events[other])
                case 2:
                    events[one], events[other] = events[other], events[one]
                case _:
                    events[one] = events[one][: chance.randrange(len(events[one]) + 1)]
            data = b"\n\n".join(events)
        elif data:
            at = chance.randrange(len(data))
            swap = chance.choice([b'"', b"\\", b"{", b"}", b"1", b"\n", b"\r\n", b"null", b"\xff", b"", b'"x":1,'])
            data = data[:at] + swap + data[at + chance.randrange(1, 6) :]
    return data


def tried(dialect: str, data: bytes, judge: ScriptedJudge, manner: Manner, client: str | None, cuts: Any = ()) -> bytes:
    way = Way(dialect, judge, manner, client)
    try:
        way.run(data, cuts)
    except (StreamFailed, UpstreamProtocol, PolicyDenied, TurnRefused, UnsupportedFeature):
        pass
    return way.out


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("batch", range(4))
def test_nothing_unjudged_is_released_whatever_comes(dialect: str, batch: int) -> None:
    """10,000 mutated streams in all, with a judge that refuses everything: not a piece of a call comes out."""
    for seed in range(batch * 840, (batch + 1) * 840):
        chance = random.Random(f"{dialect} {seed}")
        turn = chance.choice(list(TURNS))
        data = mutated(STREAMS[dialect, turn], chance)
        cuts = [chance.randrange(1 << 20) for _ in range(chance.randrange(4))]
        manner = Manner(chance.choice(["text", "retry", "error"]), held_bytes=chance.choice([200, 4 << 20]))
        client = chance.choice([None, None, None, *DIALECTS])
        client = None if client == dialect else client
        out = tried(dialect, data, ScriptedJudge(otherwise="deny"), manner, client, cuts)
        assert acts(client or dialect, out) == [], f"seed {seed}: {data!r}"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_of_several_calls_only_the_allowed_are_released_whatever_comes(dialect: str) -> None:
    """As before with a judge that refuses one of the tools: its name comes out nowhere."""
    for seed in range(600):
        chance = random.Random(f"{dialect} {seed}")
        data = mutated(STREAMS[dialect, chance.choice(["one", "two", "three"])], chance)
        out = tried(dialect, data, ScriptedJudge({"bash": "deny"}), Manner("text"), None)
        assert not [act for act in acts(dialect, out) if '"bash"' in act], f"seed {seed}: {data!r}"


def test_the_reader_of_these_tests_finds_calls() -> None:
    for (dialect, turn), data in STREAMS.items():
        assert bool(acts(dialect, data)) == any(isinstance(part, Call) for part in TURNS[turn].parts)
