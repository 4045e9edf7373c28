"""The door to the shell package."""

import pytest

from policies.commands import understand
from policies.verdict import NeedParse
from policies.view import Place

PLACE = Place(("/repo",), "/home/u", "/repo/sub")


def ended(step):
    with pytest.raises(StopIteration) as stop:
        step()
    return stop.value.value


def test_plain_words_need_no_second_parser():
    steps = understand("cat a ../b", PLACE)
    assert set(ended(lambda: next(steps)).reads) == {"/repo/sub/a", "/repo/b"}


def test_everything_else_is_asked_for_and_unknown_without_it():
    steps = understand("cat $(echo x)", PLACE)
    assert next(steps) == NeedParse("cat $(echo x)")
    assert ended(lambda: steps.send(None)).unknown
