"""What a real vLLM sent (providers/vllm), read by our dialects: known answers in, and back out in all three."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.dialects import registry
from gateway.dialects.contract import Dialect, ReplyContext
from gateway.ir.events import Failed, Finished, Response, fold
from gateway.ir.request import Text, ToolCall
from gateway.ir.usage import Usage
from gateway.providers.vllm import PROVIDER

FOLDER = Path(__file__).parent / "providers" / "vllm"
DIALECTS = ("chat", "messages", "responses")
COUNTED = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
FIRST, SECOND = "echo hi > hello.txt", "echo ho > second.txt"

#: case -> the texts, the commands of the calls to `bash`, and how it ended.
SAID: dict[str, tuple[list[str], list[str], str]] = {
    "text": ([COUNTED], [], "stop"),
    "tool": ([], [FIRST], "tool_calls"),
    "two-tools": ([], [FIRST, SECOND], "tool_calls"),
    "after-result": (["Done."], [], "stop"),
    "cached": (["Hello from the tiny model."], [], "stop"),
    "lora": (["Hello from the adapter."], [], "stop"),
    # Five tokens; "five" is two.
    "length": (["one two three four f"], [], "length"),
}
STREAMS = sorted(path.name.removesuffix(".sse") for path in FOLDER.glob("*.sse"))
REFUSED = sorted(path.name.removesuffix(".json") for path in FOLDER.glob("*-too-long.json"))


def dialect_of(name: str) -> Dialect:
    return registry.by_name(name.partition("-")[0])  # type: ignore[arg-type]


def events_of(stream: bytes) -> list[bytes]:
    """Whole SSE events, blank line included; the recordings use LF only."""
    return [event + b"\n\n" for event in stream.split(b"\n\n") if event.strip()]


def decoded(dialect: Dialect, stream: bytes) -> Response | Failed:
    decoder = dialect.stream_decoder(PROVIDER.profile_for(dialect.name))
    events = [event for raw in events_of(stream) for event in decoder.feed(raw)]
    return fold([*events, *decoder.close()])


def assert_said(found: Response | Failed, name: str) -> None:
    assert isinstance(found, Response), found
    texts, commands, reason = SAID[name.partition("-")[2].removeprefix("whole-")]
    assert [part.text for part in found.parts if isinstance(part, Text) and part.text] == texts
    calls = [part for part in found.parts if isinstance(part, ToolCall)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("bash", {"command": c}) for c in commands]
    assert all(call.id for call in calls)
    assert len({call.id for call in calls}) == len(calls)
    assert found.finish.reason == reason


def test_every_case_is_recorded_in_every_dialect() -> None:
    wanted = {f"{dialect}-{case}" for dialect in DIALECTS for case in SAID if case != "length"}
    assert wanted | {"chat-length", "messages-length"} == set(STREAMS)


@pytest.mark.parametrize("name", STREAMS)
def test_stream_is_understood(name: str) -> None:
    assert_said(decoded(dialect_of(name), (FOLDER / f"{name}.sse").read_bytes()), name)


@pytest.mark.parametrize("name", [f"{dialect}-whole-tool" for dialect in DIALECTS])
def test_whole_reply_is_understood(name: str) -> None:
    dialect, body = dialect_of(name), (FOLDER / f"{name}.json").read_bytes()
    found = dialect.decode_response(body, PROVIDER.profile_for(dialect.name))
    assert_said(found, name)
    assert found.usage == dialect.usage_of(body) == Usage(input_tokens=81, output_tokens=29)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_cached_tokens_are_counted_once(dialect: str) -> None:
    """560 read, 512 of them from the cache, in all dialects: Messages tells the total at the start and a part at the end."""
    found = decoded(dialect_of(dialect), (FOLDER / f"{dialect}-cached.sse").read_bytes())
    assert isinstance(found, Response)
    assert found.usage == Usage(input_tokens=560, cached_tokens=512, output_tokens=10)


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("name", STREAMS)
def test_stream_survives_translation(name: str, client: str) -> None:
    """Upstream bytes to a client's dialect and back: nothing that was said is lost on the way."""
    dialect, other = dialect_of(name), registry.by_name(client)
    decoder = dialect.stream_decoder(PROVIDER.profile_for(dialect.name))
    encoder = other.stream_encoder(ReplyContext(reply_id="id-1", model="local/tiny", created_s=1))
    events = [event for raw in events_of((FOLDER / f"{name}.sse").read_bytes()) for event in decoder.feed(raw)]
    sent = b"".join(encoder.feed(event) for event in [*events, *decoder.close()]) + encoder.close()
    assert_said(decoded(other, sent), name)
    assert b"local/tiny" in sent


@pytest.mark.parametrize("name", STREAMS)
def test_plain_events_hold_nothing_but_text(name: str) -> None:
    """What the cheap test lets pass undecoded carries no call, no usage, no ending."""
    dialect = dialect_of(name)
    for raw in events_of((FOLDER / f"{name}.sse").read_bytes()):
        if dialect.is_plain(raw):
            assert not re.search(
                rb'"(tool_calls|usage|partial_json)":[^n]|"finish_reason":"|"type":"message_delta"', raw
            )


@pytest.mark.parametrize("name", STREAMS)
def test_finish_comes_once_and_last_but_usage(name: str) -> None:
    dialect = dialect_of(name)
    decoder = dialect.stream_decoder(PROVIDER.profile_for(dialect.name))
    events = [event for raw in events_of((FOLDER / f"{name}.sse").read_bytes()) for event in decoder.feed(raw)]
    assert decoder.finished
    assert sum(isinstance(event, Finished) for event in [*events, *decoder.close()]) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_read(name: str) -> None:
    message, _ = dialect_of(name).error_of(400, (FOLDER / f"{name}.json").read_bytes())
    assert message.startswith("This model's maximum context length is 65536 tokens")
