"""Tool call ids across dialects: Anthropic accepts only `^[a-zA-Z0-9_-]+$` (400 "String should match pattern" otherwise;
weave-os/router#581, QwenLM/qwen-code#8160), other vendors mint ids such as `functions.Read:0`.

A foreign id travels as prefix + unpadded base64url of its UTF-8, so the original can be read back from the id itself: no
table, stable over restarts, collision-free, and byte-equal in every later turn (prefix caches). Fitting ids are left alone.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

PREFIX: Final = "toolu_ilk_"
_FITTING: Final = re.compile(r"[a-zA-Z0-9_-]+")


def to_wire(call_id: str) -> str:
    """The id as a Messages client or upstream may see it."""
    if _FITTING.fullmatch(call_id) and (not call_id.startswith(PREFIX) or from_wire(call_id) == call_id):
        return call_id
    return PREFIX + _coded(call_id)


def from_wire(call_id: str) -> str:
    """The original of an id that `to_wire` made; any other id as it is."""
    if not call_id.startswith(PREFIX):
        return call_id
    coded = call_id[len(PREFIX) :]
    try:
        original = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, ValueError):
        return call_id
    foreign = not _FITTING.fullmatch(original) or original.startswith(PREFIX)
    return original if foreign and _coded(original) == coded else call_id


def _coded(text: str) -> str:
    return urlsafe_b64encode(text.encode(errors="replace")).decode().rstrip("=")
