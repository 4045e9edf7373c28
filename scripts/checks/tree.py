"""Which files belong to the project: what git tracks, and what it would track."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("gateway", "policies", "classifiers")


def files() -> list[Path]:
    """Tracked and not ignored files that exist, relative to the root, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    ).stdout.decode()
    return sorted(path for name in set(listed.split("\0")) if name and (ROOT / (path := Path(name))).is_file())


def modules() -> list[Path]:
    """The Python files of the product, relative to the root, sorted."""
    return [path for path in files() if path.parts[0] in PACKAGES and path.suffix == ".py"]
