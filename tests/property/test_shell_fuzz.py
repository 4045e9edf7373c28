"""Mutated commands: the reader never fails, never says less of a text than of its parts, and always in bounded time."""

import time

import pytest

from policies.facts import Facts
from policies.shell import understand
from policies.verdict import NeedParse
from tests.support.fuzz import mutated
from tests.support.shell import facts

PLACE = {"cwd": "/repo", "home": "/home/user", "roots": ("/repo",)}
SEEDS = (1, 2, 3, 4, 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_text_stops_the_reader(seed):
    """Both readings that need no process: plain words, and what is left when nothing parses it."""
    for text in mutated(seed, 1_000):
        start = time.perf_counter()
        first = understand(text, **PLACE)
        assert isinstance(first, Facts | NeedParse)
        if isinstance(first, NeedParse):
            found = understand(text, tree=None, **PLACE)
            assert isinstance(found, Facts)
            assert found.unknown, text
        assert time.perf_counter() - start < 5, text


@pytest.mark.parametrize("seed", SEEDS)
def test_no_tree_stops_the_reader(seed):
    for text in mutated(seed + 100, 60):
        found = facts(text)
        assert isinstance(found, Facts)
        assert all(isinstance(reason, str) and reason for reason in found.unknown)


@pytest.mark.parametrize(
    "tail", ["; rm -rf src", "\nrm -rf src", " && rm -rf src", " | rm -rf src", " & rm -rf src", " || rm -rf src"]
)
def test_what_is_added_is_seen(tail):
    """A text that ends in a command that destroys says so, whatever stands before, or says that it was not read."""
    for text in mutated(len(tail) + 7, 40):
        found = facts(text + tail)
        assert "destructive" in found.effects or found.unknown or found.invalid or "#" in text, text
