"""An exchange is frozen: each stage returns a new one and leaves the old as it was."""

from __future__ import annotations

import msgspec
import pytest

from gateway.ir.exchange import Exchange, Identity, Labels, Session


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(
        request_id="req_1",
        received_s=1.0,
        dialect="chat",
        path="/v1/chat/completions",
        query="",
        headers=(),
        body=b"{}",
        view=None,
        model_asked="auto",
        stream=False,
    )


def test_each_stage_adds_its_word_and_nothing_else(exchange: Exchange) -> None:
    done = (
        exchange.identified(Identity("key_1", harness="aider"), ("team-a",))
        .placed(Session("s1", turns=2))
        .labelled(Labels("title", "by its system prompt"))
    )
    assert done.identity == Identity("key_1", harness="aider")
    assert done.tags == ("team-a",)
    assert done.session == Session("s1", turns=2)
    assert done.labels.call == "title"
    changed = {"identity", "tags", "session", "labels"}
    for field in msgspec.structs.fields(Exchange):
        if field.name not in changed:
            assert getattr(done, field.name) == getattr(exchange, field.name)


def test_the_earlier_value_is_untouched(exchange: Exchange) -> None:
    """Each hop starts from the same exchange, so a retry never inherits the last hop's edits."""
    exchange.placed(Session("s1"))
    assert exchange.session == Session("")
    with pytest.raises(AttributeError):
        exchange.body = b"other"  # type: ignore[misc]
