"""Free text inside JSON arguments: how a custom tool's input travels through models that know functions only.

A custom tool (Codex `apply_patch`) is offered to such a model as a function with one string argument `input`; the model
answers `{"input": "..."}` and the client wants the text, as it comes. `InputExtractor` unescapes the string while the
fragments arrive. Models do not always obey: text that is no such object is handed on as it is.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from gateway.dialects._shared import Bad

FIELD: Final = "input"
_HEAD: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_SAFE: Final = re.compile(r'[^"\\]*')
_SIMPLE: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX: Final = re.compile(r"[0-9a-fA-F]{4}")
_any: Final = msgspec.json.Decoder()


def unwrap(arguments: str) -> str:
    """The text out of complete arguments: the string `input`; else the only string of the object; else all as it is."""
    try:
        value: Any = _any.decode(arguments)
    except (*Bad, UnicodeEncodeError):
        return arguments
    if not isinstance(value, dict):
        return value if isinstance(value, str) else arguments
    inner = value.get(FIELD)
    if isinstance(inner, str):
        return inner
    if FIELD not in value and len(value) == 1:
        (only,) = value.values()
        if isinstance(only, str):
            return only
    return arguments


class InputExtractor:
    """Fragments of arguments in, text out. `close` returns what is only certain at the end.

    Three states: the head `{"input":"` is awaited; the string is open; it is closed and the rest ignored. Whatever can no
    longer become that head is kept until the end and read as a whole (work stays linear in the bytes fed)."""

    __slots__ = ("_high", "_open", "_rest", "_whole")

    def __init__(self) -> None:
        self._whole: list[str] | None = []  # fragments before the string opened; None afterwards
        self._open = False
        self._rest = ""  # an escape cut in two
        self._high = ""  # a high surrogate awaiting its low one

    def feed(self, fragment: str) -> str:
        if self._open:
            return self._unescape(fragment)
        if self._whole is None:
            return ""
        self._whole.append(fragment)
        if len(self._whole) > 1 and len(self._whole[0]) > _HEAD_MAX:
            return ""
        so_far = "".join(self._whole)
        found = _HEAD.match(so_far)
        if found is None:
            self._whole = [so_far]
            return ""
        self._whole, self._open = None, True
        return self._unescape(so_far[found.end() :])

    def close(self) -> str:
        if self._whole is not None:
            return unwrap("".join(self._whole))
        tail = self._lone(self._high) + (self._rest if self._open else "")
        self._rest = self._high = ""
        return tail

    def _unescape(self, text: str) -> str:
        text = self._rest + text
        self._rest = ""
        out: list[str] = []
        position = 0
        while position < len(text):
            end = _SAFE.match(text, position).end()  # type: ignore[union-attr]  # matches the empty string too
            if end > position:
                out += (self._flush(), text[position:end])
                position = end
            elif text[position] == '"':
                out.append(self._flush())
                self._open = False
                break
            else:
                step = self._escape(text, position, out)
                if step == 0:
                    self._rest = text[position:]
                    break
                position += step
        return "".join(out)

    def _escape(self, text: str, position: int, out: list[str]) -> int:
        """Characters consumed; 0 when the escape is not complete yet."""
        if position + 1 >= len(text):
            return 0
        kind = text[position + 1]
        if kind != "u":
            out += (self._flush(), _SIMPLE.get(kind, "\\" + kind))
            return 2
        if position + 6 > len(text):
            if not all(c in "0123456789abcdefABCDEF" for c in text[position + 2 :]):
                out += (self._flush(), "\\u")  # not an escape of JSON: handed on as it is
                return 2
            return 0
        if _HEX.match(text, position + 2) is None:
            out += (self._flush(), "\\u")
            return 2
        self._unit(int(text[position + 2 : position + 6], 16), out)
        return 6

    def _unit(self, unit: int, out: list[str]) -> None:
        if 0xD800 <= unit < 0xDC00:
            out.append(self._flush())
            self._high = chr(unit)
        elif 0xDC00 <= unit < 0xE000:
            if self._high:
                out.append(chr(0x10000 + ((ord(self._high) - 0xD800) << 10) + (unit - 0xDC00)))
                self._high = ""
            else:
                out.append("\ufffd")
        else:
            out += (self._flush(), chr(unit))

    def _flush(self) -> str:
        lone, self._high = self._lone(self._high), ""
        return lone

    @staticmethod
    def _lone(high: str) -> str:
        return "\ufffd" if high else ""


_HEAD_MAX: Final = 4096
"""Characters of white space before the head up to which it is still awaited piece by piece."""
