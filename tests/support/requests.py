"""Neutral requests for tests, and what a Responses upstream gets of them."""

from __future__ import annotations

import json
from typing import Any

from gateway.dialects._responses_encode import encode_request
from gateway.dialects.contract import Target
from gateway.ir.profile import Profile
from gateway.ir.request import Message, Request, Text, Tool

OPENAI = Profile(encrypted_reasoning=True, tool_images=True, custom_tools=True, cache_key_field=True, documents=True)
PLAIN = Profile()
TOOL = Tool("run", "d", b'{"type":"object"}')


def chat(*messages: Message, **fields: Any) -> Request:
    return Request(origin="chat", model="auto", messages=messages or (Message("user", (Text("hi"),)),), **fields)


def sent(request: Request, profile: Profile = OPENAI, **target: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(body, losses)."""
    encoded = encode_request(request, Target(model="up", profile=profile, **target))
    return json.loads(encoded.body), encoded.losses


def said(*parts: Any) -> Message:
    return Message("assistant", parts)
