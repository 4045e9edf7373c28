"""`make check`: everything that can be said about the tree without running it. `python -m scripts.check [NAME...]`

Each check is one entry below. All run even when one fails, so that one call shows all there is to mend. The tests in
tests/architecture call the same functions, so a rule has one home.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts import locks
from scripts.checks import addresses, changelog, twins

ROOT = Path(__file__).resolve().parent.parent
Problems = list[str]


def command(*words: str) -> Callable[[], Problems]:
    """A check that is a program of this environment: its output is the problem when it ends with an error."""

    def run() -> Problems:
        done = subprocess.run(
            [str(Path(sys.executable).parent / words[0]), *words[1:]],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return [] if done.returncode == 0 else [(done.stdout + done.stderr).strip() or f"exit {done.returncode}"]

    return run


def generated_pages() -> Problems:
    # Imported late: the pages import the product, and a broken product must not hide what the other checks say.
    from scripts import docs

    return docs.problems()


def footprint_page() -> Problems:
    from scripts import footprint

    return footprint.problems()


def acceptance_page() -> Problems:
    from scripts import conformance

    return conformance.problems()


CHECKS: dict[str, Callable[[], Problems]] = {
    "ruff": command("ruff", "check", "--quiet", "."),
    "format": command("ruff", "format", "--quiet", "--check", "--diff", "."),
    "mypy": command("mypy", "--no-error-summary"),
    "imports": command("lint-imports", "--no-logo"),
    "lock": locks.problems,
    "changelog": changelog.problems,
    "twins": twins.problems,
    "addresses": addresses.problems,
    "docs": generated_pages,
    "conformance": acceptance_page,
    "footprint": footprint_page,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no such check: {', '.join(unknown)}; there are: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or CHECKS:
        started = time.perf_counter()
        found = CHECKS[name]()
        print(f"{name:12} {'ok' if not found else 'FAILED':7} {time.perf_counter() - started:5.1f} s", flush=True)
        for problem in found:
            print("  " + problem.replace("\n", "\n  "))
        failed += [name] if found else []
    print(f"check: {len(names or CHECKS) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
