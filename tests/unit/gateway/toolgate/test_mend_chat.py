"""Chat: this was held and these are the rulings; that is what the client gets."""

import json

import pytest

from gateway.dialects.registry import by_name
from gateway.ir.profile import DEFAULT
from gateway.toolgate import mend_chat
from gateway.toolgate.gate import Gate
from gateway.toolgate.values import Manner
from policies.verdict import Verdict
from tests.unit.gateway.toolgate.told import ALLOW, DENY, ruled, sse, values


def chunk(finish=None, usage=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse(None, id="x", model="m", choices=[choice], **({"usage": usage} if usage else {}))


def entry(index, arguments="", name=None, **more):
    named = {"id": f"c{index}", "type": "function"} if name else {}
    return {"index": index, **named, "function": {**({"name": name} if name else {}), "arguments": arguments}, **more}


def call(*entries, **more):
    return chunk(tool_calls=list(entries), **more)


def run(*events, verdicts, manner=None, spoken=False):
    """The client's bytes for a stream whose calls get these verdicts."""
    decoder = by_name("chat").stream_decoder(DEFAULT)
    gate = Gate(mend_chat.ChatMender(), manner=manner or Manner("text"))
    if spoken:
        gate.spoke()
    out = []
    for raw in events:
        before = decoder.call_pieces
        made = decoder.feed(raw)
        out.append(gate.feed(raw, made, pieces=decoder.call_pieces != before, calls_open=decoder.calls_open))
        if gate.need:
            out.append(gate.resolve(verdicts, fresh=False))
    return b"".join(out)


A = [call(entry(0, name="bash")), call(entry(0, '{"a":')), call(entry(0, "1}"))]
B = [call(entry(1, name="list")), call(entry(1, "{}"))]
END = chunk(finish="tool_calls")


def test_allowed_calls_are_the_very_bytes():
    events = [*A, *B, END]
    assert run(*events, verdicts=[ALLOW, ALLOW]) == b"".join(events)


def test_a_call_in_front_of_a_refused_one_keeps_its_bytes():
    out = run(*A, *B, END, verdicts=[ALLOW, DENY])
    assert out.startswith(b"".join(A))
    text, end = values(out[len(b"".join(A)) :])
    assert "[interlock]" in text["choices"][0]["delta"]["content"]
    assert end["choices"][0]["finish_reason"] == "tool_calls"


def test_a_call_behind_a_refused_one_moves_up():
    text, moved, end = values(run(*A, *B, END, verdicts=[DENY, ALLOW]))
    assert text["choices"][0]["delta"]["content"].startswith("[interlock]")
    (told,) = moved["choices"][0]["delta"]["tool_calls"]
    assert (told["index"], told["id"], told["function"]) == (0, "c1", {"name": "list", "arguments": "{}"})
    assert end["choices"][0]["finish_reason"] == "tool_calls"


def test_without_a_call_the_reply_simply_stops():
    out = values(run(*A, *B, END, verdicts=[DENY, DENY], spoken=True))
    assert [v["choices"][0]["finish_reason"] for v in out] == [None, None, "stop"]
    assert all("tool_calls" not in v["choices"][0]["delta"] for v in out)
    assert out[0]["choices"][0]["delta"]["content"].startswith("\n\n[interlock]")


def test_a_whole_call_with_its_end_in_one_event():
    """Gemini's compatible API, Ollama: everything at once, with a signature that must survive on the calls that stay."""
    extra = {"extra_content": {"google": {"thought_signature": "s"}}}
    event = call(
        entry(0, '{"a":1}', "bash"),
        entry(1, "{}", "list", **extra),
        content="I see.",
        finish="tool_calls",
        usage={"prompt_tokens": 3},
    )
    said, text, moved, end = values(run(event, verdicts=[DENY, ALLOW]))
    assert said["choices"][0]["delta"] == {"content": "I see."}
    assert said["choices"][0]["finish_reason"] is None
    assert "[interlock]" in text["choices"][0]["delta"]["content"]
    (told,) = moved["choices"][0]["delta"]["tool_calls"]
    assert told["extra_content"] == extra["extra_content"]
    assert end["choices"][0]["finish_reason"] == "tool_calls"
    assert end["usage"] == {"prompt_tokens": 3}
    assert sum("usage" in v for v in (said, text, moved, end)) == 1


def test_a_role_that_comes_with_a_refused_call_stays():
    out = values(run(call(entry(0, "{}", "bash"), role="assistant"), END, verdicts=[DENY]))
    assert out[0]["choices"][0]["delta"] == {"role": "assistant"}


def test_interleaved_calls():
    events = [A[0], B[0], A[1], B[1], A[2], END]
    assert run(*events, verdicts=[ALLOW, ALLOW]) == b"".join(events)
    out = run(*events, verdicts=[ALLOW, DENY])
    assert b"list" not in out.replace(b"Not allowed: list", b"")
    assert out.startswith(A[0])
    assert A[1] + A[2] in out


def test_pieces_of_two_calls_in_one_event():
    both = call(entry(0, "1}"), entry(1, "{}"))
    out = values(run(A[0], B[0], A[1], both, END, verdicts=[ALLOW, DENY]))
    (told,) = [v["choices"][0]["delta"]["tool_calls"][0] for v in out if "tool_calls" in v["choices"][0]["delta"]]
    assert told["function"] == {"name": "bash", "arguments": '{"a":1}'}


def test_a_rewrite_is_one_event():
    new = Verdict("allow", "hooks", "", arguments=b'{"b":2}')
    first, end = values(run(*A, END, verdicts=[new]))
    assert first["choices"][0]["delta"]["tool_calls"][0]["function"] == {"name": "bash", "arguments": '{"b":2}'}
    assert end["choices"][0]["finish_reason"] == "tool_calls"


def test_the_old_form_is_a_call():
    start = chunk(function_call={"name": "bash", "arguments": '{"a":'})
    out = values(run(start, chunk(function_call={"arguments": "1}"}), chunk(finish="function_call"), verdicts=[DENY]))
    assert "function_call" not in json.dumps(out)
    assert out[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_name_that_comes_late_does_not_let_pieces_pass():
    nameless = call({"index": 0, "function": {"arguments": '{"rm"'}})
    named = call({"index": 0, "id": "c0", "function": {"name": "bash", "arguments": ":1}"}})
    assert b":1}" not in run(nameless, named, END, verdicts=[DENY])
    assert b"arguments" not in run(nameless, named, END, verdicts=[DENY])
    assert run(nameless, named, END, verdicts=[ALLOW]) == nameless + named + END


# --- whole replies -----------------------------------------------------------------------------------------------


def reply(*calls, content="Hi.", **more):
    message = {"role": "assistant", "content": content, "tool_calls": list(calls), **more}
    return json.dumps(
        {"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "u": 1}
    ).encode()


def test_whole_untouched_is_the_very_bytes():
    body = reply(entry(0, "{}", "bash"))
    assert mend_chat.whole(body, {1: ruled()}) is body


@pytest.mark.parametrize("content", ["Hi.", None, "", [{"type": "text", "text": "Hi."}]])
def test_whole_with_a_refused_call(content):
    body = reply(entry(0, "{}", "bash"), entry(1, "{}", "list"), content=content)
    value = json.loads(mend_chat.whole(body, {1: ruled(form="text"), 2: ruled("c2", arguments=b'{"x":1}')}))
    message = value["choices"][0]["message"]
    assert [c["function"] for c in message["tool_calls"]] == [{"name": "list", "arguments": '{"x":1}'}]
    assert "no." in json.dumps(message["content"])
    assert value["choices"][0]["finish_reason"] == "tool_calls"
    assert value["u"] == 1


def test_whole_without_a_call_left():
    value = json.loads(mend_chat.whole(reply(entry(0, "{}", "bash")), {1: ruled(form="text")}))
    assert value["choices"][0] == {
        "index": 0, "message": {"role": "assistant", "content": "Hi.\n\nno."}, "finish_reason": "stop"
    }  # fmt: skip


@pytest.mark.parametrize(("ruling", "left"), [(ruled(form="text"), None), (ruled(arguments=b"[]"), "[]")])
def test_whole_in_the_old_form(ruling, left):
    message = {"role": "assistant", "content": None, "function_call": {"name": "bash", "arguments": "{}"}}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "function_call"}]}).encode()
    value = json.loads(mend_chat.whole(body, {0: ruling}))["choices"][0]
    assert value["message"].get("function_call", {}).get("arguments") == left
    assert value["finish_reason"] == ("function_call" if left else "stop")
