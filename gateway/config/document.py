"""YAML text to plain values that remember where they stood. Knows nothing of settings.

Values follow the core schema of YAML 1.2: `on`, `no` and `22:30` are text, not booleans and sexagesimal numbers. Events
are read one by one, because the composers of PyYAML recurse per nesting level (its C one dies of 100,000 brackets);
anchors and merge keys work, and what they expand to is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.config.problems import Path, Place, Problem

TEXT_BYTES_MAX = 1024 * 1024
"""A configuration of 1,000 models is 150 KiB."""
DEPTH_MAX = 32
NODES_MAX = 100_000
"""After expansion of aliases: nested aliases ("billion laughs") stop here."""

_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,15}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?\Z")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_STR_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """`value` is None for an empty text. `places` are of values, `key_places` of the keys they stand under."""

    value: Any
    places: dict[Path, Place] = field(default_factory=dict)
    key_places: dict[Path, Place] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def place(self, path: Path, *, key: bool = False) -> Place | None:
        """Of the value (or its key) at `path`, or of the nearest thing around it that stands in the text."""
        while path:
            found = self.key_places.get(path) if key else None
            found = found or self.places.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return self.places.get(())


@dataclass(slots=True)
class _Node:
    kind: str
    place: Place
    scalar: Any = None
    items: list[Any] = field(default_factory=list)


class _Stop(Exception):
    """The text cannot be read further."""

    def __init__(self, message: str, place: Place | None, accepted: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(path=(), message=message, place=place, accepted=accepted)


def read(text: str | bytes) -> Document:
    """Never raises for bad text: what is wrong is in `problems`, and `value` is then None or what could be read."""
    try:
        root = _parse(_decoded(text))
    except _Stop as stop:
        return Document(None, problems=(stop.problem,))
    builder = _Builder()
    if root is None:
        return Document(None, {(): Place(1, 1)})
    try:
        value = builder.build(root, ())
    except _Stop as stop:
        return Document(None, builder.places, builder.key_places, (*builder.problems, stop.problem))
    return Document(value, builder.places, builder.key_places, tuple(builder.problems))


def _decoded(text: str | bytes) -> str:
    if len(text) > TEXT_BYTES_MAX:
        raise _Stop(f"the file is larger than {TEXT_BYTES_MAX} bytes", None)
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        column = e.start - (text.rfind(b"\n", 0, e.start) + 1) + 1
        raise _Stop("not UTF-8 text", Place(text[: e.start].count(b"\n") + 1, column)) from None


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _parse(text: str) -> _Node | None:
    try:
        return _tree(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        reason = "; ".join(part for part in (e.context, e.problem) if part)
        raise _Stop(f"not YAML: {reason}", _place(mark) if mark else None) from None
    except yaml.YAMLError as e:
        raise _Stop(f"not YAML: {' '.join(str(e).split())[:200]}", None) from None


def _tree(events: Iterator[Any]) -> _Node | None:
    """Events to nodes, with an explicit stack. Aliases point to the node they name: a graph without cycles."""
    root: _Node | None = None
    documents = 0
    stack: list[_Node] = []
    anchors: dict[str, _Node] = {}
    open_nodes: set[int] = set()
    for event in events:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise _Stop("more than one document", _place(event.start_mark), "one document; remove the line ---")
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            open_nodes.discard(id(stack.pop()))
        elif kind in ("ScalarEvent", "SequenceStartEvent", "MappingStartEvent", "AliasEvent"):
            node = _node(event, kind, anchors, open_nodes)
            if stack:
                stack[-1].items.append(node)
            else:
                root = node
            if kind in ("SequenceStartEvent", "MappingStartEvent"):
                stack.append(node)
                open_nodes.add(id(node))
                if len(stack) > DEPTH_MAX:
                    raise _Stop(f"nested deeper than {DEPTH_MAX} levels", node.place)
    return root


def _node(event: Any, kind: str, anchors: dict[str, _Node], open_nodes: set[int]) -> _Node:
    place = _place(event.start_mark)
    if kind == "AliasEvent":
        target = anchors.get(event.anchor)
        if target is None:
            raise _Stop(f"the alias *{event.anchor} names nothing before it", place)
        if id(target) in open_nodes:
            raise _Stop(f"the alias *{event.anchor} stands inside what it names", place)
        return target
    if event.tag is not None and event.tag not in _STR_TAGS:
        raise _Stop(f"the tag {event.tag} is not accepted", place, "values without tags")
    if kind == "ScalarEvent":
        text_only = event.tag is not None or bool(event.style)
        node = _Node("scalar", place, event.value if text_only else _scalar(event.value), [event.value])
    else:
        node = _Node("map" if kind == "MappingStartEvent" else "list", place)
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


def _scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        return int(text)
    if _HEX.match(text):
        return int(text, 16)
    return float(text) if _FLOAT.match(text) else text


class _Builder:
    """Nodes to values, noting places and double keys."""

    def __init__(self) -> None:
        self.places: dict[Path, Place] = {}
        self.key_places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        self.merging = 0

    def build(self, node: _Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise _Stop(f"more than {NODES_MAX} values after aliases are expanded", node.place)
        if len(path) > DEPTH_MAX:
            raise _Stop(f"nested deeper than {DEPTH_MAX} levels", node.place)
        self.places[path] = node.place
        if node.kind == "scalar":
            return node.scalar
        if node.kind == "list":
            return [self.build(item, (*path, i)) for i, item in enumerate(node.items)]
        return self.mapping(node, path)

    def mapping(self, node: _Node, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            if key.kind != "scalar":
                raise _Stop("a key must be a word", key.place)
            name = str(key.items[0])
            if name == "<<":
                self.merge(value, path, merged)
                continue
            if name in own:
                first = self.key_places[(*path, name)].line
                again = Problem(
                    path=(*path, name), message=f"the key stands twice, first in line {first}", place=key.place
                )
                self.problems.append(again)
                continue
            self.key_places[(*path, name)] = key.place
            own[name] = self.build(value, (*path, name))
        return merged | own

    def merge(self, value: _Node, path: Path, into: dict[str, Any]) -> None:
        """`<<`: keys of another mapping, or of several, earlier ones first; own keys win over all."""
        self.merging += 1
        if self.merging > DEPTH_MAX:  # through aliases, which no nesting of the text bounds
            raise _Stop(f"<< inside << deeper than {DEPTH_MAX} levels", value.place)
        for source in value.items if value.kind == "list" else [value]:
            if source.kind != "map":
                raise _Stop("<< takes a mapping or a list of mappings", value.place)
            for name, entry in self.mapping(source, path).items():
                into.setdefault(name, entry)
        self.merging -= 1
