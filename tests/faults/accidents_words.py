"""Accidents of content: events that are malformed, odd, missing, doubled, or errors."""

from __future__ import annotations

import random

from tests.faults.answers import Expect, Good, Kind, Played, Step, none, text_of, whole

ACCIDENTS = Kind()


def _between(rng: random.Random, good: Good, what: list[bytes], *, first: bool = False) -> list[Step]:
    """`what` before a random event up to the end of content; `first`: also as the very first."""
    at = rng.randint(0 if first else min(1, good.end), max(good.end, 0))
    return [*good.pieces[:at], *what, *good.pieces[at:]]


@ACCIDENTS.accident(4)
def malformed(rng: random.Random, good: Good) -> Played:
    bad = rng.choice(
        [
            b'data: {"choices": [{"delta": {"conte\n\n',
            b"data: <html>oops</html>\n\n",
            b'data: {"note": "\xff\xfe\xc3"}\n\n',
            b"data: [1, 2\n\n",
            b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": "x"\n\n',
            b"data: " + b"[" * 100_000 + b"\n\n",
        ]
    )
    if not good.stream:
        body = text_of(good)
        cut = rng.randrange(1, len(body))
        return whole(
            "malformed", good, [rng.choice([body[:cut], b"", b"null", b"[]", b'"x"', b"<html>", b"\xff\xfe"])], "broken"
        )
    return whole(
        f"malformed: {bad[:40]!r}",
        good,
        _between(rng, good, [bad], first=True),
        "either" if b"note" in bad else "broken",
    )


@ACCIDENTS.accident(2)
def odd_but_fine(rng: random.Random, good: Good) -> Played:
    """Comments, pings, unknown event types, blank lines, other line ends: nothing that a reader stumbles over."""
    if not good.stream:
        return whole("odd_but_fine", good, [b" \n", *good.pieces, b"\r\n"])
    kind = rng.randrange(4)
    if kind == 0:
        return whole("crlf", good, [piece.replace(b"\n", b"\r\n") for piece in good.pieces])
    if kind == 1:
        return whole("no_space", good, [piece.replace(b"data: ", b"data:", 1) for piece in good.pieces])
    extra = rng.choice([b": keep-alive\n\n", b"\n\n", b": a\n: b\n\n"])
    return whole("comments", good, _between(rng, good, [extra] * rng.randint(1, 5), first=True))


@ACCIDENTS.accident(4)
def error_event(rng: random.Random, good: Good) -> Played:
    error = _error_event(good.dialect)
    if not good.stream:
        body = error.partition(b"data: ")[2].strip()
        return whole("error_event", good, [body], "broken")
    at = rng.choice([0, min(1, good.end), rng.randint(0, good.end)])
    more = list(good.pieces[at:]) if rng.random() < 0.4 else []
    return whole("error_event", good, [*good.pieces[:at], error, *more], "broken")


def _error_event(dialect: str) -> bytes:
    if dialect == "messages":
        return b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    if dialect == "responses":
        return (
            b'event: response.failed\ndata: {"type":"response.failed","sequence_number":9999,"response":{"id":"resp_f",'
            b'"object":"response","status":"failed","error":{"code":"server_error","message":"sorry"},"output":[]}}\n\n'
        )
    return b'data: {"error":{"message":"sorry","type":"server_error","param":null,"code":null}}\n\n'


@ACCIDENTS.accident(2)
def after_the_end(rng: random.Random, good: Good) -> Played:
    """A terminal event twice, content after it, or a whole second answer."""
    if not good.stream:
        return whole("after_the_end", good, [*good.pieces, b" "])
    more = rng.choice(
        [[good.pieces[-1]], list(good.pieces[good.content[0] :]) if good.content else [], list(good.pieces)]
    )
    return whole("after_the_end", good, [*good.pieces, *more])


@ACCIDENTS.accident(2)
def no_terminal(rng: random.Random, good: Good) -> Played:
    """The closing event is missing. A chat or Messages reply that has told why it ended is complete without."""
    if not good.stream:
        return none(rng, good)
    expect: Expect = "broken" if good.dialect == "responses" else "either"
    return whole("no_terminal", good, list(good.pieces[:-1]), expect, framing=rng.choice(["chunked", "close"]))


@ACCIDENTS.accident(2)
def no_finish(rng: random.Random, good: Good) -> Played:
    """Nothing says why it ended."""
    if not good.stream:
        return none(rng, good)
    keep = good.pieces[: good.end]
    if good.dialect != "chat":
        return whole("no_finish", good, [*keep], "broken")
    # [DONE] says that all was said, and some servers say nothing else: passed on as it is.
    played = whole("no_finish", good, [*keep, good.pieces[-1]], "either")
    played.structure = True
    return played


@ACCIDENTS.accident(2)
def wrong_type(rng: random.Random, good: Good) -> Played:
    kind = rng.choice([b"text/html", b"application/octet-stream", b"", b"application/json", b"text/event-stream"])
    drop = b"content-type"
    add = (b"content-type: " + kind,) if kind else ()
    played = whole("wrong_type", good, list(good.pieces), "either", drop=drop, add=add)
    played.notes["type"] = kind
    return played


@ACCIDENTS.accident(1)
def structure(rng: random.Random, good: Good) -> Played:
    """An event is missing, stands twice, or in the wrong place."""
    if not good.stream or len(good.pieces) < 4:
        return none(rng, good)
    pieces = list(good.pieces)
    at = rng.randrange(len(pieces) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        del pieces[at]
    elif kind == 1:
        pieces.insert(at, pieces[at])
    else:
        pieces[at], pieces[at + 1] = pieces[at + 1], pieces[at]
    played = whole("structure", good, pieces, "either")
    played.structure = True
    return played
