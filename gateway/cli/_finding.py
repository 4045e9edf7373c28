"""What `interlock doctor` found: one sentence, and the cure where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`cure` says what to do, as one sentence; empty for "ok"."""

    level: Level
    text: str
    cure: str = ""


def ok(text: str) -> Finding:
    return Finding("ok", text)


def warning(text: str, cure: str) -> Finding:
    return Finding("warning", text, cure)


def problem(text: str, cure: str) -> Finding:
    return Finding("problem", text, cure)
