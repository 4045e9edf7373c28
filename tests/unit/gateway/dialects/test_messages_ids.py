import re

import pytest

from gateway.dialects._messages_ids import PREFIX, from_wire, to_wire

FOREIGN = ["functions.Read:0", "call|1", "", "é", "a b", "x" * 300 + ".", PREFIX + "ZnVuY3Rpb25zLlJlYWQ6MA"]


@pytest.mark.parametrize("call_id", FOREIGN)
def test_a_foreign_id_fits_the_charset_and_reads_back_from_itself(call_id):
    wire = to_wire(call_id)
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", wire)
    assert from_wire(wire) == call_id


@pytest.mark.parametrize("call_id", ["toolu_01ABC", "call_x-9", "0", PREFIX + "!!!", PREFIX, PREFIX + "YQ"])
def test_a_fitting_id_that_hides_nothing_is_left_alone(call_id):
    if re.fullmatch(r"[a-zA-Z0-9_-]+", call_id) and call_id != PREFIX:
        assert to_wire(call_id) == call_id
    assert from_wire(to_wire(call_id)) == call_id


def test_two_ids_that_differ_only_in_bad_characters_stay_apart():
    assert to_wire("a.b") != to_wire("a:b")
