"""docs/reference/performance.md, made from one run. What is not reached is said as plainly as what is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from loadtests import workloads
from loadtests.report import TABLE, Run, cpu_text, machine, target_rows, turn_growth
from loadtests.runner import Cell, added_ms, cpu_ratios, middle
from loadtests.stats import shown
from scripts.pages.markdown import table

NOTE: Final = "<!-- Written by `python -m loadtests {mode} --write`; edits are lost. -->"
NAMES: Final = {
    "direct": "direct", "nginx": "nginx", "floor": "floor", "interlock": "Interlock", "interlock-auto": "Interlock, `auto`",
    "litellm": "LiteLLM", "portkey": "Portkey",
}  # fmt: skip
METHOD: Final = """\
A mock upstream and a load generator, both native, on loopback; each target has the mock as its only upstream, one worker
and little logging, no TLS. Interlock runs as users start it, with routes, ledger in SQLite, metrics and session tracking on.
The primary figure is **CPU time of the whole process tree** (user + system, every thread, ended children too) per request
or per streamed delta, from the first request of a cell until the target is at rest again: it moves far less with the mood
of a shared machine than rates and latencies do. In a round all targets run one after another, every second round in reverse
order; a ratio is taken to nginx *in the same round*, then the median over the rounds. Differences under 1.3x are noise. An
answer counts only when it is complete: every delta, the finish reason, the end mark. The **floor** is Interlock's own HTTP
server, event loop and upstream client with nothing between them (`loadtests/floor.py`): bytes in, bytes out. What stands
there is spent before any of the gateway's own work begins."""


def render(run: Run) -> str:
    """The whole page. Sections for what was not measured are left out."""
    parts = [NOTE.format(mode=run.mode), "# Performance", head(run), METHOD, what(), against(run)]
    parts += [ratios(run), absolute(run), latency(run), streams(run), memory(run), peers(run)]
    return "\n\n".join(part for part in parts if part).strip() + "\n"


def _targets(run: Run) -> list[str]:
    return [name for name in NAMES if any(cell.target == name for cell in run.cells)]


def _measured(run: Run) -> list[str]:
    return list(dict.fromkeys(c.workload for c in run.cells))


def head(run: Run) -> str:
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.began))
    versions = ", ".join(
        f"{NAMES[name]} {version}" for name, version in run.versions.items() if version and name != "interlock-auto"
    )
    return "\n".join(
        (
            f"- measured {when}, rounds: {run.rounds}, in {run.seconds / 60:.0f} min, with `{run.command}`",
            f"- machine: {machine()}; load average {run.load_before[0]:.2f} before, {run.load_after[0]:.2f} after",
            f"- versions: {versions}",
            f"- tool-call policies: {', '.join(run.policies) if run.policies else 'none configured'}",
        )
    )


def what() -> str:
    every = (*workloads.WORKLOADS, workloads.SLOW, workloads.SOAK)
    return "## Workloads\n\n" + table(("name", "what is sent and answered"), ((f"`{w.name}`", w.about) for w in every))


def against(run: Run) -> str:
    """The project's targets, one table for each way of asking."""
    made = []
    for name in ("interlock", "interlock-auto"):
        rows = target_rows(run, name)
        if rows:
            title = "for a named model" if name == "interlock" else "for `auto`"
            lines = table(("workload", "CPU / nginx", "lowest and highest round", "target", "verdict"), rows)
            made.append(f"## Interlock against its targets, {title}\n\n{lines}")
            if growth := turn_growth(run, name):
                made.append(f"Cost along a session: {growth}.")
    return "\n\n".join(made)


def _grid(run: Run, names: Sequence[str], text: Callable[[str], dict[str, str]], measured: Sequence[str]) -> str:
    rows = []
    for workload in measured:
        found = text(workload)
        if any(name in found for name in names):
            rows.append((f"`{workload}`", *(found.get(name, "-") for name in names)))
    return table(("", *(NAMES[name] for name in names)), rows)


def ratios(run: Run) -> str:
    names = [name for name in _targets(run) if name != "direct"]
    if "nginx" not in names:
        return ""
    grid = _grid(
        run,
        names,
        lambda w: {n: f"{shown(r)}x" for n, r in cpu_ratios(run.cells, w).items() if not math.isnan(r)},
        _measured(run),
    )
    return "## CPU as a multiple of nginx\n\n" + grid


