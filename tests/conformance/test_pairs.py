"""All nine pairs of client and upstream dialect, with every strict vendor that has one, through the real SDKs: each case
streamed and whole. A strict vendor that objects to what the gateway sent fails the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from gateway.testing.scripted import Call, Refusal, Text, Thinking, Tokens, Turn, say
from tests.conformance.stand import KEY, MODELS, UPSTREAM, Stand, complaints
from tests.conformance.talk import CLIENTS, PIXEL, Result, Talk, arguments, json_schema, stops, thinks, tool_choice

Begin = Callable[..., Talk]
WIDE = 'Größe 你好 👩‍👩‍👧 \u2028 "quoted" \\ back\tslash é'

pairs = pytest.mark.parametrize("model", list(UPSTREAM))
clients = pytest.mark.parametrize("client", CLIENTS)
both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def last(vendor: Any) -> Any:
    """The body of the vendor's last inference request; no objection was made to any."""
    assert complaints(vendor.requests) == []
    return vendor.work[-1].json


FINISH = {
    "chat": {"stop": "stop", "tool": "tool_calls", "length": "length"},
    "responses": {"stop": "completed", "tool": "completed", "length": "max_output_tokens"},
    "messages": {"stop": "end_turn", "tool": "tool_use", "length": "max_tokens"},
}


