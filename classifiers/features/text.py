"""An ask as the model reads it: tokens and characters, the same in training and serving. Pure.

Two readings of one text. `tokens` are words in lower case, with what varies without meaning replaced by a word for its
kind: a path is `xpath` and its extension, a call or identifier `xsym`, a URL `xurl`, a number `xnum`. So a model cannot
learn the names of a project instead of the kind of work. Scripts without spaces give overlapping pairs of signs. `xbegin`
stands before the first token, so that how an ask begins is a pair of tokens, and `xask` where a question mark stood. After
`xconcepts` follow the concepts of the words in their order (`classifiers.features.concepts`), so that pairs of them are
neighbours too. `chars` are the distinct words of the ask in lower case with single spaces, for character n-grams (other
languages, misspellings, digits and signs, which tokens lose); by convention a model uses n-grams that do not cross a space
("char_wb"), so that the order of words says nothing and a repeated one next to nothing.

Lower-casing is Python's, by Unicode's tables and no locale. Cost is bounded: of a long ask the beginning and the end are
read, what stands between is material. A chunk's tokens are remembered, because the words of asks repeat.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Final

from classifiers.features.concepts import MARK, concepts_of

READ_CHARS: Final = 2400
"""Of an ask, its first and its last half of this are read: what stands between is material, and cost stays flat."""
TOKENS_MAX: Final = 600
CHARS_MAX: Final = 800
"""Of the distinct words, the first and the last half of this: character n-grams are the dearest part of a graph."""
CONCEPTS_MAX: Final = 60
CHUNK_MAX: Final = 200
"""A longer run without a space is data, not a word, unless its script has no spaces."""
MEMO_MAX: Final = 8192
"""Chunks remembered, about 2 MB."""

_EDGE: Final = "\"'`“”‘’«»„()[]{}<>.,;:!?…*_~#|=+-/\\。，、！？；：（）【】「」"
_URL: Final = re.compile(r"(?:https?|ssh|git|file)://\S+|www\.\S+")
_PATH: Final = re.compile(r"(?:[\w.@~-]*[/\\])+[\w.@-]*|[\w-]+(?:\.[\w-]+)*\.[a-z][a-z0-9]{0,7}")
_PARTS: Final = re.compile(r"[./\\]")
_EXTENSION: Final = re.compile(r"\.([a-z][a-z0-9]{0,7})$")
_CALL: Final = re.compile(r"[\w.:>-]+\(.*\)?")
_NUMBER: Final = re.compile(r"[\d.,:%x-]*\d[\d.,:%]*(?:st|nd|rd|th|ms|s|m|h|kb|mb|gb|k)?")
_NAME: Final = re.compile(r"\w*[^\W\d]_\w+|\w+::\w[\w:]*|@\w+|\$\w+")
_CAMEL: Final = re.compile(r"[^\W\d_]*[^\W\d_A-Z][A-Z]\w*")
_ASKS: Final = re.compile(r"\?[\"'”»)]*$|？")
_HEX: Final = re.compile(r"(?:0x)?[0-9a-f]{7,64}")
_WORDS: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
_DENSE: Final = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)")
"""Kana and Han: no spaces between words. (Hangul has spaces.)"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the `ask` graph takes: never empty. `tokens` at most TOKENS_MAX words, the ask's marks and
    CONCEPTS_MAX concepts; `chars` at most CHARS_MAX characters."""

    tokens: tuple[str, ...]
    chars: str


def read(ask: str, marks: Iterable[str] = ()) -> Reading:
    """The reading of an ask. `marks` are kinds of material that stood beside it (`code`, `trace`, `log`, `diff`, `image`,
    `list`): each becomes a token. An empty ask reads as the token `xnothing`."""
    chunks = bounded(ask).split()
    tokens = _tokens(chunks)
    concepts = concepts_of(tokens)
    if tokens:
        tokens.insert(0, "xbegin")
    tokens.extend(f"x{mark}" for mark in sorted(marks))
    if concepts:
        tokens += [MARK, *concepts[:CONCEPTS_MAX]]
    if not tokens:
        tokens.append("xnothing")
    return Reading(tuple(tokens), _characters(chunks) or f" {tokens[0]} ")


def _characters(chunks: list[str]) -> str:
    """The distinct chunks in single spaces and lower case, one space at either end, the first and last half of CHARS_MAX;
    "" of no chunks. Cut before they are lower-cased and after, because a few signs become two."""
    half = CHARS_MAX // 2
    text = f" {' '.join(dict.fromkeys(chunks))} " if chunks else ""
    if len(text) > CHARS_MAX:
        text = text[:half] + text[-half:]
    text = text.lower()
    return text if len(text) <= CHARS_MAX else text[:half] + text[-half:]


def bounded(ask: str) -> str:
    """The first and last READ_CHARS / 2 characters."""
    half = READ_CHARS // 2
    return ask if len(ask) <= READ_CHARS else f"{ask[:half]}\n{ask[-half:]}"


def tokens_of(ask: str) -> list[str]:
    """At most TOKENS_MAX tokens, in order."""
    return _tokens(bounded(ask).split())


def _tokens(chunks: list[str]) -> list[str]:
    return list(chain.from_iterable(map(_memo.__getitem__, chunks)))[:TOKENS_MAX]


class _Memo(dict[str, tuple[str, ...]]):
    """Chunk to tokens. A missing one is made, and kept where it is short; the loop over known chunks stays in C."""

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        plain = chunk.isascii() and chunk.isalpha() and chunk.islower() and len(chunk) <= 40
        found = (chunk,) if plain else tuple(_made(chunk))
        if len(chunk) <= 40:
            if len(self) >= MEMO_MAX:
                self.clear()
            self[chunk] = found
        return found


_memo: Final = _Memo()


def _made(chunk: str) -> list[str]:
    """Forms of the same letters are one (NFKC), by chunk: no sign composes across a space."""
    parts = (chunk,) if chunk.isascii() else unicodedata.normalize("NFKC", chunk).split()
    found = [token for part in parts for token in _chunk(part)]
    asks = ("?" in chunk or "？" in chunk) and _ASKS.search(chunk) is not None
    return [*found, "xask"] if asks else found


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
    if not word.islower() and _CAMEL.fullmatch(word) is not None:
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
    if ("(" in bare and _CALL.fullmatch(bare) is not None) or (chunk.endswith("()") and " " not in bare):
        return ["xsym"]
    # The signs are looked for first: a fullmatch that fails at the end of a word is dear, and most words have none.
    if _PARTS.search(low) is not None and _PATH.fullmatch(low) is not None and not low.replace(".", "").isdigit():
        return _path(low)
    if ("_" in bare or ":" in bare or bare[0] in "@$") and _NAME.fullmatch(bare) is not None:
        return ["xsym"]
    if bare != low and _CAMEL.fullmatch(bare) is not None:
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