def absolute(run: Run) -> str:
    names = [name for name in _targets(run) if name != "direct"]
    grid = _grid(
        run,
        names,
        lambda w: {n: cpu_text(w, v) for n, v in middle(run.cells, w, lambda c: c.cpu_ms).items()},
        _measured(run),
    )
    return "## CPU per request, per delta (streams), per session of 40 turns\n\n" + grid


def _added(run: Run, figure: Callable[[Cell], float], workload: str) -> dict[str, str]:
    return {name: shown(value) for name, value in added_ms(run.cells, workload, figure).items() if name != "direct"}


def latency(run: Run) -> str:
    names = [name for name in _targets(run) if name != "direct"]
    whole = [w.name for w in workloads.WORKLOADS if not w.sse and w.name in _measured(run)]
    if "direct" not in _targets(run) or not whole:
        return ""

    def pair(workload: str) -> dict[str, str]:
        p50, p99 = (_added(run, figure, workload) for figure in (lambda c: c.p50, lambda c: c.p99))
        return {name: f"{p50[name]} / {p99[name]}" for name in p50}

    rates = _grid(
        run, _targets(run), lambda w: {n: f"{v:.0f}" for n, v in middle(run.cells, w, lambda c: c.rps).items()}, whole
    )
    return (
        "## Added latency, p50 / p99 in ms\n\nOver the direct run of the same round. Closed loop: each target is under the "
        "highest load it bears."
        f"\n\n{_grid(run, names, pair, whole)}\n\nRequests per second in the same cells:\n\n{rates}"
    )


def streams(run: Run) -> str:
    names = [name for name in _targets(run) if name != "direct"]
    live = [w.name for w in (*workloads.WORKLOADS, workloads.SLOW) if w.sse and w.name in _measured(run)]
    if "direct" not in _targets(run) or not live:
        return ""
    return (
        "## Added time to the first token, p50 in ms\n\n"
        "A tool call that is judged (`tool_c8`, with policies) is released when it is complete: its last delta comes "
        f"245 ms after the first.\n\n{_grid(run, names, lambda w: _added(run, lambda c: c.ttft, w), live)}"
    )


def memory(run: Run) -> str:
    rows = []
    for name in _targets(run):
        if name not in run.idle_mib:
            continue
        cells = [cell for cell in run.cells if cell.target == name]
        slow, soak = run.of(workloads.SLOW.name, name), run.of(workloads.SOAK.name, name)
        rows.append(
            (
                NAMES[name],
                f"{run.first_answer_s[name]:.2f}",
                f"{run.idle_mib[name]:.0f}",
                f"{max(cell.rss_peak for cell in cells):.0f}" if cells else "-",
                f"{soak[0].rss_before:.0f} → {soak[0].rss_after:.0f} ({soak[0].complete:,})" if soak else "-",
                f"{run.slow_kib(name):.1f}" if slow else "-",
                f"{slow[0].errors}" if slow else "-",
                f"{slow[0].seconds:.1f}" if slow else "-",
                str(sum(cell.errors for cell in cells)),
            )
        )
    columns = (
        "", "start to first answer, s", "idle RSS, MiB", "peak RSS, MiB", "soak: before → after, MiB (requests)",
        "1,000 slow streams: KiB each", "of them failed", "seconds (9.5 at best)", "errors in all workloads",
    )  # fmt: skip
    note = (
        "The soak and the slow streams are run once, each on a fresh process; idle is after the first answers, at rest."
    )
    return f"## Start, memory, errors\n\n{note}\n\n{table(columns, rows)}"


def peers(run: Run) -> str:
    failed = [
        f"- {NAMES[c.target]}, `{c.workload}`: {c.errors} failed ({c.trouble.partition(';')[0]})"
        for c in run.cells
        if c.errors
    ]
    missed = [w.name for w in TABLE if not run.of(w.name, "interlock")]
    lines = ["## What failed, what is missing", "", *(failed or ["- no request failed"])]
    if missed:
        lines.append(f"- not measured in this run: {', '.join(missed)}")
    return "\n".join(lines)
