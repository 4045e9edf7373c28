import time

import pytest

from gateway.adapters import tokens as module
from gateway.adapters.tokens import PIECE_BYTES_MAX, TiktokenCounter


@pytest.fixture(scope="module")
def counter():
    made = TiktokenCounter()
    made.load()
    return made


async def test_four_bytes_are_a_token_until_loaded():
    made = TiktokenCounter()
    assert not made.ready
    assert await made.count([b"x" * 41, b"", b"y"]) == 12


async def test_counts_like_o200k(counter):
    assert counter.ready
    assert await counter.count([b"hello world"]) == 2
    assert await counter.count([b"hello", b" world"]) == 2
    assert await counter.count([]) == 0
    assert await counter.count([b""]) == 0


async def test_text_that_looks_special_is_text(counter):
    assert await counter.count([b"<|endoftext|>"]) > 1


async def test_broken_text_is_counted_all_the_same(counter):
    assert await counter.count([b"\xff\xfe\x00hello"]) > 1


async def test_long_texts_are_extrapolated(counter):
    line = b"def function(argument):  # with a comment\n"
    long = line * (3 * PIECE_BYTES_MAX // len(line))
    part = await counter.count([long[:PIECE_BYTES_MAX]])
    assert await counter.count([long]) == pytest.approx(part * len(long) / PIECE_BYTES_MAX, rel=0.01)


@pytest.mark.parametrize("text", [b"a" * 5_000_000, b" " * 5_000_000, "大".encode() * 500_000, b"\n" * 1_000_000])
async def test_no_text_takes_long(counter, text):
    """One endless word is the worst case of byte pair encoding."""
    began = time.monotonic()
    assert await counter.count([text]) > 0
    assert time.monotonic() - began < 3


async def test_what_was_counted_is_remembered(counter, monkeypatch):
    text = b"only once " * 50
    first = await counter.count([text])

    class Broken:
        def encode(self, *args, **more):
            raise AssertionError("counted again")

    monkeypatch.setattr(counter, "_encoding", Broken())
    assert await counter.count([text, text]) == 2 * first


async def test_the_memory_is_bounded(counter, monkeypatch):
    monkeypatch.setattr(module, "CACHE_MAX", 100)
    counter._known.clear()
    await counter.count([b"text %d" % n for n in range(300)])
    assert len(counter._known) <= 100


def test_damaged_ranks_are_refused(monkeypatch):
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    module._encoding.cache_clear()
    try:
        with pytest.raises(ValueError, match="damaged"):
            TiktokenCounter().load()
    finally:
        module._encoding.cache_clear()
