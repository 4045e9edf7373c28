"""The two native programs: compiled on first use, run as children.

`cc` (any C compiler with glibc or musl headers) is all they need. A compiled program is kept in the cache folder under the
digest of its source, so that a change compiles anew and nothing else does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadtests import stats
from loadtests.processes import stop

SOURCES: Final = Path(__file__).resolve().parent
FLAGS: Final = ("-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11")


def compiled(name: str, cache: Path) -> Path:
    """The program made from native/NAME.c. RuntimeError, saying the cure, where there is no compiler or it refuses."""
    source = SOURCES / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes() + repr(FLAGS).encode()).hexdigest()[:16]
    program = cache / f"{name}-{digest}"
    if program.exists():
        return program
    compiler = shutil.which(os.environ.get("CC") or "cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("no C compiler found; on Debian or Ubuntu the cure is: apt-get install gcc libc6-dev")
    cache.mkdir(parents=True, exist_ok=True)
    # Under a name of its own first: two runs may compile at once.
    fresh = cache / f"{program.name}.{os.getpid()}"
    done = subprocess.run(
        [compiler, *FLAGS, "-o", str(fresh), str(source)], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise RuntimeError(f"{compiler} cannot compile {source.name}:\n{done.stderr}")
    fresh.replace(program)
    return program


class Mock:
    """The mock upstream, running while the block runs."""

    def __init__(self, cache: Path) -> None:
        self.program = compiled("mock", cache)
        self.port = 0

    def __enter__(self) -> Mock:
        self.process = subprocess.Popen(
            [str(self.program)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass(frozen=True, slots=True)
class Result:
    """What the load generator saw; times in milliseconds."""

    raw: dict[str, Any]

    @property
    def complete(self) -> int:
        return int(self.raw["complete"])

    @property
    def errors(self) -> int:
        return sum(self.raw["errors"].values())

    @property
    def rps(self) -> float:
        return self.complete / float(self.raw["seconds"])

    def ms(self, series: str, share: float) -> float:
        """A percentile of `latency`, `ttft` or `gap`."""
        return stats.percentile(self.raw[f"{series}_us"], share) / 1e3

    @property
    def trouble(self) -> str:
        """The errors in words, with the first bad answer; empty when there were none."""
        if not self.errors:
            return ""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.raw["errors"].items())
        return f"{kinds}; status {self.raw.get('first_bad_status', '-')}: {self.raw.get('first_bad_body', '')[:200]!r}"


def load(cache: Path, words: Sequence[str], *, timeout_s: float) -> Result:
    """Runs the load generator. TimeoutExpired after `timeout_s`, CalledProcessError when it cannot run at all."""
    done = subprocess.run(
        [str(compiled("load", cache)), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        timeout=timeout_s,
    )
    return Result(json.loads(done.stdout))
