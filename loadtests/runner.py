"""Runs cells: one workload against one target, measured; and rounds of them, interleaved.

In a round each workload is run against all targets one after another within a minute, and every second round in reverse
order, so that what the machine does meanwhile meets all of them alike. Ratios are taken inside a round (loadtests.stats).
"""

from __future__ import annotations

import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loadtests.native import Result, load
from loadtests.processes import Peak, cpu_s, rss_mib
from loadtests.stats import added, median, ratios
from loadtests.targets import Direct, Target
from loadtests.workloads import SOAK, Amount, Workload

SETTLE_S: Final = 0.5
"""Longest wait after a cell for what the target does behind the last answer: ledger rows, log lines."""
REST_S: Final = 10.0
"""Longest wait after a start for what is loaded in the background: tokenizer, prices, classifier."""


@dataclass(slots=True)
class Cell:
    """One workload against one target in one round. Times in ms, memory in MiB."""

    workload: str
    target: str
    round: int
    complete: int
    errors: int
    trouble: str
    rps: float
    p50: float
    p99: float
    ttft: float
    gap_p99: float
    events_per_answer: float
    concurrency: int = 1
    cpu_s: float = 0.0
    units: float = 0.0
    rss_before: float = 0.0
    rss_peak: float = 0.0
    rss_after: float = 0.0
    seconds: float = 0.0
    turns_us: list[float] = field(default_factory=list)

    @property
    def kib_per_stream(self) -> float:
        """What the resident memory grew at most, for each of the concurrent requests."""
        return (self.rss_peak - self.rss_before) * 1024 / self.concurrency

    @property
    def cpu_ms(self) -> float:
        """CPU time per request, delta or session, in ms; NaN when nothing was answered, or nothing stands between."""
        return self.cpu_s * 1e3 / self.units if self.units and self.cpu_s else float("nan")


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Bench:
    """The running targets and the cells measured so far."""

    def __init__(self, targets: Sequence[Target], cache: Path, folder: Path, *, run_seed: int) -> None:
        self.targets = list(targets)
        self.cache = cache
        self.bodies = folder / "bodies"
        self.bodies.mkdir(parents=True, exist_ok=True)
        self.run_seed = run_seed
        self.cells: list[Cell] = []

    def rounds(self, workloads: Sequence[tuple[Workload, Amount]], count: int) -> None:
        for number in range(count):
            order = self.targets if number % 2 == 0 else self.targets[::-1]
            for workload, amount in workloads:
                for target in order:
                    self.cell(workload, amount, target, number)

    def fresh(self, workload: Workload, amount: Amount, target: Target) -> None:
        """A cell on a process of its own: what memory it takes must not hide in what an earlier cell had freed."""
        if not isinstance(target, Direct):
            target.stop()
            target.start()
            self.warm(SOAK, target, 0)
            at_rest(target.pid)
        self.cell(workload, amount, target, 0)

    def warm(self, workload: Workload, target: Target, number: int) -> None:
        """Connections are opened and code is warm when measuring begins; the conversation is not the one measured."""
        amount = Amount(requests=max(4, min(workload.concurrency, 64)))
        self._run(workload, amount, target, self._seed(workload, 1000 + number))

    def during(self, workload: Workload, target: Target, seconds: float, number: int) -> Cell:
        """The workload for a time instead of an amount; sessions one after another until it is over."""
        if not workload.sequence:
            return self.cell(workload, Amount(seconds=seconds), target, number)
        began = time.monotonic()
        while True:
            cell = self.cell(workload, Amount(requests=1), target, number)
            number += 1
            if time.monotonic() - began > seconds:
                return cell

    def cell(self, workload: Workload, amount: Amount, target: Target, number: int) -> Cell:
        if workload.concurrency < 1000 and workload.name != SOAK.name:
            self.warm(workload, target, number)
        runs = amount.requests if workload.sequence else 1
        measured = isinstance(target, Direct)
        before_mib = 0.0 if measured else rss_mib(target.pid)
        before_s = 0.0 if measured else cpu_s(target.pid)
        watch = None if measured else Peak(target.pid)
        if watch:
            watch.__enter__()
        results = [self._run(workload, amount, target, self._seed(workload, number * 16 + n)) for n in range(runs)]
        used = 0.0 if measured else settled(target.pid) - before_s
        if watch:
            watch.__exit__()
        cell = _cell(workload, amount, target, number, results)
        cell.cpu_s, cell.rss_before = used, before_mib
        cell.rss_peak, cell.rss_after = (watch.mib, rss_mib(target.pid)) if watch else (0.0, 0.0)
        self.cells.append(cell)
        progress(
            f"  {workload.name:11} {target.name:15} round {number + 1}: {cell.cpu_ms:9.4f} ms CPU, "
            f"p50 {cell.p50:8.2f} ms, {cell.rps:8.0f}/s"
            + (f"  ERRORS {cell.errors}: {cell.trouble}" if cell.errors else "")
        )
        return cell

    def _seed(self, workload: Workload, number: int) -> int:
        """New in each run, round and cell: no gateway has seen this conversation yet, and all targets get the same."""
        return (zlib.crc32(f"{self.run_seed} {workload.name}".encode()) + number) % 10_000

    def _run(self, workload: Workload, amount: Amount, target: Target, seed: int) -> Result:
        words = ["--port", str(target.port), "--path", target.path, *workload.words(amount)]
        for header in target.headers_for(workload.model):
            words += ["--header", header]
        for path in self._files(workload, target.model(workload.model), seed):
            words += ["--body", str(path)]
        if workload.sequence and target.name != "direct":
            words += ["--clock", str(target.pid)]
        limit = (amount.seconds or 0) + workload.timeout_s * max(1, amount.requests / workload.concurrency) + 30
        try:
            return load(self.cache, words, timeout_s=limit)
        except subprocess.TimeoutExpired:
            return Result(
                {"complete": 0, "errors": {"gave up": 1}, "seconds": limit, "events": 0}
                | {f"{series}_us": [] for series in ("latency", "ttft", "gap", "cpu")}
            )

    def _files(self, workload: Workload, model: str, seed: int) -> list[Path]:
        """The bodies as files, written once: a session is 8 MB."""
        stem = f"{workload.name}-{model}-{seed}"
        found = sorted(self.bodies.glob(f"{stem}-*.json"))
        if found:
            return found
        paths = []
        for number, body in enumerate(workload.body(model, seed)):
            path = self.bodies / f"{stem}-{number:02}.json"
            path.write_bytes(body)
            paths.append(path)
        return paths


