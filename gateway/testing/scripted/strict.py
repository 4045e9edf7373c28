"""Validation as the real vendor would do it, in the vendor's words. One entry point; the rules are per vendor.

A request that passes here may still be refused by the real one; a request refused here would be refused there too.
"""

from __future__ import annotations

from gateway.testing.scripted import strict_anthropic, strict_openai
from gateway.testing.scripted.asked import Asked
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.turns import Profile
from gateway.testing.scripted.vendor_errors import Complaint

Headers = tuple[tuple[bytes, bytes], ...]


def complaint(asked: Asked, headers: Headers, memory: Memory, profile: Profile) -> Complaint | None:
    """The first thing the vendor would not accept, or None. The profile `plain` accepts everything."""
    if profile == "plain":
        return None
    if asked.dialect == "messages":
        return strict_anthropic.complaint(asked.body, headers, memory, genuine=profile == "anthropic")
    if asked.dialect == "responses":
        return strict_openai.responses(asked.body, memory, genuine=profile == "openai")
    return strict_openai.chat(asked.body, memory, profile)
