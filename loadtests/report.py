"""A run as figures and as a table for the terminal. (The page docs/reference/performance.md is made in loadtests.page.)"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loadtests import gate, workloads
from loadtests.runner import Cell, by_round, cpu_ratios, middle
from loadtests.stats import added, median, shown
from loadtests.targets import Target

TABLE: Final = tuple(w for w in workloads.WORKLOADS if w.target is not None)


def default_targets(mode: str) -> list[str]:
    return (
        ["nginx", "interlock"]
        if mode == "quick"
        else ["direct", "nginx", "floor", "interlock", "interlock-auto", "litellm", "portkey"]
    )


def cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return named[0] if named else platform.machine()


def machine() -> str:
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"{os.cpu_count()} x {cpu_model()} ({platform.machine()}), {memory_kib / 2**20:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


@dataclass(slots=True)
class Run:
    """All that one call measured."""

    mode: str
    policies: tuple[str, ...]
    began: float
    load_before: tuple[float, float, float]
    load_after: tuple[float, float, float] = (0.0, 0.0, 0.0)
    command: str = ""
    rounds: int = 0
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    first_answer_s: dict[str, float] = field(default_factory=dict)
    idle_mib: dict[str, float] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)

    @classmethod
    def begun(cls, mode: str, policies: tuple[str, ...]) -> Run:
        return cls(mode, policies, time.time(), os.getloadavg())

    def started(self, target: Target, idle_mib: float) -> None:
        self.versions[target.name] = target.version()
        self.first_answer_s[target.name] = target.first_answer_s
        self.idle_mib[target.name] = idle_mib

    def ended(self, cells: Sequence[Cell], rounds: int) -> None:
        self.cells = list(cells)
        self.rounds = rounds
        self.seconds = time.time() - self.began
        self.load_after = os.getloadavg()

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self) | {"machine": machine()}, indent=1)

    def of(self, workload: str, target: str) -> list[Cell]:
        return [c for c in self.cells if c.workload == workload and c.target == target]

    def slow_kib(self, target: str) -> float:
        """Resident memory that one of the thousand slow streams took; NaN when it was not measured."""
        cells = self.of(workloads.SLOW.name, target)
        return cells[0].kib_per_stream if cells else math.nan

    def figures(self) -> gate.Figures:
        cpu = {w.name: r["interlock"] for w in TABLE if "interlock" in (r := cpu_ratios(self.cells, w.name))}
        memory = {}
        if "interlock" in self.idle_mib:
            memory = {"idle_mib": self.idle_mib["interlock"], "start_s": self.first_answer_s["interlock"]}
        if self.of(workloads.SLOW.name, "interlock"):
            memory["slow_stream_kib"] = self.slow_kib("interlock")
        errors: dict[str, int] = {}
        for cell in self.cells:
            if cell.target.startswith("interlock"):
                errors[cell.workload] = errors.get(cell.workload, 0) + cell.errors
        return gate.Figures(cpu, memory, errors)


def verdict(value: float, target: float) -> str:
    return "reached" if value <= target else "NOT reached"


def target_rows(run: Run, name: str = "interlock") -> list[list[str]]:
    """Workload, CPU multiple, target, verdict; then memory and start."""
    rows = []
    for w in TABLE:
        ratio = cpu_ratios(run.cells, w.name).get(name)
        if ratio is None or w.target is None:
            continue
        spread = [r[name] / r["nginx"] for r in _rounds(run, w.name) if name in r and r.get("nginx")]
        rows.append(
            [
                w.name,
                f"{ratio:.2f}x",
                f"{min(spread):.2f}-{max(spread):.2f}",
                f"≤ {w.target:g}x",
                verdict(ratio, w.target),
            ]
        )
    rows += auto_rows(run, name)
    slow = run.of(workloads.SLOW.name, name)
    if slow:
        kib = run.slow_kib(name)
        ok = verdict(kib, workloads.SLOW_TARGET_KIB) if not slow[0].errors else "NOT reached"
        rows.append(["slow_1000", f"{kib:.1f} KiB/stream, {slow[0].errors} errors", "", "≤ 25 KiB, 0 errors", ok])
    if name in run.idle_mib:
        idle, start = run.idle_mib[name], run.first_answer_s[name]
        rows.append(["idle RSS", f"{idle:.0f} MiB", "", "< 150 MiB", verdict(idle, workloads.IDLE_TARGET_MIB)])
        rows.append(["start to first answer", f"{start:.2f} s", "", "< 2 s", verdict(start, workloads.START_TARGET_S)])
    return rows


def auto_rows(run: Run, name: str) -> list[list[str]]:
    """What asking for `auto` adds to asking for a model by name, in CPU per turn."""
    if name != "interlock-auto":
        return []
    rows = []
    asks = added(_rounds(run, "asks"), "interlock").get(name)
    if asks is not None:
        limit = workloads.AUTO_ASK_TARGET_MS
        rows.append(["added by `auto` to a new ask", f"{asks:.2f} ms", "", f"≤ {limit:g} ms", verdict(asks, limit)])
    named, auto = (_tool_turn_us(run, target) for target in ("interlock", name))
    if not math.isnan(added_us := auto - named):
        limit = workloads.AUTO_TOOL_TARGET_MS
        ms = added_us / 1e3
        rows.append(["added by `auto` to a tool's result", f"{ms:.3f} ms", "", f"≤ {limit:g} ms", verdict(ms, limit)])
    return rows


def _tool_turn_us(run: Run, name: str) -> float:
    """CPU of a turn of the session that brings a tool's result: each turn's median over the rounds, of those the mean."""
    cells = [c for c in run.of("session", name) if c.turns_us]
    turns = [median([c.turns_us[turn] for c in cells]) for turn in range(1, 40) if turn % 4] if cells else []
    return sum(turns) / len(turns) if turns else math.nan


def _rounds(run: Run, workload: str) -> list[dict[str, float]]:
    return by_round(run.cells, workload, lambda cell: cell.cpu_ms)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def terminal(run: Run) -> str:
    """What a person wants to see first: Interlock against the targets, then absolute figures."""
    parts = [f"{run.mode}, {run.rounds} rounds in {run.seconds:.0f} s on {machine()}"]
    parts.append(
        f"load average {run.load_before[0]:.2f} before, {run.load_after[0]:.2f} after; policies: "
        + (", ".join(run.policies) or "none")
    )
    parts += [
        "\n" + aligned([[name, "CPU / nginx", "rounds", "target", ""], *rows])
        for name in ("interlock", "interlock-auto")
        if (rows := target_rows(run, name))
    ]
    names = list(dict.fromkeys(cell.target for cell in run.cells))
    head = ["CPU per request, delta, session", *names]
    body = []
    for workload in dict.fromkeys(cell.workload for cell in run.cells):
        found = middle(run.cells, workload, lambda cell: cell.cpu_ms)
        body.append([workload, *(cpu_text(workload, found.get(name, float("nan"))) for name in names)])
    parts.append("\n" + aligned([head, *body]))
    parts += [f"errors: {c.target} {c.workload}: {c.errors} ({c.trouble})" for c in run.cells if c.errors]
    turns = turn_growth(run, "interlock")
    if turns:
        parts.append(turns)
    return "\n".join(parts)


def cpu_text(workload: str, ms: float) -> str:
    per = workloads.by_name(workload).per
    return f"{shown(ms * 1e3)} µs" if per == "event" else f"{shown(ms)} ms"


def turn_growth(run: Run, name: str) -> str:
    """CPU of the first and the last five turns of the session, in µs; the very first turn opens the connection."""
    cells = [c for c in run.of("session", name) if c.turns_us]
    if not cells:
        return ""
    first = median([median(c.turns_us[1:6]) for c in cells])
    last = median([median(c.turns_us[-5:]) for c in cells])
    return f"session, {name}: turns 2-6 take {first:.0f} µs of CPU each, turns 36-40 {last:.0f} µs"
