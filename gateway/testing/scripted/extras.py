"""Everything a vendor answers besides inference: model lists, probes, embeddings, plain completions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.testing.scripted.memory import CHARACTERS_PER_TOKEN, Memory, dump
from gateway.testing.scripted.turns import Answer

DIMENSIONS = 8


def json_answer(body: object, status: int = 200) -> Answer:
    return Answer(status, ((b"content-type", b"application/json"),), (dump(body),), whole=True)


def other(method: str, path: str, models: Sequence[str]) -> Answer:
    """GET, HEAD and the rest."""
    if method not in ("GET", "HEAD"):
        return json_answer({"error": {"message": "Not allowed to " + method, "type": "invalid_request_error"}}, 405)
    if path.endswith("/models"):
        return json_answer(model_list(models))
    if "/models/" in path:
        name = path.rpartition("/models/")[2]
        if name in models:
            return json_answer(_model(name))
        return json_answer({"error": {"message": f"The model '{name}' does not exist", "code": "model_not_found"}}, 404)
    if path in ("", "/health", "/api/hello", "/ping", "/version"):
        return json_answer({"status": "ok"})
    return json_answer({"error": {"message": f"Invalid URL ({method} {path})", "type": "invalid_request_error"}}, 404)


def _model(name: str) -> dict[str, Any]:
    """A model's entry: OpenAI's fields and Anthropic's together, as some proxies answer."""
    made = {"created": 1_795_000_000, "created_at": "2026-11-20T00:00:00Z", "max_model_len": 128_000}
    return {"id": name, "object": "model", "type": "model", "display_name": name, "owned_by": "scripted", **made}


def model_list(models: Sequence[str]) -> dict[str, Any]:
    data = [_model(name) for name in models]
    ends = {"first_id": models[0], "last_id": models[-1]} if models else {}
    return {"object": "list", "data": data, "has_more": False, **ends}


def posted(path: str, body: Mapping[str, Any], memory: Memory) -> Answer:
    """POST to anything that is not inference in one of the three dialects."""
    if path.endswith("/embeddings"):
        return json_answer(_embeddings(body))
    if path.endswith("/completions"):
        return json_answer(_completion(body, memory))
    return json_answer({"error": {"message": f"Invalid URL (POST {path})", "type": "invalid_request_error"}}, 404)


def _embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Vectors that depend on the text alone, values in [0, 1)."""
    given = body.get("input")
    inputs = given if isinstance(given, list) else [given]
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(str(text))} for index, text in enumerate(inputs)
    ]
    tokens = sum(len(str(text)) // CHARACTERS_PER_TOKEN + 1 for text in inputs)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body.get("model"), "usage": usage}


def _vector(text: str) -> list[float]:
    return [byte / 256 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSIONS]]


def _completion(body: Mapping[str, Any], memory: Memory) -> dict[str, Any]:
    prompt = str(body.get("prompt", ""))
    read, said = len(prompt) // CHARACTERS_PER_TOKEN + 1, 4
    return {
        "id": memory.mint("cmpl-"),
        "object": "text_completion",
        "created": 1_795_000_000,
        "model": body.get("model"),
        "choices": [{"index": 0, "text": " and so it is.", "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said},
    }
