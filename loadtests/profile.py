"""Where the gateway spends its time under one workload: py-spy samples it, this adds the samples up.

py-spy stops the process for each sample and reads its stacks from outside: shares can be trusted, rates and latencies under
it cannot. Two files are written: the samples as collapsed stacks (one line per stack, for speedscope or flamegraph.pl) and a
list of the dearest functions as text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERTZ: Final = 250
SHOWN: Final = 40
WAITING: Final = frozenset(
    (
        "_worker (concurrent/futures/thread.py)",
        "Condition.wait (threading.py)",
        "wait (threading.py)",
        "Queue.get (queue.py)",
        "get (queue.py)",
        "select (selectors.py)",
    )
)
"""Functions that only wait when they are on top of a stack; py-spy cannot always tell (containers, some kernels)."""
_LINE: Final = re.compile(r":\d+\)$")


@dataclass(frozen=True, slots=True)
class Profile:
    """Samples by function: `own` where it was on top of the stack, `total` where it was anywhere in it. Threads that wait
    are left out."""

    samples: int
    own: Counter[str]
    total: Counter[str]


def added_up(lines: Iterable[str]) -> Profile:
    """From collapsed stacks, `frame;frame;frame count`. Lines of a function are one; a recursion counts once."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    samples = 0
    for line in lines:
        stack, _, count = line.rstrip("\n").rpartition(" ")
        if not stack or not count.isdigit():
            continue
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        if frames[-1] in WAITING:
            continue
        samples += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            total[frame] += int(count)
    return Profile(samples, own, total)


def text(profile: Profile, title: str) -> str:
    """The dearest functions, first by themselves, then with all they call."""
    if not profile.samples:
        return f"{title}\nno samples: the process did nothing while it was watched\n"
    lines = [title, f"{profile.samples} samples of running threads, {HERTZ} a second", ""]
    for name, counted in (("by itself", profile.own), ("with what it calls", profile.total)):
        lines.append(f"{'share':>7}  {name}")
        lines += [f"{count / profile.samples:7.1%}  {frame}" for frame, count in counted.most_common(SHOWN)]
        lines.append("")
    return "\n".join(lines)


def program() -> str:
    """py-spy, of this environment or on the PATH. RuntimeError with the cure when there is none."""
    beside = Path(sys.executable).parent / "py-spy"
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise RuntimeError("py-spy is not installed; `make profile` installs it, or: pip install py-spy")
    return found


def command(pid: int, into: Path, *, kind: str, seconds: float, native: bool) -> list[str]:
    """`kind` is raw (collapsed stacks) or flamegraph. Threads that wait are left out, so shares are of CPU time."""
    words = [program(), "record", "--pid", str(pid), "--output", str(into), "--format", kind, "--rate", str(HERTZ)]
    words += ["--duration", str(max(1, round(seconds)))]
    return [*words, *(["--native"] if native else [])]


def record(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """py-spy, attached to the process."""
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finished(spy: subprocess.Popen[bytes], into: Path) -> None:
    """Waits until py-spy has written. RuntimeError with its words, and the usual cure, when it could not."""
    said, _ = spy.communicate(timeout=120)
    if spy.returncode == 0 and into.exists():
        return
    cure = "" if os.geteuid() == 0 else "\nnot root: allow it once with `sudo sysctl kernel.yama.ptrace_scope=0`"
    raise RuntimeError(f"py-spy failed:\n{said.decode('utf-8', 'replace')}{cure}")
