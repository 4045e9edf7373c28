"""What a request costs in instructions of the event loop's thread, by callgrind: `python -m loadtests.count [KIND ...]`

CPU time on a shared machine moves by a third from one minute to the next, instructions do not: the same code gives the
same figure to half a per cent, so that a change of one per cent can be seen in twenty seconds. They are no time: a cache
miss and a system call cost nothing here. `make load-quick` has the last word.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from loadtests.inprocess import KINDS
from loadtests.targets import ROOT

REQUESTS: Final = 400
LIMIT_S: Final = 900
_TOTAL: Final = re.compile(r"^totals: (\d+)", re.MULTILINE)


def command(kind: str, requests: int, into: Path) -> list[str]:
    watch = ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--instr-atstart=no"]
    return [*watch, f"--callgrind-out-file={into}", sys.executable, "-m", "loadtests.inprocess", kind, str(requests)]


def first_thread(files: Iterable[Path]) -> int:
    """Instructions of the first thread, which is the event loop's, over all of callgrind's files: `NAME-01`, `NAME.1-01` and
    so on. RuntimeError when there are none."""
    texts = [path.read_text("latin-1") for path in files if path.name.endswith("-01")]
    total = sum(int(found) for text in texts for found in _TOTAL.findall(text))
    if not total:
        raise RuntimeError("callgrind counted nothing")
    return total


def counted(kind: str, requests: int, root: Path) -> float:
    """Thousands of instructions per request. RuntimeError with valgrind's last words."""
    with tempfile.TemporaryDirectory(prefix="loadtests-") as folder:
        into = Path(folder) / "callgrind"
        environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "1"}
        done = subprocess.run(
            command(kind, requests, into),
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        if done.returncode:
            raise RuntimeError(f"{kind}: {(done.stdout + done.stderr)[-1500:]}")
        return first_thread(sorted(into.parent.iterdir())) / requests / 1000


def main() -> int:
    made = argparse.ArgumentParser(prog="python -m loadtests.count", description=__doc__.partition("\n")[0])
    # argparse holds the default of "*", an empty list, against the choices too.
    made.add_argument(
        "kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)"
    )
    made.add_argument("--requests", type=int, default=REQUESTS, help="default: %(default)s")
    made.add_argument("--gateway-root", type=Path, default=ROOT, help="another checkout, to compare")
    options = made.parse_args()
    for kind in options.kinds or KINDS:
        print(
            f"{kind:8} {counted(kind, options.requests, options.gateway_root.resolve()):8.1f} thousand instructions",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