@pairs
@clients
@both
def test_text(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    vendor = stand.script(model, say(f"Hello. {WIDE}"), say("again"))
    one = talk(client, model, stream=stream, system="Be brief.")
    said = one.ask(f"Hi {WIDE}")
    assert (said.text, said.calls, said.finish) == (f"Hello. {WIDE}", [], FINISH[client]["stop"])
    assert WIDE in json.dumps(last(vendor), ensure_ascii=False).replace("\\\\", "\\").replace('\\"', '"').replace(
        "\\t", "\t"
    )
    assert last(vendor)["model"] == MODELS[model][1]
    assert one.ask("And again?").text == "again"
    texts = json.dumps(last(vendor), ensure_ascii=False)
    assert texts.index("Hi Gr") < texts.index("Hello. Gr") < texts.index("And again?")
    assert said.headers["x-interlock-model"] == model


@pairs
@clients
@both
def test_length(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    stand.script(model, Turn((Text("cut off"),), finish="length"))
    assert talk(client, model, stream=stream).ask("go on").finish == FINISH[client]["length"]


@pairs
@clients
@both
@pytest.mark.case("3A.35", "3A.24")
def test_parallel_calls_and_results(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """Parallel tool calls arrive whole and apart, each with its own arguments, and their results go back to the upstream in
    the form it demands.

    olla (commit on parallel tool blocks), Switchyard#469.
    """
    args = [{"path": "a.py", "content": WIDE}, {"path": "b.py"}]
    vendor = stand.script(
        model, Turn((Text("Reading."), Call("read", args[0]), Call("read", args[1]))), say("Both read.")
    )
    one = talk(client, model, stream=stream, tools=["read", "write"])
    said = one.ask("read both")
    assert said.text == "Reading."
    assert said.finish == FINISH[client]["tool"]
    assert [(name, arguments(sent)) for _, name, sent in said.calls] == [("read", args[0]), ("read", args[1])]
    assert len({call_id for call_id, _, _ in said.calls}) == 2
    done = one.answer(Result(said.calls[1][0], "beta"), Result(said.calls[0][0], "alpha"), then="Now what?")
    assert (done.text, done.finish) == ("Both read.", FINISH[client]["stop"])
    sent = json.dumps(last(vendor))
    assert all(word in sent for word in ("alpha", "beta", "Now what?"))


@pairs
@clients
@both
def test_tool_choice(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    for wish in ("auto", "none", "required", "read"):
        vendor = stand.script(model, say("ok"))
        said = talk(client, model, stream=stream, tools=["read"]).ask("x", tool_choice=tool_choice(client, wish))
        assert said.text == "ok"
        sent, up = last(vendor).get("tool_choice"), UPSTREAM[model]
        if model == "claude" and wish in ("required", "read"):  # always thinks: forcing is refused, so it is reported
            assert sent in (None, {"type": "auto"})
            assert "tool_choice" in said.headers["x-interlock-dropped"]
        elif wish == "auto":
            assert sent in (None, tool_choice(up, "auto"))  # type: ignore[arg-type]
        else:
            assert sent == tool_choice(up, wish)  # type: ignore[arg-type]


ANSWER = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


@pairs
@clients
@both
def test_structured_output(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """A JSON schema reaches an upstream that has a place for it; elsewhere the request is refused with 422."""
    vendor = stand.script(model, say('{"n": 4}'))
    one = talk(client, model, stream=stream)
    if model == "claude-old":
        with pytest.raises((anthropic.APIStatusError, openai.APIStatusError)) as caught:
            one.ask("4?", **json_schema(client, ANSWER))
        assert caught.value.status_code == 422
        assert vendor.work == []
        return
    said = one.ask("4?", **json_schema(client, ANSWER))
    assert json.loads(said.text) == {"n": 4}
    if model == "deepseek":
        assert last(vendor)["response_format"] == {"type": "json_object"}
        assert "integer" in json.dumps(last(vendor)["messages"])  # the schema travels as words
        assert said.headers["x-interlock-dropped"].startswith("response_format")
        return
    wanted = json_schema(UPSTREAM[model], ANSWER)  # type: ignore[arg-type]
    key = next(iter(wanted))
    assert ANSWER in _dicts(last(vendor)[key])


def _dicts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(d for v in value.values() for d in _dicts(v))]
    return []


@pairs
@pytest.mark.parametrize("client", ["chat", "messages"])
@both
def test_stop_sequences(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    vendor = stand.script(model, say("a"))
    said = talk(client, model, stream=stream).ask("x", **stops(client, "END", "\n\n"))
    sent = last(vendor)
    found = sent.get("stop_sequences") or sent.get("stop")
    if UPSTREAM[model] == "responses" or (model.startswith("claude") and client == "x"):
        assert found is None
        assert "stop" in said.headers["x-interlock-dropped"]
    else:
        assert "END" in found


@pairs
@clients
@both
def test_refusal(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """A vendor's refusal is seen as one by every client, in its own place."""
    vendor = stand.script(model, Turn((Refusal("I will not."),), finish="refusal"))
    said = talk(client, model, stream=stream).ask("do evil")
    assert complaints(vendor.requests) == []
    if client == "messages":
        assert said.finish == "refusal"
    elif client == "chat":
        assert said.refusal or said.finish == "content_filter"
    else:
        assert said.refusal or said.finish == "content_filter"


@pairs
@clients
@both
@pytest.mark.case("3A.3", "3A.25")
def test_reasoning_before_text(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """Reasoning and text reach the client apart and complete: nothing of either is lost at the seam between them.

    litellm#30765, Switchyard#387.
    """
    vendor = stand.script(model, Turn((Thinking("First I think about it."), Text("Then I speak."))))
    said = talk(client, model, stream=stream).ask("think", **thinks(client))
    assert complaints(vendor.requests) == []
    assert said.text == "Then I speak."
    assert said.thinking == "First I think about it."


@pairs
@clients
@both
@pytest.mark.case("3C.48", "3A.10", "3C.45")
def test_usage_has_one_definition(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """In every pair the client reads the usage that the vendor meant: OpenAI's input counts include what was cached,
    Anthropic's exclude it, and nothing is counted twice.

    Aider#5516, pi#2148, envoyproxy/ai-gateway#2236, #2239, litellm#14849.
    """
    written = 30 if UPSTREAM[model] == "messages" else 0
    stand.script(model, Turn((Text("ok"),), tokens=Tokens(1000, 50, cached=600, written=written)))
    said = talk(client, model, stream=stream).ask("count")
    told = said.used
    assert (told.input, told.cached, told.output) == (1000, 600, 50)
    assert told.written == written
    if client == "messages":
        assert said.raw.usage.input_tokens == 400 - written


@pairs
@pytest.mark.parametrize("client", ["responses", "messages"])  # chat has no place for an image in a tool result
@both
@pytest.mark.case("3A.26", "3A.30")
def test_images_in_tool_results(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """An image inside a tool result reaches every upstream that sees images, in a place that it accepts.

    Switchyard#389, workweave#965.
    """
    vendor = stand.script(model, Turn((Call("read", {"path": "a.png"}),)), say("A pixel."))
    one = talk(client, model, stream=stream, tools=["read"])
    said = one.ask("look")
    if model == "deepseek":
        with pytest.raises((anthropic.APIStatusError, openai.APIStatusError)) as caught:
            one.answer(Result(said.calls[0][0], "the picture", image=True))
        assert caught.value.status_code == 422
        return
    assert one.answer(Result(said.calls[0][0], "the picture", image=True)).text == "A pixel."
    assert PIXEL in json.dumps(last(vendor))


@pairs
@both
@pytest.mark.case("3A.35")
def test_errors_of_tools_survive(stand: Stand, talk: Begin, model: str, stream: bool) -> None:
    """That a tool failed is told to every upstream: `is_error` survives, or the words say it where there is no field.

    olla (commit on is_error).
    """
    vendor = stand.script(model, Turn((Call("read", {"path": "no"}),)), say("It failed."))
    one = talk("messages", model, stream=stream, tools=["read"])
    said = one.ask("read")
    one.answer(Result(said.calls[0][0], "no such file", is_error=True))
    sent = json.dumps(last(vendor))
    assert '"is_error": true' in sent if UPSTREAM[model] == "messages" else "rror" in sent
    assert "no such file" in sent


@pairs
@clients
@both
@pytest.mark.case("3A.1", "3A.2")
def test_long_arguments(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """A tool call with 100 KB of arguments in many pieces arrives without a byte missing.

    litellm#25321, #29491.
    """
    args = {"path": "big.py", "content": (WIDE + "\n") * 2000}
    stand.script(model, Turn((Call("write", args),)), say("written"))
    one = talk(client, model, stream=stream, tools=["write"])
    said = one.ask("write it")
    assert arguments(said.calls[0][2]) == args
    assert one.answer(Result(said.calls[0][0], "ok")).text == "written"


@pairs
@clients
@both
@pytest.mark.case("3A.23")
def test_tool_loop(stand: Stand, talk: Begin, model: str, client: Any, stream: bool) -> None:
    """A tool loop of five turns keeps every word, call and result of all earlier turns, and the vendor's cache stays warm.

    katanemo/plano#978.
    """
    turns = [Turn((Text(f"Step {n}."), Call("read", {"path": f"f{n}"}))) for n in range(5)]
    vendor = stand.script(model, *turns, say("done"))
    one = talk(client, model, stream=stream, tools=["read"], system="You are careful." * 30)
    said = one.ask("go")
    for n in range(5):
        said = one.answer(Result(said.calls[0][0], f"result {n}"))
    assert said.text == "done"
    sent = json.dumps(last(vendor))
    places = [sent.index(f"{word} {n}") for n in range(5) for word in ("Step", "result")]
    assert places == sorted(places)
    if UPSTREAM[model] != "messages":  # Messages caches only up to marks, and these clients set none
        assert said.used.cached > 0


@pairs
@both
def test_roles(stand: Stand, talk: Begin, model: str, stream: bool) -> None:
    """System and developer words reach every upstream, in the order and with the weight it can give them."""
    vendor = stand.script(model, say("ok"))
    one = talk("chat", model, stream=stream)
    one.history = [
        {"role": "system", "content": "rule one"},
        {"role": "developer", "content": "rule two"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "system", "content": "late rule"},
        {"role": "user", "content": "go"},
    ]
    assert one.go().text == "ok"
    sent = json.dumps(last(vendor))
    places = [sent.index(word) for word in ("rule one", "rule two", "late rule")]
    if UPSTREAM[model] != "messages":
        assert places == sorted(places)


@clients
@pytest.mark.parametrize(
    "fault", ["split_utf8", "drip", "coalesced", "crlf", "no_space", "comments", "parallel", "one_shot_args"]
)
@pytest.mark.parametrize("model", ["claude", "deepseek", "gpt", "vllm"])
@pytest.mark.case("3A.18", "3A.13")
def test_any_framing(stand: Stand, talk: Begin, model: str, client: Any, fault: str) -> None:
    """However an upstream's stream is framed and cut (bytes, characters, events), the client's SDK reads the same reply.

    agentgateway#2113, envoyproxy/ai-gateway#2163.
    """
    args = {"path": "ä你.py", "content": WIDE}
    turn = Turn((Text(WIDE), Call("write", args), Call("read", args)))
    stand.script(model, turn, fault=fault)
    origin, spoken = stand.servers[MODELS[model][0]].origin, UPSTREAM.get(model, client)
    direct = Talk(origin, spoken, "m", stream=True, tools=["write", "read"], api_key=KEY)  # type: ignore[arg-type]
    wanted = direct.ask("go")
    stand.script(model, turn, fault=fault)
    said = talk(client, model, stream=True, tools=["write", "read"]).ask("go")
    assert said.text == wanted.text
    assert "你" in said.text
    assert [(name, arguments(sent)) for _, name, sent in said.calls] == [
        (name, arguments(sent)) for _, name, sent in wanted.calls
    ]
    assert len(said.calls) >= 2
