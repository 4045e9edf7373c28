"""Inference paths that are no dialect of an upstream: counting, embeddings, legacy completions, the dry run."""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec

from gateway.dialects import registry
from gateway.dialects._completions import COMPLETIONS
from gateway.dialects.contract import Dialect
from gateway.errors import MalformedRequest, NotAvailable
from gateway.http.front import Front, Surface
from gateway.pipeline import counting, embeddings
from gateway.pipeline.serve import RawRequest
from gateway.ports import Sink
from gateway.telemetry import H_REQUEST_ID


async def _json(sink: Sink, raw: RawRequest, body: bytes) -> None:
    await sink.whole(200, [(b"content-type", b"application/json"), (H_REQUEST_ID, raw.request_id.encode())], body)


async def count_messages(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> None:
    await _json(sink, raw, await counting.count_messages(front.pipeline, raw))


async def count_responses(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> None:
    await _json(sink, raw, await counting.count_responses(front.pipeline, raw))


async def embed(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> None:
    await embeddings.embed(front.pipeline, raw, sink)


async def complete(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> None:
    await front.pipeline.serve(raw, COMPLETIONS, sink)


async def respond(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> None:
    """Responses, with what is not offered refused before anything is called."""
    if dialect.read(raw.body).background:
        raise NotAvailable(
            "background responses are not available in this version", where="$.background", accepted="background: false"
        )
    await front.pipeline.serve(raw, dialect, sink)


async def dry_run(front: Front, raw: RawRequest, dialect: Dialect, sink: Sink) -> None:
    """`POST /v1/route?dialect=chat|messages|responses`: the decision, nothing is called."""
    asked = parse_qs(raw.query).get("dialect", ["chat"])[0]
    known = registry.all_dialects()
    if asked not in known:
        raise MalformedRequest(f"unknown dialect {asked[:40]!r}", where="?dialect", accepted=", ".join(known))
    decision = await front.pipeline.route(raw, known[asked])
    await _json(sink, raw, msgspec.json.encode(decision))


SURFACES: dict[tuple[str, str], Surface] = {
    ("POST", "/v1/messages/count_tokens"): count_messages,
    ("POST", "/v1/responses/input_tokens"): count_responses,
    ("POST", "/v1/responses"): respond,
    ("POST", "/v1/embeddings"): embed,
    ("POST", "/v1/completions"): complete,
    ("POST", "/v1/route"): dry_run,
}
