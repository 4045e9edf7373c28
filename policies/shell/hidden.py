"""Characters that make a person see another command than the shell does. A command that holds one is not read as usual."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls (tab and newline are blanks; a carriage return is looked at below)
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # zero width, bidirectional, invisible operators
    "\u3164\uffa0\ufff9-\ufffb"
    "\ufe00-\ufe0f"  # variation selectors: see `_EMOJI`
    "\ud800-\udfff"  # halves of pairs
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"  # musical format characters, tags, more selectors
)
_BLANK = re.compile("[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u0085]")
_EMOJI = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff][\ufe0f\u200d]|\u200d(?=[\u2640\u2642\U0001f000-\U0001faff])")


def hidden(text: str) -> str:
    """Why the text is not what it looks like, "" when it is. A joiner or selector behind an emoji is how it is drawn."""
    rest = text if text.isascii() else _EMOJI.sub("x", text)
    found = _HIDDEN.search(rest)
    if found:
        return f"it holds an invisible character (U+{ord(found[0]):04X})"
    found = None if text.isascii() else _BLANK.search(rest)
    if found:
        return f"it holds a blank that no shell takes for one (U+{ord(found[0]):04X})"
    if "\r" in rest.replace("\r\n", "\n"):
        return "it holds a carriage return, which hides the text before it"
    return ""
