import pytest

from gateway.dialects._messages_stream_in import MessagesDecoder
from gateway.ir.events import BlockStop
from tests.support.messages_in import sse


def piece(index=0, **delta):
    return sse({"type": "content_block_delta", "index": index, "delta": delta})[0]


def begun(block):
    return sse(
        {"type": "message_start", "message": {"id": "m"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
    )


TEXT_BLOCK = {"type": "text", "text": ""}


THINKING_BLOCK = {"type": "thinking", "thinking": "", "signature": ""}


CALL_BLOCK = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}


@pytest.mark.parametrize(
    ("block", "event", "kind"),
    [
        (TEXT_BLOCK, piece(type="text_delta", text="x"), "text"),
        (THINKING_BLOCK, piece(type="thinking_delta", thinking="x"), "reasoning"),
        (CALL_BLOCK, piece(type="input_json_delta", partial_json="x"), "call"),
    ],
)
def test_events_of_one_text_have_a_frame(block, event, kind):
    decoder = MessagesDecoder()
    for one in begun(block):
        decoder.feed(one)
    decoder.feed(event)
    frame = decoder.frame(event)
    assert (frame.kind, frame.index, frame.one(event)) == (kind, 0, True)


@pytest.mark.parametrize(
    ("block", "event"),
    [
        (TEXT_BLOCK, piece(type="input_json_delta", partial_json="x")),
        (CALL_BLOCK, piece(type="text_delta", text="x")),
        (CALL_BLOCK, piece(index=1, type="input_json_delta", partial_json="x")),
        (CALL_BLOCK, piece(type="input_json_delta", partial_json="x", text="y")),
        (
            CALL_BLOCK,
            sse(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": "x"},
                    "usage": {},
                }
            )[0],
        ),
        (
            {"type": "server_tool_use", "id": "s", "name": "f", "input": {}},
            piece(type="input_json_delta", partial_json="x"),
        ),
        (TEXT_BLOCK, sse({"type": "ping"})[0]),
        (TEXT_BLOCK, b'data: {"text":"x"\n\n'),
    ],
)
def test_other_events_have_none(block, event):
    decoder = MessagesDecoder()
    for one in begun(block):
        decoder.feed(one)
    assert decoder.frame(event) is None


def test_input_that_went_by_in_frames_is_not_told_again():
    decoder = MessagesDecoder()
    for one in begun(CALL_BLOCK):
        decoder.feed(one)
    event = piece(type="input_json_delta", partial_json="{")
    frame = decoder.frame(event)
    decoder.more(frame, "{}")
    assert decoder.feed(sse({"type": "content_block_stop", "index": 0})[0]) == [BlockStop(0)]
