"""What the human asked for, prepared once per ask: names, intents, and what they ruled out. The dear part of a score.
Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from classifiers.features.approve.intents import CLAUSE, KEEP, NEGATIVE, NO_BEFORE, intents_of
from classifiers.features.asks import Said

ASKS_MAX: Final = 12
"""Asks read: the first, which says what the session is for, and the latest."""
ASK_CHARS: Final = 3000
"""Of one ask, its first and last half of this."""
CROSSED_MAX: Final = 40
"""Words of the latest asks that are paired with the call."""
STEM: Final = 6
"""Longer words are cut: "install", "installs" and "installing" are one."""

_WORD: Final = re.compile(r"[\w@~./:+%-]*\w|[~.]/[\w./-]*")
_PARTS: Final = re.compile(r"[^\W_]+")
_PATHLIKE: Final = re.compile(r"[~.]?[\w.@~/-]*/[\w.@/-]*|[\w-]+(?:\.[\w-]+)*\.[A-Za-z]\w{0,7}|\.\w[\w.-]*")
_HOST: Final = re.compile(
    r"(?:https?|ssh|git|ftp|wss?)://(?:[^\s/@]*@)?([\w.-]+)|(?<![\w./-])((?:[\w-]+\.)+[a-z]{2,12})(?![\w.])", re.I
)
_RULED_OUT: Final = frozenset({"delete", "revert", "install", "publish", "deploy"})
_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_COMMON_WORDS: Final = """
the a an and or of to in on for with is are be it this that my our your please can you could i we me at as by
from into all der die das und oder ein eine den dem zu im in auf für mit ist bitte kannst du el la los las un
una y o de en para con por favor le les des du et ou une dans pour avec и в на с по из для что это как o os as
um uma e no na do da
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Asked:
    """`words` are stems, `names` whole lower-case words, `paths` and `hosts` as written. `latest_*` are of the latest ask
    alone. `barred` are intents the human ruled out, `barred_names` what they said to leave alone. `crossed`: CRC-32 of the
    words that are paired with the call. `asks` 0: nobody asked for anything."""

    asks: int = 0
    chars: int = 0
    words: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    latest_names: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    intents: frozenset[str] = frozenset()
    latest_intents: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    barred_names: frozenset[str] = frozenset()
    crossed: tuple[int, ...] = ()


NOBODY: Final = Asked()


