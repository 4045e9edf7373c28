from __future__ import annotations

import msgspec
import pytest

from gateway.dialects._responses_in_json import EventJson, delta_of, same_item, same_json
from gateway.errors import UpstreamProtocol


def test_a_delta_is_a_text_or_nothing() -> None:
    assert delta_of(EventJson(delta=msgspec.Raw(b'"a\\n"'))) == "a\n"
    assert delta_of(EventJson(delta=msgspec.Raw(b"null"))) == ""
    assert delta_of(EventJson()) == ""
    with pytest.raises(UpstreamProtocol, match="a delta cannot be read"):
        delta_of(EventJson(delta=msgspec.Raw(b"{}")))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a":1,"b":2}', '{"b": 2, "a": 1}', True),
        ('{"a":1}', '{"a":2}', False),
        ("{", "{", False),  # two texts that are no JSON are compared as texts, by whoever asks
        ('"\ud800"', '"\ud800"', False),
    ],
)
def test_the_same_value_in_other_words(one: str, other: str, same: bool) -> None:
    assert same_json(one, other) is same


def test_an_item_is_the_same_whatever_its_status() -> None:
    assert same_item(b'{"id":"x","status":"in_progress"}', b'{"status": "completed", "id": "x"}')
    assert not same_item(b'{"id":"x","action":{"command":["ls"]}}', b'{"id":"x","action":{"command":["rm"]}}')
