"""Secrets in text: where they stand, and stable masks for them. Patterns are RE2, so time is linear.

A mask is made of the kind and a keyed digest of the value: the same secret has the same mask in every request (provider
caches stay warm), different secrets can be told apart, and the value cannot be found from the mask without the key.

Text is often JSON inside JSON, or coloured by a terminal. So a pattern may begin behind an escape that was not undone
(`\\nAKIA…`) or a colour code, and a quotation mark may have a backslash. That also makes one pass over raw JSON a test
that misses nothing which is in the text it holds, short of escaped ASCII characters (`may_hide`).
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import re2

from policies.globs import regex

_EDGE: Final = r"(?:\b|\\[nrtbf]|(?:\\u[0-9a-fA-F]{4}|\x1b)(?:\[[0-9;]*m)?)"
"""Where a token may begin: RE2's word border, behind an escape that was not undone, behind a colour code."""
_GAP: Final = r"(?:\s|\\[nrt])*"
_QUOTE: Final = r"\\*[\"']?"

PATTERNS: Final[dict[str, str]] = {
    "private_key": r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE "
    r"KEY(?: BLOCK)?-----|\z))",
    "aws_access_key": _EDGE + r"((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
    "aws_secret_key": rf"(?i:aws_?secret_?(?:access_?)?key{_QUOTE}{_GAP}[:=]{_GAP}{_QUOTE})([A-Za-z0-9/+=]{{40}})"
    r"(?:[^A-Za-z0-9/+=]|\z)",
    "github_token": _EDGE + r"(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "gitlab_token": _EDGE + r"(gl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_-]{20,})",
    "slack_token": _EDGE + r"(xox[abeoprs]-[A-Za-z0-9-]{10,})",
    "slack_webhook": r"(https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{30,})",
    "stripe_key": _EDGE + r"([rs]k_(?:live|test)_[A-Za-z0-9]{20,})\b",
    "anthropic_key": _EDGE + r"(sk-ant-[A-Za-z0-9_-]{24,})",
    "openai_key": _EDGE + r"(sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{32,})",
    "google_key": _EDGE + r"(AIza[A-Za-z0-9_-]{35})\b",
    "google_oauth": _EDGE + r"(ya29\.[A-Za-z0-9_-]{20,})",
    "huggingface_token": _EDGE + r"(hf_[A-Za-z0-9]{30,60})\b",
    "npm_token": _EDGE + r"(npm_[A-Za-z0-9]{36})\b",
    "pypi_token": _EDGE + r"(pypi-AgE[A-Za-z0-9_-]{50,})",
    "sendgrid_key": _EDGE + r"(SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64})\b",
    "digitalocean_token": _EDGE + r"(do[opr]_v1_[a-f0-9]{64})\b",
    "telegram_token": _EDGE + r"([0-9]{8,10}:AA[A-Za-z0-9_-]{33})\b",
    "azure_key": r"(?i:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})",
    "age_key": _EDGE + r"(AGE-SECRET-KEY-1[A-Z0-9]{58})\b",
    "interlock_key": _EDGE + r"(il(?:k|a)_[A-Za-z0-9_-]{40,64})",
    "jwt": _EDGE + r"(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,})",
    "bearer_token": rf"(?i:authorization{_QUOTE}{_GAP}[:=]{_GAP}{_QUOTE}(?:bearer|basic|token)\s+)"
    r"([A-Za-z0-9._~+/=-]{16,})",
    "url_password": _EDGE + r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'\\]{1,}:([^\s/@\"'$<{*\\]{3,})@",
    "assigned_secret": r"(?i:(?:api|access|secret|private|auth|client)[_-]?(?:key|token|secret)|"
    r"passw(?:or)?d|passphrase|token|secret)"
    rf"{_QUOTE}{_GAP}(?:=|:|=>|:=){_GAP}{_QUOTE}([A-Za-z0-9_\-+/=.!@#%^&*~]{{12,}})(?:[^A-Za-z0-9_\-+/=.!@#%^&*~]|\z)",
    "card": _EDGE + r"([2-6][0-9]{3}(?:[ -]?[0-9]){8,15})\b",
}
"""Kind -> RE2; the value is group 1. What is only assigned must also look random, a card number must add up (Luhn)."""

KINDS: Final = frozenset(PATTERNS)
MASK: Final = re.compile(r"\[secret:[A-Za-z][A-Za-z0-9_-]{0,39}:[0-9a-f]{8}\]")
_BY_NAME: Final = frozenset({"assigned_secret", "url_password", "bearer_token"})
"""Kinds that are known by what stands before them only."""
_ENTROPY_BITS_MIN: Final = 3.2
"""Per character, of an assigned value; words and paths lie below, random keys above (4 to 6)."""
_DUMMY: Final = (
    "changeme", "example", "placeholder", "redacted", "your", "xxxx", "test", "dummy", "sample", "none", "null",
    "process.env", "fake", "****", "....",
)  # fmt: skip
"""What documentation and examples write where a secret would stand: a value with such a word in it is none."""
_INDIRECT: Final = (
    "$",
    "env:",
    "env.",
    "file:",
    "os.",
    "process",
    "self.",
    "this.",
    "config.",
    "settings.",
    "secrets.",
)
_IDENTIFIER: Final = re.compile(r"[._-]*+(?:[A-Za-z]++[0-9]{0,3}+(?:[._-]++|\Z))+\Z")
"""Words joined by dots, dashes and underscores, each with at most three digits behind it: code, not a key."""
_CARD_FORM: Final = re.compile(
    r"(?:4[0-9]{15}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|6[0-9]{15})\Z"
)
"""Prefixes with the lengths that are in use. Cards of 13 and 19 digits are rare, and identifiers of that length are not."""
_HIDDEN: Final = re.compile(rb"\\/|\\u00[2-7]")


