import pytest

from gateway.errors import UpstreamProtocol
from gateway.toolgate.mend import Counts, objects, opened, renewed, untouched
from tests.unit.gateway.toolgate.told import ruled


def test_an_emptied_reply_had_calls_and_has_none():
    counts = Counts()
    assert not counts.emptied
    counts.count({0: ruled(form="text")})
    assert counts.emptied
    counts.count({1: ruled(form="shim", arguments=b"{}")})
    assert not counts.emptied


def test_untouched_means_every_one():
    assert untouched({})
    assert untouched({0: ruled()})
    assert not untouched({0: ruled(), 1: ruled(arguments=b"{}")})


def test_events_are_opened_where_they_hold_an_object():
    assert opened(b'event: x\ndata: {"a":1}\n\n') == {"a": 1}
    assert opened(b": ping\n\n") is None
    assert opened(b"data: [DONE]\n\n") is None
    for bad in (b"[1]", b"{", b"\xff"):
        with pytest.raises(UpstreamProtocol):
            objects(bad)


def test_a_renewed_event_keeps_its_name():
    assert renewed(b"event: x\r\ndata: {}\r\n\r\n", {"a": 1}) == b'event: x\ndata: {"a":1}\n\n'
    assert renewed(b"data: {}\n\n", {}) == b"data: {}\n\n"
