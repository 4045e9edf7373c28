"""Which vendor judges which dialect, and that a lenient one judges nothing."""

from __future__ import annotations

import pytest

from gateway.testing.scripted import PROFILES
from gateway.testing.scripted.asked import read
from gateway.testing.scripted.memory import Memory
from gateway.testing.scripted.strict import complaint


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_an_empty_request_is_refused_by_all_but_the_lenient_vendor(profile: str, dialect: str) -> None:
    found = complaint(read(dialect, {}), (), Memory(), profile)  # type: ignore[arg-type]
    assert (found is None) == (profile == "plain")


def test_only_the_genuine_vendor_checks_signatures_and_marks() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "foreign"}
    history = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "y"}]},
    ]
    asked = read("messages", {"model": "m", "max_tokens": 9, "messages": [*history, {"role": "user", "content": "z"}]})
    version = ((b"anthropic-version", b"2023-06-01"),)
    found = complaint(asked, version, Memory(), "anthropic")
    assert found is not None
    assert "Invalid `signature`" in found.message
    assert complaint(asked, version, Memory(), "vllm") is None