def settled(pid: int, longest_s: float = SETTLE_S, *, quiet: int = 1) -> float:
    """CPU seconds of a tree once it is at rest (under 2 % of a core for `quiet` looks, 60 ms each), or after `longest_s`."""
    used = cpu_s(pid)
    end = time.monotonic() + longest_s
    seen = 0
    while seen < quiet and time.monotonic() < end:
        time.sleep(0.06)
        last, used = used, cpu_s(pid)
        seen = seen + 1 if used - last < 0.0012 else 0
    return used


def at_rest(pid: int) -> None:
    """Half a second of rest: on a busy machine a shorter pause is only a process that waits for its turn."""
    settled(pid, REST_S, quiet=8)


def _cell(workload: Workload, amount: Amount, target: Target, number: int, results: Sequence[Result]) -> Cell:
    """The runs of a cell as one: a session cell is several sessions."""
    complete = sum(r.complete for r in results)
    turns = [r.raw.get("cpu_us", []) for r in results]
    return Cell(
        workload=workload.name,
        target=target.name,
        round=number,
        complete=complete,
        errors=sum(r.errors for r in results),
        trouble=next((r.trouble for r in results if r.errors), ""),
        rps=median([r.rps for r in results]),
        p50=median([r.ms("latency", 0.5) for r in results]),
        p99=median([r.ms("latency", 0.99) for r in results]),
        ttft=median([r.ms("ttft", 0.5) for r in results]),
        gap_p99=median([r.ms("gap", 0.99) for r in results]),
        events_per_answer=sum(r.raw["events"] for r in results) / complete if complete else 0.0,
        concurrency=workload.concurrency,
        units=workload.units(complete, amount),
        seconds=sum(float(r.raw["seconds"]) for r in results),
        turns_us=[median([t[i] for t in turns]) for i in range(len(turns[0]))] if turns and all(turns) else [],
    )


def by_round(cells: Sequence[Cell], workload: str, figure: Callable[[Cell], float]) -> list[dict[str, float]]:
    """One mapping target -> figure for each round of a workload."""
    rounds: dict[int, dict[str, float]] = {}
    for cell in cells:
        if cell.workload == workload:
            rounds.setdefault(cell.round, {})[cell.target] = figure(cell)
    return [rounds[number] for number in sorted(rounds)]


def cpu_ratios(cells: Sequence[Cell], workload: str, base: str = "nginx") -> dict[str, float]:
    return ratios(by_round(cells, workload, lambda cell: cell.cpu_ms), base)


def added_ms(cells: Sequence[Cell], workload: str, figure: Callable[[Cell], float]) -> dict[str, float]:
    """What a target adds to the direct run of the same round."""
    return added(by_round(cells, workload, figure), "direct")


def middle(cells: Sequence[Cell], workload: str, figure: Callable[[Cell], float]) -> dict[str, float]:
    """Median over the rounds, by target."""
    rounds = by_round(cells, workload, figure)
    return {target: median([r[target] for r in rounds if target in r]) for r in rounds for target in r}
