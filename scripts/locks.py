"""Does a lock fit pyproject.toml? `python -m scripts.locks stamp|check`

Resolving again would need the network. Instead each lock opens with a digest of the requirements it was made from, which
`make lock` writes and `make check` compares; pins, hashes and the absence of addresses are checked in the file itself.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("bootstrap", "run", "dev")
STAMP = "# requirements sha256: "


def requirements(lock: str) -> list[str]:
    """The direct requirements a lock is made from, sorted."""
    if lock == "bootstrap":
        lines = (ROOT / "scripts/bootstrap.in").read_text("utf-8").splitlines()
        return sorted(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found = [f"python {project['project']['requires-python']}", *project["project"]["dependencies"]]
    if lock == "dev":
        found += project["dependency-groups"]["dev"]
    return sorted(found)


def digest(lock: str) -> str:
    return hashlib.sha256("\n".join(requirements(lock)).encode()).hexdigest()


def pins(text: str) -> dict[str, str]:
    """Name -> version of every pin in a lock."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ \\;]+)", text, flags=re.M))


def problems() -> list[str]:
    """What is wrong with locks/, one line each; empty when all is well."""
    found: list[str] = []
    texts = {lock: (ROOT / f"locks/{lock}.txt").read_text("utf-8") for lock in LOCKS}
    for lock, text in texts.items():
        if text.splitlines()[0] != STAMP + digest(lock):
            found.append(f"locks/{lock}.txt was not made from today's pyproject.toml: run `make lock`")
        if "://" in text or "--index" in text or "--find-links" in text:
            found.append(f"locks/{lock}.txt names an address: a lock holds names, versions and hashes only")
        entries = re.split(r"\n(?=[A-Za-z0-9])", text.split("\n", 1)[1].strip())
        found += [f"locks/{lock}.txt: no hash for {e.split()[0]}" for e in entries if "--hash=sha256:" not in e]
    run, dev = pins(texts["run"]), pins(texts["dev"])
    found += [
        f"locks/dev.txt must hold locks/run.txt: {name} is {dev.get(name)}, not {version}"
        for name, version in run.items()
        if dev.get(name) != version
    ]
    return found


def stamp() -> None:
    for lock in LOCKS:
        path = ROOT / f"locks/{lock}.txt"
        body = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(STAMP)]
        path.write_text("\n".join([STAMP + digest(lock), *body]) + "\n", "utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["stamp"]:
            stamp()
        case ["check"]:
            sys.exit("\n".join(problems()))
        case _:
            sys.exit(__doc__)
