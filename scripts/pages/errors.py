"""docs/reference/errors.md from the tree in gateway/errors.py."""

from __future__ import annotations

import importlib.util
import inspect

from gateway import errors
from scripts.pages.markdown import doc, table, yes

INTRO = """
# Errors

An error is answered in the dialect of the request, with what was wrong, where, and what would be accepted. Once a stream
has begun it travels inside the stream. `try next`: another candidate of the route may be tried before the first byte.
`breaker`: it counts against the health of the endpoint.
"""


def children(cls: type[errors.GatewayError]) -> list[type[errors.GatewayError]]:
    return [c for c in cls.__subclasses__() if c.__module__ == errors.__name__]


def page() -> str:
    parts = [INTRO.strip(), "## All errors", overview(errors.GatewayError)]
    for family in children(errors.GatewayError):
        parts += [f"## {family.__name__}", *filter(None, [doc(family)])]
        for leaf in children(family):
            parts += [f"### {leaf.__name__}", *filter(None, [doc(leaf)])]
    return "\n\n".join([*parts, *bodies()])


def overview(root: type[errors.GatewayError]) -> str:
    rows = []
    for family in children(root):
        for leaf in children(family) or [family]:
            # Some are told status or next step when they are made, from the upstream's answer.
            told = inspect.signature(leaf).parameters
            status = "as upstream" if "status" in told else leaf.status
            onward = "by its cause" if "try_next" in told else yes(leaf.try_next)
            rows.append(
                [f"`{leaf.__name__}`", status, f"`{leaf.code}`", f"`{leaf.kind}`", onward, yes(leaf.trips_breaker)]
            )
    return table(["error", "status", "code", "type", "try next", "breaker"], rows)


def bodies() -> list[str]:
    """The same error in each dialect's own shape, made by the dialects themselves."""
    if importlib.util.find_spec("gateway.dialects.registry") is None:
        return []
    from gateway.dialects.registry import all_dialects

    example = errors.UnknownModel(
        "no model 'gpt-5-turbo' is configured", where="model", accepted="auto, auto:local, local/coder"
    )
    parts = ["## In each dialect", "An unknown model, as each dialect is told of it:"]
    for name, dialect in all_dialects().items():
        body = dialect.error_body(example, "req_0123456789abcdef").decode()
        parts += [f"`{name}`:", f"```json\n{body}\n```"]
    return parts if len(parts) > 2 else []
