"""The door to the shell package."""

from policies.commands import understand
from policies.verdict import NeedParse
from policies.view import Place

PLACE = Place(("/repo",), "/home/u", "/repo/sub")


def test_plain_words_need_no_second_parser():
    steps = understand("cat a ../b", PLACE)
    try:
        raise AssertionError(next(steps))
    except StopIteration as stop:
        assert set(stop.value.reads) == {"/repo/sub/a", "/repo/b"}


def test_everything_else_is_asked_for_and_unknown_without_it():
    steps = understand("cat $(echo x)", PLACE)
    assert next(steps) == NeedParse("cat $(echo x)")
    try:
        while True:
            steps.send(None)
    except StopIteration as stop:
        assert stop.value.unknown
