"""A client that stops reading stops its upstream: what the gateway takes meanwhile is bounded, whatever is translated."""

import pytest

from gateway.testing.scripted.turns import Text, Turn
from tests.faults import stage, vendor
from tests.faults.schedule import Ask, Schedule

TAKEN_BYTES_MAX = 600_000
"""The lean client's 256 KiB and one more read, one event, and what the small windows of two connections hold. Translated
streams write more bytes than they read."""

PAIRS = [
    ("chat", "chat"),
    ("messages", "messages"),
    ("responses", "responses"),
    ("chat", "messages"),
    ("responses", "chat"),
]


@pytest.mark.parametrize("served", [True, False], ids=["over HTTP", "by ASGI"])
@pytest.mark.parametrize(("client", "upstream"), PAIRS)
def test_a_reader_that_stops_stops_its_upstream(client, upstream, served, monkeypatch):
    def long(number, rng, *, tools):
        return Turn(parts=(Text(vendor.words(f"a{number}w", rng, 20_000)),))

    monkeypatch.setattr(vendor, "turn_of", long)
    ask = Ask(0, client, True, (upstream,), 0.0, "stops reading, then leaves", 3, 1, False, False)
    run = stage.run(Schedule(1, (ask,), 0.0, 0.0, served=served, window_bytes=4096, calm=True))
    (attempt,) = run.vendor.attempts
    total = sum(len(step) for step in attempt.played.steps if isinstance(step, bytes))
    assert not run.problems, run.problems
    assert not attempt.complete
    assert total > 2 * TAKEN_BYTES_MAX
    assert attempt.written < TAKEN_BYTES_MAX
    assert run.rows[0].outcome == "client_left"
