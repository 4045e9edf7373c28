"""Questions to a scripted vendor, in every dialect."""

from __future__ import annotations

import json
from typing import Any

from gateway.testing.scripted import ScriptedModel

VERSION = ((b"anthropic-version", b"2023-06-01"),)
USER = {"role": "user", "content": "hi"}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}}


def refused(model: ScriptedModel, path: str, body: dict[str, Any], headers: Any = VERSION) -> str:
    """The vendor's objection to a request, or ""."""
    answer, record = model.answer("POST", path, headers, json.dumps(body).encode())
    assert (answer.status == 200) == (record.complaint == "")
    return record.complaint


def body_for(dialect: str, *, stream: bool = True, tools: bool = True, **more: Any) -> dict[str, Any]:
    history = [{"role": "user", "content": "create hello.txt"}]
    body: dict[str, Any] = {"model": "m", "stream": stream, "max_tokens": 4096, "messages": history}
    offer: dict[str, Any] = {"name": "write_file", "input_schema": SCHEMA}
    if dialect == "chat":
        if stream:
            body["stream_options"] = {"include_usage": True}
        offer = {"type": "function", "function": {"name": "write_file", "parameters": SCHEMA}}
    elif dialect == "responses":
        body = {"model": "m", "stream": stream, "input": history}
        offer = {"type": "function", "name": "write_file", "parameters": SCHEMA}
    return body | ({"tools": [offer]} if tools else {}) | more


def ask(model: ScriptedModel, dialect: str, *, headers: Any = (), **more: Any) -> Any:
    answer, _ = model.answer("POST", PATHS[dialect], headers, json.dumps(body_for(dialect, **more)).encode())
    return answer


def events(answer: Any) -> list[Any]:
    """The JSON data of every event; lines that are not JSON stay text."""
    found: list[Any] = []
    for line in answer.body.replace(b"\r\n", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            data = line[5:].strip()
            found.append(data.decode() if data == b"[DONE]" else json.loads(data))
    return found
