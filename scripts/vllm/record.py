#!/usr/bin/env python3
"""Record what a running vLLM answers, byte for byte, as golden files for the dialect tests.

usage: record.py http://127.0.0.1:PORT OUT_DIR      (the server of scripts/vllm/serve)

Writes NAME.request.json (path and body) and NAME.sse (streams) or NAME.json (whole replies and errors).
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

TASK = "create hello.txt containing hi"
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
SHELL = {"name": "bash", "description": "Run a command."}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "chat": [{"type": "function", "function": {**SHELL, "parameters": SCHEMA}}],
    "messages": [{**SHELL, "input_schema": SCHEMA}],
    "responses": [{"type": "function", **SHELL, "parameters": SCHEMA}],
}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
LONG_SYSTEM = (
    "You are a coding agent. Keep to the style of the project and say what you did. " * 20
)  # over two cache blocks


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def after_result(dialect: str) -> list[dict[str, Any]]:
    """The history of a second turn: task, tool call, tool result."""
    arguments = {"command": "echo hi > hello.txt"}
    if dialect == "messages":
        call = {"type": "tool_use", "id": "call-1", "name": "bash", "input": arguments}
        result = {"type": "tool_result", "tool_use_id": "call-1", "content": "(no output)"}
        return [*user(TASK), {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    text = json.dumps(arguments)
    if dialect == "responses":
        asked = {"type": "function_call", "call_id": "call-1", "name": "bash", "arguments": text}
        return [*user(TASK), asked, {"type": "function_call_output", "call_id": "call-1", "output": "(no output)"}]
    function = {"name": "bash", "arguments": text}
    asked = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call-1", "type": "function", "function": function}],
    }
    return [*user(TASK), asked, {"role": "tool", "tool_call_id": "call-1", "content": "(no output)"}]


def body(
    dialect: str, turns: list[dict[str, Any]], *, tools: bool = False, stream: bool = True, system: str = ""
) -> Any:
    found: dict[str, Any] = {"model": "tiny", "stream": stream}
    if dialect == "responses":
        found |= {"input": turns, "store": False} | ({"instructions": system} if system else {})
    elif dialect == "messages":
        found |= {"messages": turns, "max_tokens": 200} | ({"system": system} if system else {})
    else:
        found["messages"] = [*([{"role": "system", "content": system}] if system else []), *turns]
        if stream:
            found["stream_options"] = {"include_usage": True}
    return found | ({"tools": TOOLS[dialect]} if tools else {})


def cases() -> dict[str, tuple[str, Any]]:
    """Name -> path and body."""
    found: dict[str, tuple[str, Any]] = {}
    for dialect, path in PATHS.items():
        found[f"{dialect}-text"] = (path, body(dialect, user("COUNT")))
        found[f"{dialect}-tool"] = (path, body(dialect, user(TASK), tools=True))
        found[f"{dialect}-two-tools"] = (path, body(dialect, user("TWO"), tools=True))
        found[f"{dialect}-after-result"] = (path, body(dialect, after_result(dialect), tools=True))
        found[f"{dialect}-cached"] = (path, body(dialect, user("HELLO"), system=LONG_SYSTEM))
        found[f"{dialect}-whole-tool"] = (path, body(dialect, user(TASK), tools=True, stream=False))
        found[f"{dialect}-no-such-model"] = (path, {**body(dialect, user("HELLO"), stream=False), "model": "nobody"})
        found[f"{dialect}-too-long"] = (path, body(dialect, user("word " * 66_000)))
        found[f"{dialect}-lora"] = (path, {**body(dialect, user("HELLO")), "model": "tiny-lora"})
    cut = body("chat", user("COUNT")) | {"max_tokens": 5}
    found["chat-length"] = (PATHS["chat"], cut)
    found["messages-length"] = (PATHS["messages"], body("messages", user("COUNT")) | {"max_tokens": 5})
    counted = {"model": "tiny", "messages": user(TASK), "tools": TOOLS["messages"]}
    found["messages-count-tokens"] = ("/v1/messages/count_tokens", counted)
    return found


def post(url: str, sent: Any) -> tuple[int, bytes]:
    request = urllib.request.Request(url, json.dumps(sent).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    base, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name, (path, sent) in cases().items():
        if name.endswith("-cached"):
            post(base + path, sent)  # warms the cache: the second reply is the recorded one
        status, answer = post(base + path, sent)
        kind = "sse" if answer.startswith((b"data:", b"event:")) else "json"
        shown = (
            sent if not name.endswith("-too-long") else {**sent, "note": "one user turn of 66,000 words, left out here"}
        )
        if shown is not sent:
            shown = {key: value for key, value in shown.items() if key not in ("messages", "input")}
        asked = {"path": path, "status": status, "body": shown}
        (out / f"{name}.request.json").write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        (out / f"{name}.{kind}").write_bytes(answer)
        print(f"{name}: {status}, {len(answer)} bytes")


if __name__ == "__main__":
    main()