@dataclass(frozen=True, slots=True)
class Hit:
    """Characters `start` to `end` of the text."""

    kind: str
    start: int
    end: int
    value: str


@functools.lru_cache(maxsize=1)
def every() -> Any:
    """All patterns in one automaton: it tells in one pass which of them match at all."""
    options = re2.Options()
    options.max_mem = 64 << 20
    found = re2.Set.SearchSet(options)
    for source in PATTERNS.values():
        found.Add(source)
    found.Compile()
    return found


_ORDER: Final = tuple(PATTERNS)


def kinds_in(text: str | bytes) -> list[str]:
    """Kinds whose pattern matches somewhere: 2 ms per MB of text without any. In raw JSON too (see above)."""
    return [_ORDER[index] for index in sorted(every().Match(text) or ())]


def may_hold(texts: Iterable[str]) -> bool:
    """Whether `find` may find anything in one of several texts, in one pass: a line end between them is where a token may
    begin and end, and where every pattern that wants the end of the text is content too."""
    return bool(every().Match("\n".join(texts).encode("utf-8", "replace")))


def may_hide(raw: bytes) -> bool:
    """Whether raw JSON spells ASCII characters or slashes as escapes, so that `kinds_in` may not see what it holds. Most
    have an escape of some kind, few one of these, and `in` is ten times faster."""
    return b"\\/" in raw or (b"\\u00" in raw and _HIDDEN.search(raw) is not None)


def find(text: str, allow: Iterable[str] = ()) -> list[Hit]:
    """Hits in the order of the text, none overlapping: of two that do, the one that begins first, then the longer."""
    kept, hits = frozenset(allow), list[Hit]()
    data = text.encode("utf-8", "replace")  # the library is several times faster on bytes
    plain = len(data) == len(text)
    for kind in kinds_in(data):
        for match in regex(PATTERNS[kind]).finditer(data):  # type: ignore[attr-defined]
            start, end = match.start(1), match.end(1)
            if not plain:
                start = len(data[:start].decode())
                end = start + len(match.group(1).decode())
            hit = Hit(kind, start, end, text[start:end])
            if hit.value not in kept and _real(hit, text):
                hits.append(hit)
    return apart(hits)


def _real(hit: Hit, text: str) -> bool:
    if hit.kind == "card":
        digits = "".join(char for char in hit.value if char.isdigit())
        return _CARD_FORM.match(digits) is not None and luhn(digits) and _card_alone(hit, text)
    if hit.kind not in _BY_NAME:
        return True
    lowered = hit.value.lower()
    if any(word in lowered for word in _DUMMY) or lowered.startswith(_INDIRECT) or MASK.search(hit.value):
        return False
    if hit.kind != "assigned_secret":
        return True
    if text[max(0, hit.start - 1) : hit.start] not in ("'", '"') and _IDENTIFIER.match(hit.value) is not None:
        return False
    return _random(hit.value) and text[hit.end : hit.end + 1] not in ("(", "[")


def _card_alone(hit: Hit, text: str) -> bool:
    """Not a piece of a longer number (a decimal fraction, a version, an identifier with dashes)."""
    return text[hit.end : hit.end + 1] not in ("-", "_") and text[max(0, hit.start - 1) : hit.start] not in (
        "-", ".", "_", "#",
    )  # fmt: skip


def _random(value: str) -> bool:
    """Letters and digits, and more variety than names have."""
    return (
        any(char.isdigit() for char in value)
        and any(char.isalpha() for char in value)
        and entropy_bits(value) >= _ENTROPY_BITS_MIN
    )


def entropy_bits(text: str) -> float:
    """Shannon entropy per character, in bits."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        number = int(char) * (2 if index % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def apart(hits: list[Hit]) -> list[Hit]:
    out: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if not out or hit.start >= out[-1].end:
            out.append(hit)
    return out


_ESCAPED_SPACE: Final = re.compile(r"(?:\s|\\+[nrt])+")


def mask(kind: str, value: str, key: bytes) -> str:
    """`[secret:github_token:3f9c21ab]`: stable for one key. A card has the same with and without spaces, a private key
    with its line breaks as they are and as escapes."""
    if kind == "card":
        value = "".join(char for char in value if char.isdigit())
    elif kind == "private_key":
        value = _ESCAPED_SPACE.sub("", value)
    digest = hashlib.blake2b(f"{kind}:{value}".encode("utf-8", "surrogatepass"), key=key[:64], digest_size=4)
    return f"[secret:{kind}:{digest.hexdigest()}]"


def masked(text: str, key: bytes) -> str:
    """The text with every secret replaced by its mask."""
    out: list[str] = []
    end = 0
    for hit in find(text):
        out += [text[end : hit.start], mask(hit.kind, hit.value, key)]
        end = hit.end
    return "".join([*out, text[end:]])


def masks_in(text: str) -> list[str]:
    """Masks that stand in a text, each once."""
    return list(dict.fromkeys(MASK.findall(text))) if "[secret:" in text else []
