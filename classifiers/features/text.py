"""An ask as the model reads it: tokens and characters, the same in training and serving. Pure.

Two readings of one text. `tokens` are words in lower case, with what varies without meaning replaced by a word for its
kind: a path is `xpath` and its extension, a call or identifier `xsym`, a URL `xurl`, a number `xnum`. So a model cannot
learn the names of a project instead of the kind of work. Scripts without spaces give overlapping pairs of signs. `xbegin`
stands before the first token, so that how an ask begins is a pair of tokens, and `xask` where a question mark stood. `chars`
are the ask itself in lower case with single spaces, for character n-grams (other languages, misspellings, digits and signs,
which tokens lose); by convention a model uses n-grams that do not cross a space ("char_wb").

Lower-casing is Python's, by Unicode's tables and no locale. Cost is bounded: of a long ask the beginning and the end are
read, what stands between is material. A chunk's tokens are remembered, because the words of asks repeat.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

READ_CHARS: Final = 4000
"""Of an ask, its first and its last half of this are read: what stands between is material, and cost stays flat."""
TOKENS_MAX: Final = 900
CHARS_MAX: Final = 2000
"""Of the ask in single spaces, the first and the last half of this: character n-grams are the dearest part of a graph."""
CHUNK_MAX: Final = 200
"""A longer run without a space is data, not a word, unless its script has no spaces."""
MEMO_MAX: Final = 8192
"""Chunks remembered, about 2 MB."""

_EDGE: Final = "\"'`“”‘’«»„()[]{}<>.,;:!?…*_~#|=+-/\\。，、！？；：（）【】「」"
_URL: Final = re.compile(r"(?:https?|ssh|git|file)://\S+|www\.\S+")
_PATH: Final = re.compile(r"(?:[\w.@~-]*[/\\])+[\w.@-]*|[\w-]+(?:\.[\w-]+)*\.[a-z][a-z0-9]{0,7}")
_EXTENSION: Final = re.compile(r"\.([a-z][a-z0-9]{0,7})$")
_CALL: Final = re.compile(r"[\w.:>-]+\(.*\)?")
_NUMBER: Final = re.compile(r"[\d.,:%x-]*\d[\d.,:%]*(?:st|nd|rd|th|ms|s|m|h|kb|mb|gb|k)?")
_NAME: Final = re.compile(r"\w*[^\W\d]_\w+|\w+::\w[\w:]*|@\w+|--?[a-z][\w-]+|\$\w+")
_CAMEL: Final = re.compile(r"[^\W\d_]*[^\W\d_A-Z][A-Z]\w*")
_ASKS: Final = re.compile(r"\?[\"'”»)]*$|？")
_HEX: Final = re.compile(r"(?:0x)?[0-9a-f]{7,64}")
_WORDS: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
_DENSE: Final = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)")
"""Kana and Han: no spaces between words. (Hangul has spaces.)"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the `ask` graph takes: never empty. `tokens` at most TOKENS_MAX strings, `chars` at most CHARS_MAX code points
    as int64 (native byte order; both supported platforms are little-endian)."""

    tokens: tuple[str, ...]
    chars: array[int]


def read(ask: str, marks: Iterable[str] = ()) -> Reading:
    """The reading of an ask. `marks` are kinds of material that stood beside it (`code`, `trace`, `log`, `diff`, `image`,
    `list`): each becomes a token. An empty ask reads as the token `xnothing`."""
    tokens = tokens_of(ask)
    if tokens:
        tokens.insert(0, "xbegin")
    tokens.extend(f"x{mark}" for mark in sorted(marks))
    if not tokens:
        tokens.append("xnothing")
    text = f" {' '.join(bounded(ask).lower().split()) or tokens[0]} "
    if len(text) > CHARS_MAX:
        text = text[: CHARS_MAX // 2] + text[-CHARS_MAX // 2 :]
    # Twice as fast as map(ord); surrogates, which JSON may bring alone, pass as they are.
    return Reading(tuple(tokens), array("q", array("I", text.encode("utf-32-le", "surrogatepass"))))


def bounded(ask: str) -> str:
    """The first and last READ_CHARS / 2 characters."""
    half = READ_CHARS // 2
    return ask if len(ask) <= READ_CHARS else f"{ask[:half]}\n{ask[-half:]}"


def tokens_of(ask: str) -> list[str]:
    """At most TOKENS_MAX tokens, in order."""
    text = bounded(ask)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    tokens: list[str] = []
    memo = _memo
    for chunk in text.split():
        known = memo.get(chunk)
        if known is None:
            known = _remembered(chunk)
        tokens.extend(known)
    return tokens[:TOKENS_MAX]


_memo: dict[str, tuple[str, ...]] = {}


def _remembered(chunk: str) -> tuple[str, ...]:
    found = (*_chunk(chunk), "xask") if _ASKS.search(chunk) is not None else tuple(_chunk(chunk))
    if len(chunk) <= 40:
        if len(_memo) >= MEMO_MAX:
            _memo.clear()
        _memo[chunk] = found
    return found


def _chunk(chunk: str) -> list[str]:
    if chunk.isascii() and chunk.isalpha():
        return _plain(chunk)
    bare = chunk.strip(_EDGE)
    if not bare:
        return []
    if bare.isascii():
        return _ascii(bare, chunk)
    return [token for part in _DENSE.split(bare) if part for token in _foreign(part)]


def _plain(word: str) -> list[str]:
    if _CAMEL.fullmatch(word) is not None:
        return ["xsym"]
    return [word.lower()] if len(word) <= 40 else ["xlong"]


def _foreign(part: str) -> list[str]:
    if _DENSE.match(part) is not None:
        part = part[:CHUNK_MAX]
        return [part] if len(part) == 1 else [part[i : i + 2] for i in range(len(part) - 1)]
    if part.isalpha():
        return [part.lower()] if len(part) <= 40 else ["xlong"]
    return _ascii(part.strip(_EDGE), part) if part.isascii() else [w.lower() for w in _WORDS.findall(part[:CHUNK_MAX])]


def _ascii(bare: str, chunk: str) -> list[str]:
    if not bare:
        return []
    if bare.isalpha():
        return ["xsym"] if chunk.endswith("()") else _plain(bare)
    if len(bare) > CHUNK_MAX:
        return ["xlong"]
    low = bare.lower()
    if _URL.match(low) is not None:
        return ["xurl"]
    if _NUMBER.fullmatch(low) is not None:
        return ["xnum"]
    if _HEX.fullmatch(low) is not None:
        return ["xhex"]
    if _CALL.fullmatch(bare) is not None or (chunk.endswith("()") and " " not in bare):
        return ["xsym"]
    if _PATH.fullmatch(low) is not None and not low.replace(".", "").isdigit():
        return _path(low)
    if _NAME.fullmatch(bare) is not None or _CAMEL.fullmatch(bare) is not None:
        return ["xsym"]
    return [word.lower() for word in _WORDS.findall(bare)]


def _path(low: str) -> list[str]:
    tokens = ["xpath"]
    extension = _EXTENSION.search(low)
    if extension is not None:
        tokens.append(f"x{extension[1]}")
    if "test" in low or "spec" in low:
        tokens.append("xtestpath")
    return tokens
