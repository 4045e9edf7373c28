"""Responses: the refused item becomes a message, in the stream and in the copy at its end."""

import json

import pytest

from gateway.dialects.registry import by_name
from gateway.errors import UpstreamProtocol
from gateway.ir.profile import DEFAULT
from gateway.toolgate import mend_responses
from gateway.toolgate.gate import Gate
from gateway.toolgate.values import Manner
from policies.verdict import Verdict
from tests.unit.gateway.toolgate.told import ALLOW, DENY, ruled, sse, values


def numbered(*events):
    return [sse(e["type"], **e, sequence_number=n) for n, e in enumerate(events)]


def item(index, name="bash", arguments='{"a":1}', kind="function_call"):
    field = "input" if kind == "custom_tool_call" else "arguments"
    return {
        "type": kind,
        "id": f"fc_{index}",
        "call_id": f"call_{index}",
        "name": name,
        field: arguments,
        "status": "completed",
    }


def call(index, name="bash", arguments='{"a":1}', kind="function_call"):
    done = item(index, name, arguments, kind)
    field = "input" if kind == "custom_tool_call" else "arguments"
    words = "custom_tool_call_input" if kind == "custom_tool_call" else "function_call_arguments"
    place = {"item_id": f"fc_{index}", "output_index": index}
    return [
        {
            "type": "response.output_item.added",
            "output_index": index,
            "item": {**done, field: "", "status": "in_progress"},
        },
        {"type": f"response.{words}.delta", **place, "delta": arguments[:3]},
        {"type": f"response.{words}.delta", **place, "delta": arguments[3:]},
        {"type": f"response.{words}.done", **place, field: arguments},
        {"type": "response.output_item.done", "output_index": index, "item": done},
    ]


CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m", "output": []}}


def completed(*items):
    usage = {"input_tokens": 1, "output_tokens": 2}
    return {
        "type": "response.completed",
        "response": {"id": "resp_1", "status": "completed", "output": list(items), "usage": usage},
    }


def run(events, verdicts, manner=None):
    decoder = by_name("responses").stream_decoder(DEFAULT)
    gate = Gate(mend_responses.ResponsesMender(), manner=manner or Manner("text"))
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
    events = numbered(CREATED, *call(0), *call(1, "list", "{}"), completed(item(0), item(1, "list", "{}")))
    assert run(events, [ALLOW, ALLOW]) == b"".join(events)


def test_a_refused_item_is_a_message_everywhere():
    events = numbered(CREATED, *call(0), *call(1, "list", "{}"), completed(item(0), item(1, "list", "{}")))
    out = values(run(events, [DENY, ALLOW]))
    assert [v["sequence_number"] for v in out] == list(range(len(out)))
    assert [v["type"].removeprefix("response.") for v in out[1:7]] == [
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done",
    ]  # fmt: skip
    assert {v["output_index"] for v in out[1:7]} == {0}
    message, kept = out[-1]["response"]["output"]
    assert message == out[6]["item"]
    assert message["type"] == "message"
    assert "[interlock]" in message["content"][0]["text"]
    assert kept == item(1, "list", "{}")
    assert out[-1]["response"]["usage"] == {"input_tokens": 1, "output_tokens": 2}


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call"])
def test_other_arguments_everywhere(kind):
    field = "input" if kind == "custom_tool_call" else "arguments"
    new = Verdict("allow", "hooks", "", arguments=b'{"b":2}')
    events = numbered(CREATED, *call(0, kind=kind), completed(item(0, kind=kind)))
    out = values(run(events, [new]))
    assert [v["sequence_number"] for v in out] == list(range(len(out)))
    added, delta, told, done = out[1:5]
    assert added["item"][field] == ""
    assert delta["delta"] == told[field] == done["item"][field] == '{"b":2}'
    assert out[-1]["response"]["output"][0][field] == '{"b":2}'
    assert {k: v for k, v in done["item"].items() if k != field} == {
        k: v for k, v in item(0, kind=kind).items() if k != field
    }


def test_a_vendors_shell_item_asks_the_client_to_act():
    action = {"type": "exec", "command": ["rm", "-rf", "/"], "env": {}}
    shell = {"type": "local_shell_call", "id": "ls_1", "call_id": "call_9", "status": "completed", "action": action}
    added = {"type": "response.output_item.added", "output_index": 0, "item": {**shell, "status": "in_progress"}}
    done = {"type": "response.output_item.done", "output_index": 0, "item": shell}
    events = numbered(CREATED, added, done, completed(shell))
    assert run(events, [ALLOW]) == b"".join(events)
    assert b"-rf" not in run(events, [DENY])
    shimmed = values(run(events, [DENY], Manner("shim")))
    for told in (shimmed[1]["item"], shimmed[2]["item"], shimmed[-1]["response"]["output"][0]):
        assert told["action"]["command"][:2] == ["sh", "-c"]
        assert told["call_id"] == "call_9"
    assert [v["sequence_number"] for v in shimmed] == [0, 1, 2, 3]


def test_a_call_that_only_the_end_tells():
    events = numbered(CREATED, completed(item(0)))
    assert run(events, [ALLOW]) == b"".join(events)
    (message,) = values(run(events, [DENY]))[-1]["response"]["output"]
    assert message["type"] == "message"


def test_a_call_without_an_id_at_the_end():
    bare = {k: v for k, v in item(0).items() if k not in ("id", "call_id")}
    events = numbered(CREATED, *call(0), completed(bare))
    assert values(run(events, [DENY]))[-1]["response"]["output"][0]["type"] == "message"


def test_a_second_copy_of_a_refused_item_is_dropped():
    events = numbered(CREATED, *call(0), call(0)[-1], completed(item(0)))
    out = values(run(events, [DENY]))
    assert len(out) == 8
    assert [v["sequence_number"] for v in out] == list(range(8))


def test_a_piece_that_names_no_item_known_is_not_let_through_beside_a_refused_call():
    stray = {"type": "response.function_call_arguments.delta", "item_id": "fc_0", "output_index": 0, "delta": '{"a":1}'}
    events = numbered(CREATED, stray, completed(item(0)))
    assert b"arguments.delta" not in run(events, [DENY])


def test_an_end_without_its_type_is_mended_all_the_same():
    raw = numbered(CREATED, *call(0), completed(item(0)))
    raw[-1] = raw[-1].replace(b'"type": "response.completed", ', b"")
    assert b"function_call" not in run(raw, [DENY]).split(b"event: response.completed")[1]


def test_a_call_at_the_end_that_nobody_judged_is_refused():
    with pytest.raises(UpstreamProtocol):
        mend_responses.mend_output({"output": [item(0), item(0)]}, [ruled("call_0", form="text")])


def test_servers_that_do_not_count():
    events = [sse(e["type"], **e) for e in (CREATED, *call(0), completed(item(0)))]
    assert all("sequence_number" not in v for v in values(run(events, [DENY])))


def test_whole_replies():
    body = json.dumps({"id": "r", "output": [item(0), item(1)], "output_text": "x"}).encode()
    assert mend_responses.whole(body, {0: ruled("call_0"), 1: ruled("call_1")}) is body
    rulings = {0: ruled("call_0", form="text"), 1: ruled("call_1", arguments=b"[]")}
    value = json.loads(mend_responses.whole(body, rulings))
    assert value["output"][0]["content"][0]["text"] == "no."
    assert value["output"][1] == {**item(1), "arguments": "[]"}
    assert "output_text" not in value
