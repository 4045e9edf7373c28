"""The OpenAPI document: FastAPI's own routes, and the inference routes described besides, since FastAPI never sees them."""

from __future__ import annotations

import difflib
from typing import Any

from fastapi import FastAPI

_MESSAGE = {"type": "object", "required": ["role"], "properties": {"role": {"type": "string"}, "content": {}}}
_MODEL = {"type": "string", "minLength": 1, "description": "A name of GET /v1/models, e.g. auto."}
_STREAM = {"type": "boolean"}

_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/v1/chat/completions": (
        "OpenAI Chat Completions",
        {
            "type": "object",
            "required": ["model", "messages"],
            "properties": {
                "model": _MODEL,
                "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
                "stream": _STREAM,
                "max_tokens": {"type": "integer", "minimum": 1},
                "temperature": {"type": "number"},
                "tools": {"type": "array", "items": {"type": "object"}},
            },
        },
    ),
    "/v1/responses": (
        "OpenAI Responses",
        {
            "type": "object",
            "required": ["model", "input"],
            "properties": {
                "model": _MODEL,
                "input": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
                "instructions": {"type": "string"},
                "stream": _STREAM,
                "store": {"type": "boolean"},
                "previous_response_id": {"type": "string"},
                "max_output_tokens": {"type": "integer", "minimum": 1},
                "tools": {"type": "array", "items": {"type": "object"}},
            },
        },
    ),
    "/v1/messages": (
        "Anthropic Messages",
        {
            "type": "object",
            "required": ["model", "messages", "max_tokens"],
            "properties": {
                "model": _MODEL,
                "max_tokens": {"type": "integer", "minimum": 1},
                "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
                "system": {},
                "stream": _STREAM,
                "tools": {"type": "array", "items": {"type": "object"}},
            },
        },
    ),
    "/v1/messages/count_tokens": (
        "Anthropic token counting",
        {
            "type": "object",
            "required": ["model", "messages"],
            "properties": {"model": _MODEL, "messages": {"type": "array", "minItems": 1, "items": _MESSAGE}},
        },
    ),
    "/v1/responses/input_tokens": (
        "OpenAI token counting",
        {
            "type": "object",
            "required": ["model", "input"],
            "properties": {"model": _MODEL, "input": {"type": "string"}},
        },
    ),
    "/v1/completions": (
        "OpenAI legacy completions",
        {
            "type": "object",
            "required": ["model", "prompt"],
            "properties": {"model": _MODEL, "prompt": {"type": "string"}, "stream": _STREAM},
        },
    ),
    "/v1/embeddings": (
        "OpenAI embeddings",
        {
            "type": "object",
            "required": ["model", "input"],
            "properties": {"model": _MODEL, "input": {"oneOf": [{"type": "string"}, {"type": "array"}]}},
        },
    ),
    "/v1/route": (
        "Dry run: where would this request go, and why",
        {
            "type": "object",
            "required": ["model", "messages"],
            "properties": {"model": _MODEL, "messages": {"type": "array", "items": _MESSAGE}},
        },
    ),
}

_ERRORS = {
    "400": "The body is not what the dialect demands; the error names the place.",
    "401": "A key is needed.",
    "403": "The key may not do this.",
    "404": "The model is not known.",
    "405": "Only POST.",
    "413": "The body is too large.",
    "422": "The chosen upstream cannot carry this content.",
    "429": "Rate or budget limit.",
    "501": "Not available in this version.",
    "502": "The upstream failed.",
    "503": "No model can be called now.",
    "504": "The upstream was too slow.",
}


def _operation(summary: str, schema: dict[str, Any], path: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": ["inference"],
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "The answer, whole or as text/event-stream."},
            **{status: {"description": text} for status, text in _ERRORS.items()},
        },
    }
    if path == "/v1/route":
        choices = {"type": "string", "enum": ["chat", "messages", "responses"], "default": "chat"}
        operation["parameters"] = [{"name": "dialect", "in": "query", "schema": choices}]
    return operation


def describe(app: FastAPI) -> None:
    """Adds the inference routes to the document that FastAPI generates."""
    own = app.openapi

    def document() -> dict[str, Any]:
        known = own()
        for path, (summary, schema) in _BODIES.items():
            known["paths"].setdefault(path, {})["post"] = _operation(summary, schema, path)
        return known

    app.openapi = document  # type: ignore[method-assign]


def nearest(path: str) -> str:
    """The paths closest to a mistyped one: /chat/completions, /v1/v1/messages and the like are everyday mistakes."""
    known = [*_BODIES, "/v1/models", "/health", "/metrics"]
    close = [p for p in known if path.rstrip("/").endswith(p.removeprefix("/v1"))]
    return ", ".join(close or difflib.get_close_matches(path, known, n=3, cutoff=0.4) or known)
