"""The regression gate: figures of a run against the limits of loadtests/gate.toml. Pure but for reading that file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("gate.toml")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run found out about Interlock; what was not measured is left out."""

    cpu: Mapping[str, float]
    """CPU as a multiple of nginx, by workload."""
    memory: Mapping[str, float]
    """`slow_stream_kib`, `idle_mib`, `start_s`."""
    errors: Mapping[str, int]
    """Requests that failed, by workload."""


def limits(path: Path = FILE) -> dict[str, dict[str, float]]:
    return tomllib.loads(path.read_text("utf-8"))


def exceeded(found: Figures, allowed: Mapping[str, Mapping[str, float]]) -> list[str]:
    """One line for each limit that is exceeded or cannot be told, and for each workload with errors."""
    lines = [f"{name}: {count} requests failed" for name, count in found.errors.items() if count]
    for part, figures in (("cpu", found.cpu), ("memory", found.memory)):
        for name, limit in allowed.get(part, {}).items():
            value = figures.get(name)
            if value is None:
                continue  # not a part of this run (--only)
            if math.isnan(value) or value > limit:
                lines.append(f"{name}: {value:.2f}, the gate is {limit:g}")
    return lines
