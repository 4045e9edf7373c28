"""What the scripted vendor remembers: ids, signatures and reasoning it minted, and prompts it has read.

Deterministic: the n-th id of a server is always the same, so a failing run can be repeated exactly.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.testing.scripted.asked import Asked
from gateway.testing.scripted.turns import Tokens

# About four characters make a token in English and code; the exact figure does not matter, its consistency does.
CHARACTERS_PER_TOKEN = 4
_MARK = re.compile(r", 'cache_control': (?:\{[^{}]*\}|None)|'cache_control': (?:\{[^{}]*\}|None), ")


@dataclass(slots=True)
class Memory:
    """The state of one scripted vendor. Bounds: one entry per request or minted thing; meant for one test session."""

    seed: str = "scripted"
    minted: int = 0
    signatures: dict[str, str] = field(default_factory=dict)  # signature -> the thinking text it signs
    redacted: set[str] = field(default_factory=set)
    reasoning: dict[str, str] = field(default_factory=dict)  # tool call id -> the reasoning that led to it
    encrypted: dict[str, str] = field(default_factory=dict)  # encrypted_content -> item id
    prompts: dict[str, int] = field(default_factory=dict)  # digest of a prompt prefix -> its tokens

    def mint(self, prefix: str, length: int = 24) -> str:
        """A new id that starts with `prefix`."""
        self.minted += 1
        return prefix + hashlib.sha256(f"{self.seed}/{self.minted}".encode()).hexdigest()[:length]

    def sign(self, thinking: str) -> str:
        """A signature for a thinking text, remembered."""
        signature = self.mint("EqQB", 60) + "=="
        self.signatures[signature] = thinking
        return signature

    def redact(self) -> str:
        data = self.mint("EmwK", 60) + "=="
        self.redacted.add(data)
        return data

    def encrypt(self, item_id: str) -> str:
        content = self.mint("gAAAAAB", 60)
        self.encrypted[content] = item_id
        return content

    def read(self, asked: Asked, *, marks_needed: bool) -> tuple[int, int, int]:
        """Tokens of the prompt: (all, read from the cache, written to it). Remembers the prompt for the next one.

        `marks_needed`: the vendor caches only up to a `cache_control` mark (Messages); otherwise every whole entry counts.
        """
        digest, total, cached, marked = hashlib.sha256(asked.model.encode()), 0, 0, 0
        ends: list[tuple[str, int]] = []
        for piece in asked.pieces:
            bare = _MARK.sub("", piece)
            digest.update(bare.encode(errors="replace"))
            total += len(bare) // CHARACTERS_PER_TOKEN + 1
            key = digest.hexdigest()
            ends.append((key, total))
            if key in self.prompts:
                cached = total
            if "'cache_control': {" in piece:
                marked = total
        reach = marked if marks_needed else total
        cached = min(cached, reach)
        for key, tokens in ends:
            if tokens <= reach:
                self.prompts[key] = tokens
        return total, cached, reach - cached

    def tokens(self, asked: Asked, output: str, reasoning: str, *, marks_needed: bool) -> Tokens:
        """Consistent figures for an answer: the parts never exceed their whole."""
        everything, cached, written = self.read(asked, marks_needed=marks_needed)
        thought = len(reasoning) // CHARACTERS_PER_TOKEN + 1 if reasoning else 0
        return Tokens(
            input=everything,
            cached=cached,
            written=written,
            output=len(output) // CHARACTERS_PER_TOKEN + 1 + thought,
            reasoning=thought,
        )


def fragments(text: str, size: int) -> Iterable[str]:
    """`text` in pieces of at most `size` characters; an empty text gives none."""
    return (text[start : start + size] for start in range(0, len(text), size))


def dump(value: object) -> bytes:
    """Compact JSON, as vendors send it; characters beyond ASCII stay as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
