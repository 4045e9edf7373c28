"""The command line of the load tests."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from loadtests import gate, page, peers, profile, report, targets, workloads
from loadtests.native import Mock, compiled
from loadtests.processes import raise_file_limit, rss_mib
from loadtests.runner import Bench, Cell, at_rest, progress
from loadtests.targets import CACHE, ROOT, Target
from loadtests.workloads import Amount, Workload

PAGE: Final = ROOT / "docs/reference/performance.md"
KINDS: Final[dict[str, type[Target]]] = {
    kind.name: kind
    for kind in (
        targets.Direct,
        targets.Nginx,
        targets.Floor,
        targets.Interlock,
        targets.InterlockAuto,
        peers.LiteLLM,
        peers.Portkey,
    )
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m loadtests", description="What Interlock costs, beside nginx and peers."
    )
    made.add_argument(
        "mode",
        choices=("quick", "full", "profile"),
        help="quick: under a minute, with the gate; full: everything; profile: where the gateway spends its time",
    )
    made.add_argument("--only", default="", help="workloads, comma-separated (default: all of the mode)")
    made.add_argument("--targets", default="", help=f"of {', '.join(KINDS)} (default: those of the mode)")
    made.add_argument("--rounds", type=int, default=0, help="default: quick 2, full 3")
    made.add_argument("--gateway-root", type=Path, default=ROOT, help="another checkout whose gateway is measured")
    made.add_argument("--policies", default=None, help="comma-separated; instead of loadtests.targets.POLICIES")
    made.add_argument("--json", type=Path, help="write all cells to this file")
    made.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    made.add_argument("--workload", default="small_c16", help="profile: which one (default: %(default)s)")
    made.add_argument("--seconds", type=float, default=10.0, help="profile: how long (default: %(default)s)")
    made.add_argument("--svg", action="store_true", help="profile: a flame graph too (a second recording)")
    made.add_argument("--native", action="store_true", help="profile: frames of C and Cython code too")
    made.add_argument("--no-gate", action="store_true", help="do not fail when a limit of gate.toml is exceeded")
    return made


def chosen(mode: str, only: str) -> list[tuple[Workload, Amount]]:
    """The closed-loop workloads and how much of each; ValueError for an unknown name."""
    names = [name for name in only.split(",") if name]
    picked = [workloads.by_name(name) for name in names] or workloads.WORKLOADS
    wanted = [w for w in picked if w.name not in (workloads.SLOW.name, workloads.SOAK.name)]
    if mode == "full":
        return [(w, w.full) for w in wanted]
    return [(w, w.quick or w.full) for w in wanted if w.quick or names]


def without_paths(argv: Sequence[str]) -> list[str]:
    """The command as the page shows it: where files of this machine lie is nobody's business."""
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        option, given, _ = word.partition("=")
        if option not in ("--json", "--gateway-root"):
            kept.append(word)
        elif not given:
            next(words, None)
    return kept


def asked(only: str, name: str) -> bool:
    return not only or name in only.split(",")


@contextlib.contextmanager
def started(names: Sequence[str], mock_port: int, folder: Path) -> Iterator[list[Target]]:
    """The targets, running; ended in any case."""
    running: list[Target] = []
    try:
        for name in names:
            target = KINDS[name](mock_port, folder)
            running.append(target)
            target.start()
            progress(f"{name} {target.version()}: first answer after {target.first_answer_s:.2f} s")
        yield running
    finally:
        for target in running:
            target.stop()


def main(argv: Sequence[str]) -> int:
    made = parser()
    options = made.parse_args(argv)
    targets.Interlock.root = options.gateway_root.resolve()
    if options.policies is not None:
        targets.Interlock.policies = tuple(p for p in options.policies.split(",") if p)
    raise_file_limit()
    if options.mode == "profile":
        return profiled(options)
    names = [n for n in options.targets.split(",") if n] or report.default_targets(options.mode)
    try:
        plan = chosen(options.mode, options.only)
    except ValueError as error:
        made.error(str(error))
    if unknown := [n for n in names if n not in KINDS]:
        made.error(f"no target {', '.join(unknown)}; there are: {', '.join(KINDS)}")
    compiled("load", CACHE)
    install(names)
    with tempfile.TemporaryDirectory(prefix="loadtests-") as folder, Mock(CACHE) as mock:
        run = measure(options, names, plan, mock.port, Path(folder))
    run.command = "python -m loadtests " + shlex.join(without_paths(argv))
    print(report.terminal(run))
    if options.json:
        options.json.write_text(run.as_json(), "utf-8")
    if options.write:
        PAGE.write_text(page.render(run), "utf-8")
    lines = gate.exceeded(run.figures(), gate.limits())
    for line in lines:
        print(f"gate: {line}")
    return 1 if lines and options.mode == "quick" and not options.no_gate else 0