def asked_of(said: Sequence[Said]) -> Asked:
    """From what the human said, oldest first. A bare consent ("yes, go on") asks for what was asked before."""
    texts = [_bounded(each.words) for each in said if each.words and not (each.consents and each.short)]
    if not texts:
        return NOBODY
    if len(texts) > ASKS_MAX:
        texts = [texts[0], *texts[-(ASKS_MAX - 1) :]]
    read = [_read(text) for text in texts]
    return Asked(
        asks=len(texts),
        chars=len(texts[-1]),
        words=frozenset(word for each in read for word in map(stem, each.names)),
        names=frozenset().union(*(each.names for each in read)),
        latest_names=read[-1].names,
        paths=frozenset().union(*(each.paths for each in read)),
        hosts=frozenset().union(*(each.hosts for each in read)),
        intents=frozenset().union(*(each.intents for each in read)),
        latest_intents=read[-1].intents,
        barred=_still_barred(read),
        barred_names=frozenset().union(*(each.left for each in read)),
        crossed=_crossed(read),
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """One ask. `barred`: intents ruled out; `left`: names to be left alone; `said`: stems in their order."""

    names: frozenset[str]
    paths: frozenset[str]
    hosts: frozenset[str]
    intents: frozenset[str]
    barred: frozenset[str]
    left: frozenset[str]
    said: tuple[str, ...]


@lru_cache(maxsize=256)
def _read(text: str) -> _Text:
    """About 3 µs per character; a session's earlier asks are remembered."""
    wanted, barred, left = _positive(text)
    return _Text(_names(wanted), _paths(wanted), _hosts(wanted), intents_of(wanted), barred, left, _stems(text))


def stem(word: str) -> str:
    return word[:STEM]


def _bounded(text: str) -> str:
    half = ASK_CHARS // 2
    return text if len(text) <= ASK_CHARS else f"{text[:half]}\n{text[-half:]}"


def _positive(text: str) -> tuple[str, frozenset[str], frozenset[str]]:
    """(what is asked for, intents ruled out, names to be left alone)."""
    wanted: list[str] = []
    barred: set[str] = set()
    left: set[str] = set()
    at = 0
    for cut in [*(found.span() for found in CLAUSE.finditer(text)), (len(text), len(text))]:
        clause, at = text[at : cut[0]], cut[1]
        found = NEGATIVE.search(clause) or _spanish(clause)
        if found is not None:
            before = "" if _HAN.search(clause) else clause[: found.start()]
            rest = clause[len(before) :]
            # "lösche nichts": where nothing follows, what stands before is ruled out.
            if not _PARTS.search(clause[found.end() :]) or found[0].lower().startswith(("nicht", "kein")):
                rest, before = clause, ""
            barred |= intents_of(rest)
            left |= _paths(rest) | _names(rest) & _names_like_files(rest)
            clause = before
        keep = KEEP.search(clause)
        if keep is not None:
            left |= _paths(clause[keep.start() :])
            clause = clause[: keep.start()]
        wanted.append(clause)
    return "\n".join(wanted), frozenset(barred), frozenset(left)


def _spanish(clause: str) -> re.Match[str] | None:
    found = NO_BEFORE.search(clause)
    return found if found is not None and intents_of(found[1]) & _RULED_OUT else None


def _names_like_files(text: str) -> frozenset[str]:
    return frozenset(found[0].lower() for found in _PATHLIKE.finditer(text))


def _still_barred(read: Sequence[_Text]) -> frozenset[str]:
    """What was ruled out and not asked for since. ("Don't push yet" … "now push it".)"""
    barred: frozenset[str] = frozenset()
    for each in read:
        barred = (barred - each.intents) | each.barred
    return barred


def _names(text: str) -> frozenset[str]:
    """Words as written, in lower case, whole and in their parts; runs without spaces in pairs of signs."""
    found: set[str] = set()
    for match in _WORD.finditer(text.lower()):
        word = match[0].strip(".:-/")
        if not word or word in _COMMON:
            continue
        if _HAN.search(word) is not None:
            found.update(_dense(word))
            continue
        found.add(word)
        parts = _PARTS.findall(word)
        if len(parts) > 1:
            found.update(part for part in parts if len(part) > 1 and part not in _COMMON)
    return frozenset(found)


def _dense(word: str) -> Iterable[str]:
    for run in _HAN.findall(word):
        yield from (run[place : place + 2] for place in range(max(1, len(run) - 1)))
    yield from (part for part in _PARTS.findall(_HAN.sub(" ", word)) if len(part) > 1)


def _paths(text: str) -> frozenset[str]:
    return frozenset(tidy(found[0]) for found in _PATHLIKE.finditer(text) if len(found[0]) > 1) - {""}


def tidy(path: str) -> str:
    """A path as it is compared: no leading "./", no slash at the end."""
    while path.startswith("./"):
        path = path[2:]
    return path.rstrip("/.,:")


def _hosts(text: str) -> frozenset[str]:
    return frozenset((found[1] or found[2]).lower().strip(".") for found in _HOST.finditer(text))


def _stems(text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for match in _WORD.finditer(text.lower()):
        word = match[0].strip(".:-/")
        for part in _dense(word) if _HAN.search(word) else _PARTS.findall(word)[:3]:
            if part not in _COMMON and len(part) > 1:
                found.setdefault(stem(part))
        if len(found) >= CROSSED_MAX:
            break
    return tuple(found)[:CROSSED_MAX]


def _crossed(read: Sequence[_Text]) -> tuple[int, ...]:
    """Words of the latest ask, then of those before it."""
    found = dict.fromkeys(word for each in reversed(read[-3:]) for word in each.said)
    return tuple(zlib.crc32(each.encode("utf-8", "replace")) for each in list(found)[:CROSSED_MAX])
