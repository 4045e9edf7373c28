"""Local token counts with tiktoken's o200k_base, whose ranks ship with the package: no network, ever.

An estimate for models with other tokenizers (Claude has no public one), good to about 10 % on code and prose. Loading takes
about a second and 67 MB, so it begins with the first count, which few clients ask for; until then four bytes are a token.
Counting runs in one thread off the event loop; counts are kept by content digest, so a growing session pays for its new
messages only.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import lzma
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import Any

from gateway.adapters.memory import give_back
from gateway.telemetry import LOG

_log = logging.getLogger(LOG)

RANKS = "o200k_base.tiktoken.xz"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
CACHE_MAX = 20_000
"""Counts kept: 16-byte digest and an integer each, about 3 MB."""

PIECE_BYTES_MAX = 200_000
"""Longer texts are counted by their first part and extrapolated: 200 KB take 16 ms (protocols.md 5.1)."""

BYTES_PER_TOKEN = 4


class TiktokenCounter:
    """Implements `ports.TokenCounter`."""

    def __init__(self) -> None:
        self.ready = False
        self._begun = False
        self._encoding: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokens")
        self._known: OrderedDict[bytes, int] = OrderedDict()

    def load(self) -> None:
        """Blocking; `count` calls it in its own thread. ValueError if the shipped ranks are not what they should be."""
        self._encoding = _encoding()
        self.ready = True
        give_back()

    def _first(self) -> None:
        try:
            self.load()
        except (ValueError, OSError):
            _log.exception("the tokenizer's ranks cannot be used: counts stay estimates")

    async def count(self, texts: Sequence[bytes]) -> int:
        if not self.ready:
            if not self._begun:
                self._begun = True
                self._thread.submit(self._first)
            return sum(-(-len(text) // BYTES_PER_TOKEN) for text in texts)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._count_all, list(texts))

    def _count_all(self, texts: list[bytes]) -> int:
        return sum(map(self._count, texts))

    def _count(self, text: bytes) -> int:
        digest = hashlib.blake2b(text, digest_size=16).digest()
        known = self._known.get(digest)
        if known is not None:
            self._known.move_to_end(digest)
            return known
        piece = text[:PIECE_BYTES_MAX].decode("utf-8", "replace")
        tokens = len(self._encoding.encode(piece, disallowed_special=()))
        if len(text) > PIECE_BYTES_MAX:
            tokens = tokens * len(text) // PIECE_BYTES_MAX
        self._known[digest] = tokens
        if len(self._known) > CACHE_MAX:
            self._known.popitem(last=False)
        return tokens


@functools.cache
def _encoding() -> Any:
    """Built once in a process: a second of CPU and 40 MB."""
    import tiktoken
    from tiktoken_ext import openai_public

    packed = resources.files("gateway.data").joinpath(RANKS).read_bytes()
    raw = lzma.decompress(packed)
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise ValueError(f"{RANKS} is damaged: its digest is not the published one")
    ranks = {b64decode(token): int(rank) for token, rank in (line.split() for line in raw.splitlines() if line)}
    encoding = tiktoken.Encoding(
        name="o200k_base",
        pat_str=_pattern(openai_public),
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 199_999, "<|endofprompt|>": 200_018},
    )
    # The Rust core has copied the ranks; tiktoken 0.14 keeps the Python dict (26 MB) for pickling only.
    encoding._mergeable_ranks = {}
    return encoding


def _pattern(module: Any) -> str:
    """The splitting pattern of o200k_base as tiktoken itself defines it, taken without its loader going to the network."""
    loader = module.load_tiktoken_bpe
    try:
        module.load_tiktoken_bpe = lambda *_, **__: {}
        pattern: str = module.o200k_base()["pat_str"]
    finally:
        module.load_tiktoken_bpe = loader
    return pattern
