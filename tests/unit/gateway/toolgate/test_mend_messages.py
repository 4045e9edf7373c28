"""Messages: the refused call's block becomes text under the same number."""

import json

from gateway.dialects.registry import by_name
from gateway.ir.profile import DEFAULT
from gateway.toolgate import mend_messages
from gateway.toolgate.gate import Gate
from gateway.toolgate.values import Manner
from policies.verdict import Verdict
from tests.unit.gateway.toolgate.told import ALLOW, DENY, ruled, sse, values


def ev(kind, **more):
    return sse(kind, type=kind, **more)


START = ev("message_start", message={"id": "m", "model": "x", "content": [], "usage": {"input_tokens": 1}})
STOP = ev("message_stop")


def tool(index, name="bash", *pieces, given=None, stop=True):
    block = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": given or {}}
    deltas = [
        ev("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
        for piece in pieces
    ]
    end = [ev("content_block_stop", index=index)] if stop else []
    return [ev("content_block_start", index=index, content_block=block), *deltas, *end]


def ended(reason="tool_use"):
    return ev("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 5})


def run(*events, verdicts, manner=None):
    decoder = by_name("messages").stream_decoder(DEFAULT)
    gate = Gate(mend_messages.MessagesMender(), manner=manner or Manner("text"))
    verdicts = list(verdicts)
    out = []
    for raw in events:
        before = decoder.call_pieces
        made = decoder.feed(raw)
        last = decoder.finished
        pieces = decoder.call_pieces != before
        out.append(gate.feed(b"" if last else raw, made, pieces=pieces, calls_open=decoder.calls_open))
        while gate.need:
            out.append(gate.resolve([verdicts.pop(0) for _ in gate.need], fresh=False))
        if last:
            out.append(gate.ended(raw))
    return b"".join(out)


def test_allowed_calls_are_the_very_bytes():
    events = [START, *tool(0, "bash", '{"a":', "1}"), *tool(1, "list", "{}"), ended(), STOP]
    assert run(*events, verdicts=[ALLOW, ALLOW]) == b"".join(events)


def test_each_call_is_let_go_at_its_own_end():
    events = [START, *tool(0, "bash", "{}")]
    assert run(*events, verdicts=[ALLOW]) == b"".join(events)


def test_a_refused_call_is_a_text_under_its_number():
    first, second = tool(0, "bash", '{"a":', "1}"), tool(1, "list", "{}")
    out = run(START, *first, *second, ended(), STOP, verdicts=[DENY, ALLOW])
    assert out.endswith(b"".join([*second, ended(), STOP]))
    _, start, delta, stop = values(out[: -len(b"".join([*second, ended(), STOP]))])
    assert start == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert delta["delta"]["type"] == "text_delta"
    assert "[interlock]" in delta["delta"]["text"]
    assert stop == {"type": "content_block_stop", "index": 0}


def test_without_a_call_the_turn_ends_by_itself():
    out = values(run(START, *tool(0, "bash", "{}"), ended(), STOP, verdicts=[DENY]))
    assert out[-2]["delta"]["stop_reason"] == "end_turn"
    assert out[-2]["usage"] == {"output_tokens": 5}
    kept = values(run(START, *tool(0, "bash", "{}"), ended("max_tokens"), STOP, verdicts=[DENY]))
    assert kept[-2]["delta"]["stop_reason"] == "max_tokens"


def test_other_arguments_in_one_piece():
    new = Verdict("allow", "hooks", "", arguments=b'{"b":2}')
    events = tool(0, "bash", '{"a":', "1}", given={"seen": "at once"})
    start, delta, stop = values(run(START, *events, ended(), STOP, verdicts=[new]))[1:4]
    assert start["content_block"] == {"type": "tool_use", "id": "toolu_0", "name": "bash", "input": {}}
    assert delta["delta"] == {"type": "input_json_delta", "partial_json": '{"b":2}'}
    assert stop["type"] == "content_block_stop"


def test_text_behind_a_held_call_waits_and_is_not_lost():
    text = ev("content_block_start", index=1, content_block={"type": "text", "text": ""})
    said = ev("content_block_delta", index=1, delta={"type": "text_delta", "text": "later"})
    events = [START, *tool(0, "bash", "{}", stop=False), text, said, ev("content_block_stop", index=0), ended(), STOP]
    out = run(*events, verdicts=[DENY])
    assert text + said in out
    assert b"tool_use" not in out


def test_a_call_that_never_says_its_end():
    events = [START, *tool(0, "bash", "{}", stop=False), ended(), STOP]
    out = values(run(*events, verdicts=[DENY]))
    assert [v["type"] for v in out[1:4]] == ["content_block_start", "content_block_delta", "content_block_stop"]
    assert out[-2]["delta"]["stop_reason"] == "end_turn"
    assert run(*events, verdicts=[ALLOW]) == b"".join(events)


def test_an_empty_piece_of_a_refused_call_is_gone():
    out = run(START, *tool(0, "bash", "", "{}"), ended(), STOP, verdicts=[DENY])
    assert b"partial_json" not in out


def test_calls_that_come_with_the_start():
    block = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"a": 1}}
    start = ev("message_start", message={"id": "m", "content": [{"type": "text", "text": "t"}, block]})
    gone = values(run(start, ended(), STOP, verdicts=[DENY]))[0]["message"]["content"]
    assert gone[0] == {"type": "text", "text": "t"}
    assert "[interlock]" in gone[1]["text"]
    new = Verdict("allow", "hooks", "", arguments=b'{"b":2}')
    assert values(run(start, ended(), STOP, verdicts=[new]))[0]["message"]["content"][1]["input"] == {"b": 2}


def test_whole_replies():
    blocks = [{"type": "text", "text": "t"}, {"type": "tool_use", "id": "a", "name": "bash", "input": {"x": 1}}]
    body = json.dumps({"content": blocks, "stop_reason": "tool_use", "usage": {"input_tokens": 1}}).encode()
    assert mend_messages.whole(body, {1: ruled()}) is body
    gone = json.loads(mend_messages.whole(body, {1: ruled(form="text")}))
    assert gone["content"] == [blocks[0], {"type": "text", "text": "no."}]
    assert (gone["stop_reason"], gone["usage"]) == ("end_turn", {"input_tokens": 1})
    new = json.loads(mend_messages.whole(body, {1: ruled(arguments=b'{"y":2}')}))
    assert new["content"][1] == {**blocks[1], "input": {"y": 2}}
    assert new["stop_reason"] == "tool_use"
