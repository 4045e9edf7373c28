"""Refresh `tests/harness/baseline.json`: how each harness takes each fault straight from the vendor, with no gateway.

The gateway is held to it: through it no run may end worse. Stored as data so that CI need not run everything twice.
`python -m scripts.harnesses.baseline [--jobs 2] [--pairs opencode/chat ...] [--faults cut ...]`; runs that are not asked
for keep their stored result. About 20 minutes for everything on two cores. Interrupted, it keeps what it has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from gateway.testing.scripted import FAULTS, sensible
from scripts.harnesses.install import HERE, VERSIONS, missing
from scripts.harnesses.recipes import PAIRS
from scripts.harnesses.run import run_scripted

FILE = HERE.parent.parent / "tests" / "harness" / "baseline.json"
CLEAN = "none"

# Faults beyond the survey are measured on one pair per dialect, and on OpenCode, which differs most from the others; its and
# qwen-code's Responses only for the faults that tell dialects apart.
_NARROW_PAIRS = {("opencode", "responses"), ("qwen", "responses")}
_TELLING = {
    "429ra", "500", "403", "400ctx", "midstream_error", "cut", "refusal", "refusal_field", "content_filter", "empty",
    "unknown_tool", "garbage_args", "no_done", "no_usage", "no_tool_id", "ignore_stream", "parallel", "reasoning",
}  # fmt: skip
_WIDE_PAIRS = {
    ("opencode", "chat"), ("opencode", "messages"), ("codex", "responses"), ("qwen", "chat"), ("qwen", "messages"),
}  # fmt: skip
# Aider has neither tools nor a session: faults of tool calls do not reach it.
_TOOLS_ONLY = {
    "unknown_tool", "garbage_args", "no_tool_id", "stop_reason_wrong", "index_gap", "parallel", "one_shot_args",
    "cut_after_call", "mixed", "text_after_call", "truncated_args", "big_args", "near_limit_usage",
}  # fmt: skip
# Long by nature and without news for a client: one byte per write.
_LEFT_OUT = {"drip", "slow_headers", "near_limit_usage"}


def matrix() -> list[tuple[str, str, str]]:
    """All (harness, dialect, fault) of the baseline; clean runs (`none`) come first."""
    found = [(harness, dialect, CLEAN) for harness, dialect in PAIRS]
    for name, fault in FAULTS.items():
        for harness, dialect in PAIRS:
            wide = fault.surveyed or (harness, dialect) in _WIDE_PAIRS
            if (harness, dialect) in _NARROW_PAIRS:
                wide = name in _TELLING
            suits = sensible(name, dialect) and not (harness == "aider" and name in _TOOLS_ONLY)  # type: ignore[arg-type]
            if wide and suits and name not in _LEFT_OUT:
                found.append((harness, dialect, name))
    return found


def load() -> dict[str, Any]:
    """The stored baseline: {"versions": ..., "runs": {"harness/dialect": {fault: {"grade", "requests", "seconds"}}}}."""
    if FILE.is_file():
        stored: dict[str, Any] = json.loads(FILE.read_text())
        return stored
    return {"versions": {}, "runs": {}}


def store(baseline: dict[str, Any]) -> None:
    baseline["versions"] = {name: pin["version"] for name, pin in VERSIONS.items() if pin.get("role") != "sdk"}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")


async def _measure(wanted: list[tuple[str, str, str]], jobs: int, baseline: dict[str, Any]) -> None:
    gate = asyncio.Semaphore(jobs)

    async def one(harness: str, dialect: str, fault: str) -> None:
        async with gate:
            found = await run_scripted(harness, dialect, fault=None if fault == CLEAN else fault)
        runs = baseline["runs"].setdefault(f"{harness}/{dialect}", {})
        usual = found.requests if fault == CLEAN else runs[CLEAN]["requests"]
        grade = found.grade(usual)
        runs[fault] = {"grade": grade, "requests": found.requests, "seconds": found.seconds}
        store(baseline)
        print(f"{harness}/{dialect} {fault}: {grade} ({found.requests} requests, {found.seconds} s)", flush=True)

    clean = [entry for entry in wanted if entry[2] == CLEAN]
    await asyncio.gather(*(one(*entry) for entry in clean))
    await asyncio.gather(*(one(*entry) for entry in wanted if entry[2] != CLEAN))


def table(runs: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A Markdown table, faults down, pairs across."""
    pairs = sorted(runs)
    faults = [CLEAN, *FAULTS]
    lines = ["| fault | " + " | ".join(pairs) + " |", "|---" * (len(pairs) + 1) + "|"]
    for fault in faults:
        cells = [runs[pair].get(fault, {}).get("grade", "–") for pair in pairs]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.harnesses.baseline", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pairs", nargs="*", help="harness/dialect; default: all")
    parser.add_argument("--faults", nargs="*", help="default: all")
    parser.add_argument("--missing", action="store_true", help="only what is not stored yet")
    parser.add_argument("--show", action="store_true", help="print the stored table and stop")
    options = parser.parse_args()
    baseline = load()
    if not options.show:
        if absent := missing():
            raise SystemExit(f"not installed: {', '.join(absent)}; run python -m scripts.harnesses.install")
        wanted = [
            (harness, dialect, fault)
            for harness, dialect, fault in matrix()
            if (not options.pairs or f"{harness}/{dialect}" in options.pairs)
            and (not options.faults or fault in options.faults)
            and not (options.missing and fault in baseline["runs"].get(f"{harness}/{dialect}", {}))
        ]
        asyncio.run(_measure(wanted, options.jobs, baseline))
    print(table(baseline["runs"]))


if __name__ == "__main__":
    main()
