"""Names and numbers of faults."""

from __future__ import annotations

import pytest

from gateway.testing.scripted.faults import FAULTS, parse, sensible


def test_numbers() -> None:
    assert parse("hang").number == 8
    assert parse("hang:2.5").number == 2.5
    assert not parse(None)
    assert parse("cut").is_("empty", "cut")
    for wrong in ("flood", "hang:soon"):
        with pytest.raises(ValueError, match=r"flood|soon"):
            parse(wrong)


def test_accidents_and_habits_and_dialects() -> None:
    assert FAULTS["no_usage"].lasting
    assert FAULTS["no_done"].lasting
    assert not FAULTS["cut"].lasting
    assert not FAULTS["429ra"].lasting
    assert sensible("null_content", "chat")
    assert not sensible("null_content", "messages")
    assert sensible("hang:3", "responses")
