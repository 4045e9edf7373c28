"""How big a request is, cheaply: bytes to tokens without a tokenizer, images apart. Work: a substring test per message, and
one scan for long base64 runs in those that mention an image or a document."""

from __future__ import annotations

import re

from gateway.dialects.contract import View

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{1024,}={0,2}")
_IMAGE = re.compile(rb'"type"\s*:\s*"(?:image|image_url|input_image)"')
_MEDIA = (b'"image', b'"input_image"', b'"document"', b'"input_file"', b'"file"')

IMAGE_TOKENS = 1600
"""A 1568x1568 image at Anthropic's width*height/750, rounded down; vendors differ by 2x around it."""

BYTES_PER_TOKEN = 4


def size(body: bytes, view: View) -> tuple[int, bool]:
    """(estimated tokens, has images). Text in JSON at 4 bytes a token (protocols.md 5.1: +22 % on code, -6 % on JSON).

    Only the conversation is searched: tool schemas mention images in most harnesses without any being sent."""
    if not any(mark in body for mark in _MEDIA):
        return len(body) // BYTES_PER_TOKEN, False
    blob_bytes = blobs = images = 0
    for message in view.messages:
        raw = bytes(message)
        if not any(mark in raw for mark in _MEDIA):
            continue
        images += len(_IMAGE.findall(raw))
        for run in _BASE64.finditer(raw):
            blobs += 1
            blob_bytes += run.end() - run.start()
    tokens = (len(body) - blob_bytes) // BYTES_PER_TOKEN + max(blobs, images) * IMAGE_TOKENS
    return tokens, images > 0
