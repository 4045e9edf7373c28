"""Flat tool names for tools that live in a namespace, and the way back.

Codex offers tools inside `{"type": "namespace"}` entries; only the Responses dialect has that word. The decoder gives each
such tool a flat name that is unique in the request, fits the 64 characters that chat and Responses allow, and depends on
nothing but the tools before it (the provider's prefix cache must not notice a turn). The reply encoder finds the client's
own name and namespace again through `Directory`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.dialects._shared import NAME_CHARS_MAX, short_name
from gateway.dialects.contract import ReplyContext
from gateway.ir.request import Request, Tool, ToolKind

_BETWEEN: Final = "__"


def flat_name(namespace: str, inner: str, taken: Iterable[str] = ()) -> str:
    """One name for a tool of a namespace that is not in `taken`."""
    joined = namespace + _BETWEEN + inner
    name = short_name(joined)
    attempt = 0
    while name in taken:
        attempt += 1
        name = short_name(
            f"{joined}{_BETWEEN}{attempt:0>{NAME_CHARS_MAX}}"
        )  # too long on purpose: the digest tells apart
    return name


def inner_name(namespace: str, name: str) -> str:
    """The inner name read off a flat one; `name` itself where it is not of that form."""
    return name.removeprefix(namespace + _BETWEEN) or name


@dataclass(frozen=True, slots=True)
class Known:
    """What the client called a tool. `offered` is False for a name nobody offered."""

    kind: ToolKind
    name: str
    namespace: str | None = None
    offered: bool = True


class Directory:
    """From the name a model used to the client's own word for that tool."""

    __slots__ = ("_flat", "_known", "_lonely")

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._known: dict[str, Known] = {}
        self._flat: dict[tuple[str | None, str], str] = {}
        self._lonely: dict[str, str] = {}  # inner names, for calls that leave the namespace out
        for tool in tools:
            known = Known(tool.kind, tool.inner or tool.name, tool.namespace)
            self._known[tool.name] = known
            self._flat.setdefault((known.namespace, known.name), tool.name)
            self._lonely.setdefault(known.name, tool.name)
            self._known.setdefault(short_name(tool.name), known)

    @classmethod
    def of_request(cls, request: Request | None) -> Directory:
        tools = request.tools if request else ()
        return cls([tool for tool in tools if isinstance(tool, Tool)])

    @classmethod
    def of_context(cls, context: ReplyContext) -> Directory:
        """The request's tools, and what `custom_tools` and `namespaces` tell beyond them."""
        directory = cls.of_request(context.request)
        for name in {*context.custom_tools, *context.namespaces}:
            namespace = context.namespaces.get(name)
            inner = inner_name(namespace, name) if namespace else name
            kind: ToolKind = "custom" if name in context.custom_tools else "function"
            directory._known.setdefault(name, Known(kind, inner, namespace))
        return directory

    def flat(self, name: str, namespace: str | None = None) -> str:
        """The neutral name of what the client calls `name`; a name nobody offered is flattened the usual way."""
        flat = self._flat.get((namespace, name))
        if flat is None and namespace is None:
            flat = self._lonely.get(name)
        if flat is not None:
            return flat
        return name if namespace is None else flat_name(namespace, name)

    def find(self, name: str, namespace: str | None = None, *, flat: bool = False) -> Known:
        """`namespace` is what the model said beside the name, if its dialect has the word. `flat`: the name is a neutral
        one even so (calls in a request), not the inner one (calls in a reply)."""
        if namespace is None:
            return self._known.get(name) or Known("function", name, offered=False)
        for candidate in (name,) if flat else (self._flat.get((namespace, name), name), name):
            known = self._known.get(candidate)
            if known is not None and known.namespace == namespace:
                return known
        return Known("function", inner_name(namespace, name) if flat else name, namespace, offered=False)
