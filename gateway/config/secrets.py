"""Secrets as values that cannot be printed, and the references by which a configuration names them. Resolving a reference
is I/O and lives in `gateway.adapters.secrets`."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Literal, NoReturn

from gateway.config.base import is_ref
from gateway.config.problems import Path
from gateway.config.settings import Settings

MASK = "••••"


class Secret:
    """A credential and the reference it came from. Text forms show the reference only; `reveal` is the one way to the value,
    so a search for it finds every use. Cannot be pickled or copied into a log record by accident."""

    __slots__ = ("_value", "ref")

    def __init__(self, value: str, ref: str) -> None:
        self._value = value
        self.ref = ref

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.ref})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a dictionary of secrets would leak through its keys

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be serialised")


@dataclass(frozen=True, slots=True)
class Ref:
    """`name` is the variable's name or the file's absolute path."""

    kind: Literal["env", "file"]
    name: str


def parse(text: str) -> Ref:
    """ValueError for anything but env:NAME and file:/path."""
    if not is_ref(text):
        raise ValueError("not a secret reference")
    kind, _, name = text.partition(":")
    return Ref("env" if kind == "env" else "file", name)


def references(settings: Settings) -> list[tuple[Path, str]]:
    """Every secret reference of enabled models, the state and the webhook of approvals, with the path where it stands."""
    found: list[tuple[Path, str | None]] = [(("state", "url"), settings.state.url)]
    if settings.approvals.webhook is not None:
        found.append((("approvals", "webhook", "secret"), settings.approvals.webhook.secret))
    for name, model in settings.models.items():
        if model.enabled:
            found += [(("models", name, "api_key"), model.api_key), (("models", name, "proxy"), model.proxy)]
            found += [(("models", name, "headers", header), value) for header, value in model.headers.items()]
    return [(path, text) for path, text in found if text is not None and is_ref(text)]
