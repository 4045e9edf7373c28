"""Streams in the shape that vendors send, written by hand from openai 3.52's types, and the exact bytes a client gets.

The files stand in tests/golden/dialects/responses: `NAME.in.sse` what arrives, `NAME.out.sse` what a client reads after
decoding and encoding. A change of the output files is a change of what clients see: look at it, then copy it over.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.dialects.contract import ReplyContext
from gateway.dialects.responses import DIALECT
from gateway.ir.profile import DEFAULT
from gateway.wire.sse import SseSplitter

GOLDEN = Path(__file__).parents[3] / "golden" / "dialects" / "responses"
NAMES = ("openai_turn", "local_server", "truncated", "failed")
CONTEXT = ReplyContext(reply_id="0a1b", model="auto", created_s=1_763_600_000)


def translated(raw: bytes, size: int) -> bytes:
    splitter, decoder, encoder = SseSplitter(), DIALECT.stream_decoder(DEFAULT), DIALECT.stream_encoder(CONTEXT)
    out = []
    for start in range(0, len(raw), size):
        for frame in splitter.feed(raw[start : start + size]):
            out += map(encoder.feed, decoder.feed(frame))
    decoder.close()
    return b"".join([*out, encoder.close()])


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.case("3A.13")
def test_the_client_reads_exactly_this(name: str, size: int) -> None:
    """The same bytes leave, however the upstream's events were cut into chunks.

    gateways.md case 3A.13 (envoyproxy/ai-gateway#2163), 3A.18 (agentgateway#2113)."""
    raw = (GOLDEN / f"{name}.in.sse").read_bytes()
    assert translated(raw, size) == (GOLDEN / f"{name}.out.sse").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_only_text_events_pass_unread(name: str) -> None:
    frames = SseSplitter().feed((GOLDEN / f"{name}.in.sse").read_bytes())
    plain = [frame for frame in frames if DIALECT.is_plain(frame)]
    assert plain
    assert all(b"output_text.delta" in frame or frame.startswith(b":") for frame in plain)
