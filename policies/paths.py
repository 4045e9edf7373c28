"""Paths as they are written in a tool's arguments, made absolute and plain. Nothing is looked up: symbolic links are
not seen."""

from __future__ import annotations

import posixpath
import re

_VARIABLE = re.compile(r"\$\w|\$\{|%\w+%|`")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PATH_CHARS_MAX = 4_096


def normalised(path: str, cwd: str | None = None, home: str | None = None) -> tuple[str, str]:
    """(the path, "") or (the path as far as it can be read, why not). Absolute when `cwd` is known; otherwise relative
    with "./" in front, or with "../" when it leaves the directory. `~` becomes `home` when that is known."""
    text = path.strip()
    if text.startswith("file://"):
        text = "/" + text[7:].lstrip("/").removeprefix("localhost/")
    reason = _strange(text)
    if text == "~" or text.startswith("~/"):
        if home is None:
            return _tilde(text), reason
        text = home.rstrip("/") + text[1:]
    elif text.startswith("~"):
        reason = reason or "another user's home directory"
    if not text.startswith("/"):
        if cwd is None or not cwd.startswith("/"):
            plain = posixpath.normpath(text or ".")
            return (plain if plain.startswith("..") else "./" + plain if plain != "." else "."), reason
        text = posixpath.join(cwd, text)
    return clean(text), reason


def clean(path: str) -> str:
    """An absolute path without `.`, `..`, doubled and trailing slashes."""
    plain = posixpath.normpath(path)
    return plain[1:] if plain.startswith("//") else plain


def _tilde(text: str) -> str:
    inner = clean("/~" + text[1:])
    return inner[1:] if inner.startswith("/~") else ".." + inner


def _strange(text: str) -> str:
    if len(text) > PATH_CHARS_MAX:
        return f"a path longer than {PATH_CHARS_MAX} characters"
    if not text:
        return "an empty path"
    if _CONTROL.search(text) is not None:
        return "a path with control characters"
    if _DRIVE.match(text) or "\\" in text:
        return "a Windows path"
    return "a path with a variable" if _VARIABLE.search(text) else ""
