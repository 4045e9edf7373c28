import msgspec
import pytest

from gateway.dialects.contract import ReplyContext, Target
from gateway.dialects.messages import DIALECT
from gateway.dialects.registry import by_path
from gateway.ir.events import Response
from gateway.ir.profile import Profile
from gateway.ir.request import Text

BODY = b'{"model":"a","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
PROFILE = Profile()


def test_it_is_found_by_its_path():
    assert by_path()["/v1/messages"] is DIALECT


@pytest.mark.case("3A.12")
def test_the_keepalive_is_a_ping():
    """A silent stream is kept alive by a ping event that every client skips.
    envoyproxy/ai-gateway#2549 ping must produce keep-alive bytes."""
    assert DIALECT.keepalive == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert DIALECT.is_plain(DIALECT.keepalive)
    decoder = DIALECT.stream_decoder(PROFILE)
    assert decoder.feed(DIALECT.keepalive) == []
    decoder.feed(b'data: {"type":"message_start","message":{"id":"m","content":[]}}\n\n')
    decoder.feed(DIALECT.terminal)
    assert decoder.finished


DATA = b'data: {"type":"content_block_delta","index":0,"delta":'
SPACED = b'data: {"type": "content_block_delta", "index": 12, "delta": {"type": "text_delta", "text": '
PLAIN = [
    b"event: content_block_delta\n" + DATA + b'{"type":"text_delta","text":"a"}}\n\n',
    SPACED + b'"a\\"\\\\\\u00e9 {}"}  }\n\n',
    b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":""},"index":0}\r\n\r\n',
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é你 tool_use"}}\n\n'.encode(),
    b": comment\n\n",
    b"\n",
    b'event: ping\ndata: {"type":"ping"}\n\n',
]
NOT_PLAIN = [
    DATA + b'{"type":"thinking_delta","thinking":"a"}}\n\n',
    DATA + b'{"type":"input_json_delta","partial_json":"\\"text_delta"}}\n\n',
    DATA + b'{"type":"text_delta","text":"a","type":"input_json_delta"}}\n\n',
    DATA + b'{"type":"text_delta","text":"a"},"type":"error"}\n\n',
    DATA + b'{"type":"text_delta","text":"a"},"delta":{"type":"input_json_delta"}}\n\n',
    DATA + b'{"type":"text_delta","text":"a"}}\ndata: {"type":"message_stop"}\n\n',
    DATA + b'{"type":"text_delta","text":"a\ndata: "}}\n\n',
    b"event: error\n" + DATA + b'{"type":"text_delta","text":"a"}}\n\n',
    b": comment\n" + DATA + b'{"type":"input_json_delta","partial_json":"{}"}}\n\n',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use"}}\n\n',
    b'event: error\ndata: {"type":"error","error":{}}\n\n',
    b'event: ping\ndata: {"type":"message_stop"}\n\n',
    b"data: [DONE]\n\n",
]


@pytest.mark.parametrize("event", PLAIN)
def test_plain_events(event):
    assert DIALECT.is_plain(event)


@pytest.mark.parametrize("event", NOT_PLAIN)
def test_events_that_must_be_looked_at(event):
    assert not DIALECT.is_plain(event)


def test_every_method_reaches_its_module():
    view = DIALECT.read(BODY)
    target = Target(model="b", profile=PROFILE)
    assert DIALECT.adapt(BODY, view, target, ask_usage=True) == BODY.replace(b'"a"', b'"b"')
    request = DIALECT.decode_request(BODY)
    assert DIALECT.encode_request(request, target).body == BODY.replace(b'"a"', b'"b"')
    assert DIALECT.seen_reasoning(view) == []
    assert DIALECT.rewrite_reasoning(BODY, view, [], {}, PROFILE) is BODY
    assert DIALECT.without_reasoning(BODY, view, PROFILE) is BODY
    reply = DIALECT.encode_response(
        Response("m", "m", (Text("x"),)), ReplyContext(reply_id="msg_1", model="m", created_s=0)
    )
    assert DIALECT.decode_response(reply, PROFILE).parts == (Text("x"),)
    assert DIALECT.usage_of(reply) is not None
    assert DIALECT.error_of(500, b'{"error":{"message":"m"}}') == ("m", None)
    assert DIALECT.countable(BODY)[0] == [b"hi"]
    assert msgspec.json.decode(DIALECT.count_body(1)) == {"input_tokens": 1}
