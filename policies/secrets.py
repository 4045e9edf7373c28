"""Secrets and team words in text: where they stand, and stable masks for them. Patterns are RE2, so time is linear.

A mask is made of the kind and a keyed digest of the value: the same secret has the same mask in every request (provider
caches stay warm), different secrets can be told apart, and the value cannot be found from the mask without the key.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import re2

from policies.globs import regex
from policies.model import Redact

Action = Literal["mask", "ask", "deny", "local"]

PATTERNS: dict[str, str] = {
    "private_key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE "
    r"KEY(?: BLOCK)?-----|\z)",
    "aws_access_key": r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    "aws_secret_key": r"(?i:aws_?secret_?(?:access_?)?key[\"']?\s*[:=]\s*[\"']?)([A-Za-z0-9/+=]{40})(?:[^A-Za-z0-9/+=]|\z)",
    "github_token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "gitlab_token": r"\bgl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_-]{20,}",
    "slack_token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "slack_webhook": r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{30,}",
    "stripe_key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}\b",
    "anthropic_key": r"\bsk-ant-[A-Za-z0-9_-]{24,}",
    "openai_key": r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{32,}",
    "google_key": r"\bAIza[A-Za-z0-9_-]{35}\b",
    "google_oauth": r"\bya29\.[A-Za-z0-9_-]{20,}",
    "huggingface_token": r"\bhf_[A-Za-z0-9]{30,60}\b",
    "npm_token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "pypi_token": r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
    "sendgrid_key": r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}\b",
    "digitalocean_token": r"\bdo[opr]_v1_[a-f0-9]{64}\b",
    "telegram_token": r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b",
    "azure_key": r"(?i:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})",
    "age_key": r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b",
    "interlock_key": r"\bilk_[A-Za-z0-9_-]{40,64}",
    "jwt": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    "bearer_token": r"(?i:authorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+)([A-Za-z0-9._~+/=-]{16,})",
    "url_password": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{1,}:([^\s/@\"'$<{*]{3,})@",
    "assigned_secret": r"(?i:(?:api|access|secret|private|auth|client)[_-]?(?:key|token|secret)|"
    r"passw(?:or)?d|passphrase|token|secret)"
    r"[\"']?\s*(?:=|:|=>|:=)\s*[\"']?([A-Za-z0-9_\-+/=.!@#%^&*~]{12,})",
}
"""Kind -> RE2. The value is group 1, or the whole match. An assigned secret must also look random."""

_CARD = r"\b[2-6][0-9]{3}(?:[ -]?[0-9]){8,15}\b"
_ENTROPY_BITS_MIN = 3.2
"""Per character, of an assigned value; words and paths lie below, random keys above (4 to 6)."""
_DUMMY = frozenset(
    {
        "changeme",
        "example",
        "placeholder",
        "redacted",
        "your",
        "xxxx",
        "test",
        "dummy",
        "sample",
        "none",
        "null",
        "process.env",
    }
)
TEXT_CHARS_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class Hit:
    """Characters `start` to `end` of the text. `action` is a team word's own, None for a secret."""

    kind: str
    start: int
    end: int
    value: str
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """Words of the team with what happens to them; `pattern` is RE2 with one group."""

    name: str
    pattern: str
    action: Action


def team(settings: Redact) -> tuple[Team, ...]:
    return _team(settings.teams)


@functools.lru_cache(maxsize=64)
def _team(teams: tuple[object, ...]) -> tuple[Team, ...]:
    out = []
    for held in teams:
        words = "|".join(re2.escape(word) for word in held.words)  # type: ignore[attr-defined]
        out.append(Team(held.name, rf"(?i:\b(?:{words})\b)", held.action))  # type: ignore[attr-defined]
    return tuple(out)


@functools.lru_cache(maxsize=1)
def _any() -> object:
    """One expression that matches when any pattern might: most text holds no secret, and is looked at once."""
    return regex("|".join(f"(?:{source})" for source in (*PATTERNS.values(), _CARD)))


def find(text: str, words: Iterable[Team] = (), allow: Iterable[str] = ()) -> list[Hit]:
    """Hits in the order of the text, none overlapping: of two that do, the one that begins first, then the longer."""
    text = text[:TEXT_CHARS_MAX]
    kept = frozenset(allow)
    hits: list[Hit] = []
    if _any().search(text) is not None:  # type: ignore[attr-defined]
        for kind, source in PATTERNS.items():
            for match in regex(source).finditer(text):  # type: ignore[attr-defined]
                group = 1 if match.re.groups and match.group(1) is not None else 0
                hit = Hit(kind, match.start(group), match.end(group), match.group(group))
                if hit.value not in kept and _real(hit):
                    hits.append(hit)
        hits += _cards(text, kept)
    for held in words:
        for match in regex(held.pattern).finditer(text):  # type: ignore[attr-defined]
            if match.group(0) not in kept:
                hits.append(Hit(held.name, match.start(0), match.end(0), match.group(0), held.action))
    return _apart(hits)


def _real(hit: Hit) -> bool:
    lowered = hit.value.lower()
    if hit.kind in {"assigned_secret", "url_password", "bearer_token"}:
        if any(word in lowered for word in _DUMMY) or lowered.startswith(("$", "env:", "file:", "os.", "process")):
            return False
        return hit.kind != "assigned_secret" or (entropy_bits(hit.value) >= _ENTROPY_BITS_MIN and _mixed(hit.value))
    return True


def _mixed(value: str) -> bool:
    """Letters and digits: an assigned value of letters alone is a word or a name."""
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


def entropy_bits(text: str) -> float:
    """Shannon entropy per character, in bits."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def _cards(text: str, kept: frozenset[str]) -> list[Hit]:
    hits = []
    for match in regex(_CARD).finditer(text):  # type: ignore[attr-defined]
        digits = "".join(char for char in match.group(0) if char.isdigit())
        if 13 <= len(digits) <= 19 and luhn(digits) and match.group(0) not in kept and len(set(digits)) > 1:
            hits.append(Hit("card", match.start(0), match.end(0), match.group(0)))
    return hits


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        number = int(char) * (2 if index % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _apart(hits: list[Hit]) -> list[Hit]:
    out: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if not out or hit.start >= out[-1].end:
            out.append(hit)
    return out


def mask(hit: Hit, key: bytes) -> str:
    """`[github_token:3f9c21ab]`: stable for one key."""
    value = "".join(hit.value.split()) if hit.kind == "card" else hit.value
    return f"[{hit.kind}:{hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:8]}]"


def masked(text: str, hits: Iterable[Hit], key: bytes) -> str:
    """The text with every hit whose action is to mask (or that has none of its own) replaced."""
    out: list[str] = []
    end = 0
    for hit in hits:
        if hit.action in (None, "mask"):
            out += [text[end : hit.start], mask(hit, key)]
            end = hit.end
    return "".join([*out, text[end:]])


def action(settings: Redact, hits: Iterable[Hit]) -> Action | None:
    """The strictest thing to do about hits in a tool result, None when there is nothing to do."""
    order: dict[Action, int] = {"mask": 0, "local": 1, "ask": 2, "deny": 3}
    chosen: list[Action] = []
    for hit in hits:
        if hit.action is not None:
            chosen.append(hit.action)
        elif settings.secrets != "off":
            chosen.append(settings.secrets)
    return max(chosen, key=order.__getitem__, default=None)
