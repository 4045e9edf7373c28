"""Globs with one meaning each, and patterns in linear time.

Path globs: `/abs/**`, `~/.ssh/**`, `./rel/**` (from the workspace roots) and `**/name` (anywhere). `*` and `?` stay
inside one path component, `**` crosses them, `[abc]` and `{a,b}` are alternatives. A pattern that ends in `/**` also
matches the folder itself. Word globs (names, hosts, values): `*` matches anything. Everything is compiled to RE2
(google-re2), because the text that is matched is written by a model: a backtracking engine could be kept busy by it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import re2

PATTERN_CHARS_MAX = 1_000
_MEMORY_BYTES_MAX = 1 << 20
"""Of one compiled pattern; RE2 refuses larger ones."""


class Pattern(Protocol):
    def search(self, text: str) -> object | None: ...
    def fullmatch(self, text: str) -> object | None: ...


@functools.lru_cache(maxsize=4096)
def regex(source: str, ignore_case: bool = False) -> Pattern:
    """ValueError when it is not an RE2 expression: no look-around, no back-references (they cannot be linear)."""
    if len(source) > PATTERN_CHARS_MAX * 40:
        raise ValueError("the pattern is too long")
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES_MAX * 16
    options.log_errors = False
    options.dot_nl = True
    options.case_sensitive = not ignore_case
    try:
        pattern: Any = re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"not an RE2 expression: {text}") from None
    assert pattern is not None
    return pattern  # type: ignore[no-any-return]


def path_source(glob: str, roots: Iterable[str] = (), home: str | None = None) -> str:
    """RE2 source that matches a whole normalised path. `./x` is below each root, and as written when no root is known.
    ValueError for a form that has no meaning."""
    if len(glob) > PATTERN_CHARS_MAX:
        raise ValueError(f"the pattern is longer than {PATTERN_CHARS_MAX} characters")
    if not glob or glob in {"~", "/", "."}:
        glob = {"": ".", "~": "~/", "/": "/", ".": "./"}[glob]
    if glob.startswith("~/"):
        bases = ["~/"] + ([home.rstrip("/") + "/"] if home else [])
        return _based(bases, glob[2:])
    if glob.startswith("./"):
        return _based([*(root.rstrip("/") + "/" for root in roots), "./"], glob[2:])
    if glob.startswith("/"):
        return _based(["/"], glob[1:])
    if glob.startswith("**"):
        return _translated(glob, "/")
    raise ValueError("write it as /absolute, ~/home, ./workspace or **/anywhere")


def _based(bases: list[str], rest: str) -> str:
    heads = []
    for base in bases:
        # The folder itself: `./**` matches the root, `~/.ssh/**` matches ~/.ssh.
        if rest in {"", "**"}:
            tail = "(?:/.*)?" if rest else ""
            heads.append(re2.escape(base.rstrip("/") or "/") + tail if base != "/" else ("/.*" if rest else "/"))
        else:
            heads.append(re2.escape(base) + _translated(rest, "/"))
    return "(?:" + "|".join(heads) + ")"


def word_source(glob: str) -> str:
    """RE2 source for a whole word: `*` and `?` match any character."""
    if len(glob) > PATTERN_CHARS_MAX:
        raise ValueError(f"the pattern is longer than {PATTERN_CHARS_MAX} characters")
    return _translated(glob, "")


def _translated(glob: str, separator: str) -> str:
    out: list[str] = []
    index, depth, one = 0, 0, f"[^{separator}]" if separator else "."
    while index < len(glob):
        char = glob[index]
        if separator and glob.startswith("**/", index):
            out.append("(?:.*/)?")
            index += 3
            continue
        if separator and glob[index:] == "/**":
            out.append("(?:/.*)?")
            break
        if glob.startswith("**", index):
            out.append(".*")
            index += 2
            continue
        if char == "[" and "]" in glob[index + 2 :]:
            end = glob.index("]", index + 2)
            out.append(_charset(glob[index + 1 : end], separator))
            index = end + 1
            continue
        if char == "{":
            depth += 1
            out.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            out.append(")")
        elif char == "," and depth:
            out.append("|")
        else:
            out.append({"*": one + "*", "?": one}.get(char) or re2.escape(char))
        index += 1
    if depth:
        raise ValueError("a { is not closed")
    return "".join(out)


def _charset(inner: str, separator: str) -> str:
    negated = inner[:1] in {"!", "^"}
    body = inner[1:] if negated else inner
    escaped = "".join(char if char == "-" else re2.escape(char) for char in body)
    return f"[^{separator}{escaped}]" if negated else f"[{escaped}]"


def is_glob(text: str) -> bool:
    return "*" in text or "?" in text or "[" in text or "{" in text


class Words:
    """A set of word globs. Plain words are looked up, only the rest is matched as a pattern."""

    __slots__ = ("_pattern", "_plain", "globs", "ignore_case")

    def __init__(self, globs: Iterable[str], ignore_case: bool = False) -> None:
        self.globs = tuple(globs)
        self.ignore_case = ignore_case
        fold = str.lower if ignore_case else str
        self._plain = frozenset(fold(glob) for glob in self.globs if not is_glob(glob))
        sources = [word_source(fold(glob)) for glob in self.globs if is_glob(glob)]
        self._pattern = regex("|".join(f"(?:{source})" for source in sources)) if sources else None

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str):
            return False
        if self.ignore_case:
            word = word.lower()
        return word in self._plain or (self._pattern is not None and self._pattern.fullmatch(word) is not None)

    def exact(self) -> frozenset[str] | None:
        """The words, when none is a pattern."""
        return self._plain if self._pattern is None else None


class Hosts:
    """Host names: `github.com` is that host alone, `*.github.com` any below it, `10.0.0.0/8` is not understood on
    purpose (names are what a model writes; put addresses down one by one). A port may follow: `localhost:8080`."""

    __slots__ = ("_words", "globs")

    def __init__(self, globs: Iterable[str]) -> None:
        self.globs = tuple(globs)
        self._words = Words([glob.rstrip(".") for glob in self.globs], ignore_case=True)

    def __contains__(self, host: object) -> bool:
        if not isinstance(host, str):
            return False
        name = host.rstrip(".").lower()
        if name in self._words:
            return True
        bare, colon, port = name.rpartition(":")
        return bool(colon) and port.isdigit() and bare.rstrip(".") in self._words


class Paths:
    """A set of path globs for one pair of roots and home. Whole folders (`/x/**`) are prefixes, plain paths are looked
    up, and only the rest is matched as a pattern, one for those of the workspace, the home and everywhere each: a
    policy is used with many workspaces, and compiling is dear. A pattern is asked only where the path holds what one of
    its globs demands: RE2 lets go of the interpreter's lock for each match, and a thread that takes it then may keep it
    for milliseconds (half the calls waited 56 µs, one in ten 800; measured 2026-11-21)."""

    __slots__ = ("_all", "_ends", "_heads", "_names", "_patterns", "_plain", "globs")

    def __init__(self, globs: Iterable[str], roots: Iterable[str] = (), home: str | None = None) -> None:
        self.globs = tuple(globs)
        roots = tuple(roots)
        plain, heads, rest = set[str](), list[str](), list[str]()
        names, ends = set[str](), list[tuple[str, str]]()
        self._all = "**" in self.globs
        for glob in self.globs:
            if glob == "**":
                continue
            folder = glob.removesuffix("/**")
            if folder.strip("/.~") and not is_glob(folder) and folder[:1] in "/~.":
                forms = _written(folder, roots, home)
                plain.update(forms)
                if folder != glob:
                    heads += [form + "/" for form in forms]
            elif glob == "./**" and "/" not in roots:
                forms = [*(root.rstrip("/") for root in roots), "."]
                plain.update(forms)
                heads += [form + "/" for form in forms]
            elif (name := _anywhere(glob)) is not None:
                head, star, tail = name.partition("*")
                if star:
                    ends.append((head, tail))
                else:
                    names.add(name)
            else:
                rest.append(glob)
        self._plain, self._heads = frozenset(plain), tuple(heads)
        self._names, self._ends = frozenset(names), tuple(ends)
        self._patterns = tuple(_grouped(rest, roots, home))

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str):
            return False
        if self._all or path in self._plain or path.startswith(self._heads):
            return True
        name = path[path.rfind("/") + 1 :]
        if name in self._names:
            return True
        for head, tail in self._ends:
            if name.startswith(head) and name.endswith(tail) and len(name) >= len(head) + len(tail):
                return True
        for demands, pattern in self._patterns:
            for demand in demands:
                if demand in path:
                    if pattern.fullmatch(path) is not None:
                        return True
                    break
        return False


def _anywhere(glob: str) -> str | None:
    """The last component of `**/name` or `**/na*me`; None for any other form."""
    name = glob.removeprefix("**/")
    plain = (
        name != glob and name and "/" not in name and name.count("*") <= 1 and not any(char in name for char in "?[{}]")
    )
    return name if plain else None


def _written(folder: str, roots: tuple[str, ...], home: str | None) -> list[str]:
    """The forms a path without wildcards may have in facts. ValueError like `path_source`."""
    path_source(folder, roots, home)
    if folder.startswith("~/"):
        return [folder, home.rstrip("/") + folder[1:]] if home else [folder]
    if folder.startswith("./"):
        return [folder, *(root.rstrip("/") + folder[1:] for root in roots)]
    return [folder]


def demanded(glob: str) -> str:
    """The longest text that every path matched by the glob holds; "" where nothing is sure."""
    if glob in {"", "~", "/", "."}:
        return ""
    bare = glob[2:] if glob.startswith(("./", "~/")) else glob
    bare = bare.removesuffix("/**").replace("**/", "*")  # the folder itself, and nothing between, match too
    # Of alternatives nothing is sure: only what stands before the first and behind the last.
    first, *_, last = re.split(r"[{[]", bare, maxsplit=1)[0], re.split(r"[]}]", bare)[-1]
    pieces = [*re.split(r"[*?]", first), *re.split(r"[*?]", last)]
    return max(pieces, key=len)


def _grouped(globs: list[str], roots: tuple[str, ...], home: str | None) -> Iterator[tuple[tuple[str, ...], Pattern]]:
    groups = (
        (tuple(glob for glob in globs if glob[:1] == "."), roots, None),
        (tuple(glob for glob in globs if glob[:1] == "~"), (), home),
        (tuple(glob for glob in globs if glob[:1] not in {".", "~"}), (), None),
    )
    for held, its_roots, its_home in groups:
        if held:
            yield tuple(dict.fromkeys(map(demanded, held))), _joined(held, its_roots, its_home)


@functools.lru_cache(maxsize=4096)
def _joined(globs: tuple[str, ...], roots: tuple[str, ...], home: str | None) -> Pattern:
    return regex("|".join(f"(?:{path_source(glob, roots, home)})" for glob in globs))