def install(names: Sequence[str]) -> None:
    """What the targets need on this machine."""
    if "nginx" in names and targets.nginx_program() is None:
        subprocess.run([str(ROOT / "scripts/system.sh"), "nginx"], check=True, stdin=subprocess.DEVNULL, timeout=600)
    for name in names:
        if issubclass(kind := KINDS[name], peers.Peer):
            kind.install()


def measure(
    options: argparse.Namespace,
    names: Sequence[str],
    plan: Sequence[tuple[Workload, Amount]],
    mock_port: int,
    folder: Path,
) -> report.Run:
    run = report.Run.begun(options.mode, targets.Interlock.policies)
    rounds = options.rounds or (2 if options.mode == "quick" else 3)
    with started(names, mock_port, folder) as running:
        for target in running:
            if target.process:
                at_rest(target.pid)
                run.started(target, rss_mib(target.pid))
        bench = Bench(running, CACHE, folder, run_seed=int(time.time()))
        bench.rounds(plan, rounds)
        slow_and_soak(options, bench)
        run.ended(bench.cells, rounds)
    return run


def slow_and_soak(options: argparse.Namespace, bench: Bench) -> None:
    """One round each, on a fresh process: errors and memory do not hang on the machine's mood."""
    quick = options.mode == "quick"
    slow = workloads.SLOW_SHORT if quick else workloads.SLOW
    for target in bench.targets:
        if asked(options.only, workloads.SOAK.name) and not quick and target.name != "direct":
            bench.fresh(workloads.SOAK, Amount(requests=target.soak_requests), target)
    for target in bench.targets:
        if asked(options.only, slow.name) and (not quick or target.name.startswith("interlock")):
            bench.fresh(slow, slow.full, target)


def profiled(options: argparse.Namespace) -> int:
    """One workload against the gateway alone, sampled; the list of the dearest functions goes to stdout."""
    workload = workloads.by_name(options.workload)
    name = next((n for n in options.targets.split(",") if n.startswith("interlock")), "interlock")
    folder = CACHE / "profile"
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {"raw": folder / f"{workload.name}.stacks"}
    kinds |= {"flamegraph": folder / f"{workload.name}.svg"} if options.svg else {}
    with (
        tempfile.TemporaryDirectory(prefix="loadtests-") as work,
        Mock(CACHE) as mock,
        started([name], mock.port, Path(work)) as (target,),
    ):
        bench = Bench([target], CACHE, Path(work), run_seed=int(time.time()))
        cells = [sampled(options, bench, workload, n, kind, into) for n, (kind, into) in enumerate(kinds.items())]
    each = report.cpu_text(workload.name, cells[0].cpu_ms)
    title = f"{name}, {workload.name} ({workload.about}): {each} of CPU each while watched"
    found = profile.text(profile.added_up(kinds["raw"].read_text("utf-8").splitlines()), title)
    (folder / f"{workload.name}.txt").write_text(found, "utf-8")
    print(found)
    for into in kinds.values():
        print(f"wrote {into}")
    return 1 if any(cell.errors for cell in cells) else 0


def sampled(options: argparse.Namespace, bench: Bench, workload: Workload, number: int, kind: str, into: Path) -> Cell:
    """One recording of py-spy, and the load that runs meanwhile (a second longer, for its start)."""
    into.unlink(missing_ok=True)
    (target,) = bench.targets
    bench.warm(workload, target, number)
    spy = profile.record(profile.command(target.pid, into, kind=kind, seconds=options.seconds, native=options.native))
    cell = bench.during(workload, target, options.seconds + 1.0, number)
    profile.finished(spy, into)
    return cell
