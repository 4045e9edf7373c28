"""YAML text to plain values that remember their lines. Knows nothing of policies.

Values follow the core schema of YAML 1.2 (`on`, `no` and `22:30` are text). A key that stands twice, a tag, a second
document, an alias and nesting beyond a bound are refused: a policy must mean what its reader sees. Events are read
one by one with an own stack, because the composers of PyYAML recurse per nesting level.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from policies.errors import Path, PolicyError, Problem

TEXT_CHARS_MAX = 1024 * 1024
"""A policy of 2,000 rules is about 500 KiB."""
DEPTH_MAX = 24

_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?\Z")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Document:
    """`lines` maps a path to the line its key (or list item) stands in, 1-based."""

    file: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Of the thing at `path`, or of the nearest thing around it that stands in the text; 0 for an empty text."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def problem(self, path: Path, message: str, cure: str = "") -> Problem:
        return Problem(self.file, path, message, cure, self.line(path))


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read; `key` is the mapping's key that waits for its value."""

    path: Path
    value: list[Any] | dict[str, Any]
    key: str | None = None


def read(text: str, file: str) -> Document:
    """PolicyError when it is not one YAML document of plain lists, mappings and scalars."""
    document = Document(file)
    if len(text) > TEXT_CHARS_MAX:
        raise PolicyError([Problem(file, (), f"the text is larger than {TEXT_CHARS_MAX} characters", "split it")])
    try:
        _Reader(document).run(text.removeprefix("\ufeff"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = "; ".join(part for part in (error.context, error.problem) if part)
        raise PolicyError([Problem(file, (), f"not YAML: {reason}", line=mark.line + 1 if mark else 0)]) from None
    except yaml.YAMLError as error:
        raise PolicyError([Problem(file, (), f"not YAML: {' '.join(str(error).split())[:200]}")]) from None
    return document


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.stack: list[_Open] = []
        self.documents = 0

    def run(self, text: str) -> None:
        for event in yaml.parse(text, Loader=_LOADER):
            mark = event.start_mark
            self.event(event, type(event).__name__, mark.line + 1 if mark else 0)

    def event(self, event: Any, kind: str, line: int) -> None:
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                self.stop("more than one document", line, "remove the line ---")
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            self.stack.pop()
        elif kind == "AliasEvent":
            self.stop(f"the alias *{event.anchor}", line, "write the value out, or use vars")
        elif kind == "ScalarEvent":
            self.scalar(event, line)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            self.opened([] if kind == "SequenceStartEvent" else {}, event, line)

    def scalar(self, event: Any, line: int) -> None:
        self.untagged(event, line)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self.key(top, str(event.value), line)
        else:
            self.put(event.value if event.style else _plain(event.value), line)

    def opened(self, value: list[Any] | dict[str, Any], event: Any, line: int) -> None:
        self.untagged(event, line)
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            self.stop("a key that is not a word", line)
        path = self.put(value, line)
        self.stack.append(_Open(path, value))
        if len(self.stack) > DEPTH_MAX:
            self.stop(f"nested deeper than {DEPTH_MAX} levels", line)

    def key(self, top: _Open, name: str, line: int) -> None:
        assert isinstance(top.value, dict)
        if name in top.value:
            first = self.document.lines.get((*top.path, name), 0)
            self.stop(f"the key {name} stands twice, first in line {first}", line, "merge the two")
        self.document.lines[(*top.path, name)] = line
        top.key = name

    def put(self, value: Any, line: int) -> Path:
        """Where it was put."""
        if not self.stack:
            self.document.value = value
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            path: Path = (*top.path, len(top.value))
            top.value.append(value)
            self.document.lines[path] = line
            return path
        assert top.key is not None
        path = (*top.path, top.key)
        top.value[top.key] = value
        top.key = None
        return path

    def untagged(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag not in {"!", "tag:yaml.org,2002:str"}:
            self.stop(f"the tag {event.tag}", line, "write values without tags")
        if event.anchor is not None:
            self.stop(f"the anchor &{event.anchor}", line, "write the value out, or use vars")

    def stop(self, message: str, line: int, cure: str = "") -> None:
        path = self.stack[-1].path if self.stack else ()
        raise PolicyError([Problem(self.document.file, path, message, cure, line)])


def _plain(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
