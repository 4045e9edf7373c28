"""How big a request is, cheaply: bytes to tokens without a tokenizer, images apart. Work: one search per message
that has parts, and one scan for long base64 runs in those that mention an image or a document."""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.dialects.contract import View

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{1024,}={0,2}")
_IMAGE = re.compile(rb'"type"\s*:\s*"(?:image|image_url|input_image)"')
_MEDIA = re.compile(rb'"(?:image|input_image"|document"|input_file"|file")')
_STRING = re.compile(rb'\{"role": ?"\w{1,16}", ?"content": ?"')
"""A message whose content is one string has no parts; most of chat's are, and their bytes need no search."""

IMAGE_TOKENS = 1600
"""A 1568x1568 image at Anthropic's width*height/750, rounded down; vendors differ by 2x around it."""

BYTES_PER_TOKEN = 4


class Size(NamedTuple):
    """What is no text in the messages so far: base64 runs, and parts that say they are an image."""

    blob_bytes: int = 0
    blobs: int = 0
    images: int = 0


NOTHING = Size()


def of_messages(view: View, earlier: Size | None = None, since: int = 0) -> Size:
    """Images and documents of the conversation; `earlier` is what was found in its first `since` messages.

    Only the conversation is searched: tool schemas mention images in most harnesses without any being sent."""
    blob_bytes, blobs, images = earlier or NOTHING
    for message in view.messages[since:]:
        if _STRING.match(message) is not None or _MEDIA.search(message) is None:
            continue
        raw = bytes(message)
        images += len(_IMAGE.findall(raw))
        for run in _BASE64.finditer(raw):
            blobs += 1
            blob_bytes += run.end() - run.start()
    return Size(blob_bytes, blobs, images)


def tokens(body: bytes, found: Size) -> int:
    """Text in JSON at 4 bytes a token (protocols.md 5.1: +22 % on code, -6 % on JSON), images apart."""
    blob_bytes, blobs, images = found
    return (len(body) - blob_bytes) // BYTES_PER_TOKEN + max(blobs, images) * IMAGE_TOKENS


def size(body: bytes, view: View) -> tuple[int, bool]:
    """(estimated tokens, has images)."""
    found = of_messages(view)
    return tokens(body, found), found.images > 0
