"""The gate as a dialogue: this comes, that goes on."""

import pytest

from gateway.errors import PolicyDenied, UpstreamProtocol
from gateway.ir.events import BlockStart, BlockStop, Delta, Finished
from gateway.ir.request import Text, ToolCall
from gateway.toolgate.gate import Gate
from gateway.toolgate.values import Manner, TurnRefused
from tests.unit.gateway.toolgate.told import ALLOW, DENY


class Mender:
    """Shows what it is given."""

    def __init__(self, *, ordered=False):
        self.ordered, self.edits, self.spoken = ordered, False, False

    def passed(self, raw, events):
        return raw

    def settled(self, held, rulings):
        return b"".join(i.raw for i in held) + b"|" + b",".join(str(r.form).encode() for r in rulings.values())

    def ended(self, raw):
        return raw + b"!"


def gate(*, ordered=False, **manner):
    return Gate(Mender(ordered=ordered), manner=Manner(**manner))


def begin(index=0, name="bash"):
    return BlockStart(index, ToolCall(f"c{index}", name, ""))


def fed(made, raw, *events, calls_open=1, pieces=True):
    return made.feed(raw, events, pieces=pieces, calls_open=calls_open)


def test_text_passes():
    made = gate()
    assert fed(made, b"t", BlockStart(0, Text("")), Delta(0, "x"), pieces=False, calls_open=0) == b"t"
    assert not made.holding
    assert made._mender.spoken


def test_a_call_is_held_until_it_is_judged():
    made = gate()
    assert fed(made, b"1", begin()) == b""
    made.more(b"2", 0, '{"command":1}')
    assert made.holding
    assert made.need == ()
    assert fed(made, b"3", BlockStop(0), calls_open=0) == b""
    assert [call.arguments for call in made.need] == [b'{"command":1}']
    assert made.resolve([ALLOW], fresh=True) == b"123|None"
    assert not made.holding
    assert made.need == ()
    assert [ruling.form for ruling in made.rulings] == [None]


def test_text_overtakes_a_call_where_the_dialect_allows_it():
    for ordered, passed in ((False, b"t"), (True, b"")):
        made = gate(ordered=ordered)
        fed(made, b"1", begin())
        assert made.watching is ordered
        assert fed(made, b"t", Delta(9, "x"), pieces=False) == passed


def test_calls_that_come_mixed_are_asked_for_together():
    made = gate()
    fed(made, b"1", begin(0), calls_open=1)
    fed(made, b"2", begin(1), calls_open=2)
    fed(made, b"3", BlockStop(1), calls_open=1)
    assert made.need == ()
    fed(made, b"4", BlockStop(0), calls_open=0)
    assert [call.id for call in made.need] == ["c0", "c1"]
    assert made.resolve([ALLOW, DENY], fresh=False) == b"1234|None,shim" or made.rulings[1].form == "text"


def test_pieces_without_a_name_are_held_too():
    made = gate()
    assert fed(made, b"1") == b""
    assert made.holding


def test_pieces_that_never_become_a_call_are_refused():
    made = gate()
    fed(made, b"1")
    with pytest.raises(UpstreamProtocol):
        fed(made, b"2", calls_open=0)


def test_another_copy_of_a_judged_call_passes():
    assert fed(gate(), b"copy", calls_open=0) == b"copy"


# --- bounds ------------------------------------------------------------------------------------------------------


def test_a_call_that_is_too_large_is_refused_unseen():
    made = gate(held_bytes=10)
    fed(made, b"start", begin())
    made.more(b"x" * 20, 0, "y" * 20)
    assert made._held_bytes > 10
    for _ in range(100):
        made.more(b"x" * 20, 0, "y" * 20)
    assert sum(len(item.raw) for item in made._held) <= 10
    assert fed(made, b"end", BlockStop(0), calls_open=0) == b"startend|text"
    assert made.need == ()
    assert "larger than 10 bytes" in made.rulings[0].text


def test_what_waits_behind_it_is_bounded_too():
    made = gate(ordered=True, held_bytes=10)
    fed(made, b"start", begin())
    made.more(b"x" * 20, 0, "y")
    fed(made, b"t" * 8, Delta(9, "t"), pieces=False)
    with pytest.raises(UpstreamProtocol):
        fed(made, b"t" * 8, Delta(9, "t"), pieces=False)


def test_a_call_that_takes_too_long_is_refused():
    made = gate(held_s=5)
    made.expire()  # nothing is held: nothing happens
    fed(made, b"1", begin())
    made.expire()
    assert fed(made, b"2", BlockStop(0), calls_open=0) == b"12|text"
    assert "within 5 s" in made.rulings[0].text


def test_after_a_bound_the_next_call_is_judged_again():
    made = gate(held_bytes=10)
    fed(made, b"1", begin(0))
    made.more(b"x" * 20, 0, "")
    fed(made, b"2", BlockStop(0), calls_open=0)
    fed(made, b"3", begin(1))
    fed(made, b"4", BlockStop(1), calls_open=0)
    assert len(made.need) == 1


def test_no_verdict_means_no():
    made = gate()
    fed(made, b"1", begin(), BlockStop(0), calls_open=0)
    assert made.give_up("nobody answered") == b"1|text"
    assert "nobody answered" in made.rulings[0].text
    wrong = gate()
    fed(wrong, b"1", begin(), BlockStop(0), calls_open=0)
    assert wrong.resolve([], fresh=False) == b"1|text"


# --- forms -------------------------------------------------------------------------------------------------------


def test_an_error_is_raised():
    made = gate(form="error")
    fed(made, b"1", begin(), BlockStop(0), calls_open=0)
    with pytest.raises(PolicyDenied, match="no-rm"):
        made.resolve([DENY], fresh=True)


def test_a_turn_that_is_refused_whole_may_be_asked_again():
    made = gate(form="retry", ordered=True)
    for index in range(2):
        fed(made, b"1", begin(index), BlockStop(index), calls_open=0)
        assert made.resolve([DENY], fresh=True) == b""
    assert fed(made, b"", Finished("tool_calls"), pieces=False, calls_open=0) == b""
    with pytest.raises(TurnRefused) as caught:
        made.end(fresh=True)
    assert [ruling.call.id for ruling in caught.value.rulings] == ["c0", "c1"]


def test_one_allowed_call_and_nobody_is_asked_again():
    made = gate(form="retry", ordered=True)
    fed(made, b"1", begin(0), BlockStop(0), calls_open=0)
    made.resolve([DENY], fresh=True)
    fed(made, b"2", begin(1), BlockStop(1), calls_open=0)
    assert made.resolve([ALLOW], fresh=True) == b"12|text,None"
    assert made.end(fresh=False) == b""


@pytest.mark.parametrize("fresh", [True, False])
def test_what_the_client_has_seen_cannot_be_taken_back(fresh):
    made = gate(form="retry")
    fed(made, b"1", begin(), BlockStop(0), calls_open=0)
    assert made.resolve([DENY], fresh=fresh) == (b"" if fresh else b"1|text")
    assert made.end(fresh=False) == (b"1|text" if fresh else b"")
    assert made.ended(b"end") == b"end!"
