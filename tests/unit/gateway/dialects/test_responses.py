from __future__ import annotations

import json

from gateway.dialects.contract import ReplyContext, Target
from gateway.dialects.registry import by_name, by_path
from gateway.dialects.responses import DIALECT, countable, input_items, output_items, response_id, with_history
from gateway.errors import MalformedRequest
from gateway.ir.events import Finished, Response
from gateway.ir.profile import DEFAULT
from gateway.ir.request import Text
from gateway.wire.sse import is_comment

BODY = b'{"model":"auto","input":[{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"E"}],"stream":true}'
REPLY = Response("resp_1", "m", (Text("hi"),), Finished("stop"))


def test_it_is_found_by_name_and_path() -> None:
    assert by_name("responses") is DIALECT
    assert by_path()["/v1/responses"] is DIALECT


def test_the_keepalive_is_a_comment() -> None:
    assert is_comment(DIALECT.keepalive)
    assert DIALECT.is_plain(DIALECT.keepalive)


def test_requests_go_through() -> None:
    view = DIALECT.read(BODY)
    target = Target(model="up", profile=DEFAULT)
    assert DIALECT.adapt(BODY, view, target, ask_usage=True) == BODY.replace(b'"auto"', b'"up"')
    assert json.loads(DIALECT.encode_request(DIALECT.decode_request(BODY), target).body)["model"] == "up"
    (seen,) = DIALECT.seen_reasoning(view)
    assert seen.seal == "E"
    assert json.loads(DIALECT.rewrite_reasoning(BODY, view, [seen.path], {}, DEFAULT))["input"] == []
    assert json.loads(DIALECT.without_reasoning(BODY, view, DEFAULT))["input"] == []


def test_replies_go_through() -> None:
    context = ReplyContext(reply_id="1", model="m", created_s=0)
    body = DIALECT.encode_response(REPLY, context)
    assert DIALECT.decode_response(body, DEFAULT).parts == REPLY.parts
    assert DIALECT.usage_of(body) is None
    assert DIALECT.stream_encoder(context).close().startswith(b"event: response.created\n")
    assert not DIALECT.stream_decoder(DEFAULT).finished


def test_errors_go_through() -> None:
    error = MalformedRequest("bad")
    assert DIALECT.error_of(400, DIALECT.error_body(error, "r")) == ("bad", "malformed_request")
    assert DIALECT.error_event(error, "r").startswith(b"event: error\n")


def test_the_helpers_of_stored_responses_are_at_hand() -> None:
    reply = DIALECT.encode_response(REPLY, ReplyContext(reply_id="1", model="m", created_s=0))
    history = [*input_items(BODY), *output_items(reply)]
    assert len(input_items(with_history(b'{"model":"m","input":"x"}', history))) == 3
    assert response_id(reply) == "resp_1"
    assert countable(b'{"model":"m","input":"x"}')[0] == [b"x"]
