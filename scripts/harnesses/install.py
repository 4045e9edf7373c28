"""Install the real coding harnesses that `make test-harnesses` drives, pinned and with integrity hashes.

`python -m scripts.harnesses.install [name ...]` installs into `${INTERLOCK_CACHE:-.cache}/harnesses`, one folder each; what
is there already with the same lock is left alone. `--relock` refreshes the locks from `versions.json`. Needs npm (any
Node; the harnesses run on the Node 22 that is installed first) and, for Aider, uv or pip.

The npm locks name no registry, so the one of the machine is used. A platform package that the locking machine could not
see (another architecture's) is fetched at its exact version, without a hash of ours.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS: dict[str, dict[str, str]] = json.loads((HERE / "versions.json").read_text())
INSTALL_SECONDS_MAX = 600


def cache() -> Path:
    """Where the harnesses live: `$INTERLOCK_CACHE/harnesses`, by default `.cache/harnesses` of the repository."""
    root = os.environ.get("INTERLOCK_CACHE")
    return (Path(root) if root else HERE.parent.parent / ".cache").resolve() / "harnesses"


def install(name: str) -> bool:
    """Install one harness unless its stamp is current. Returns whether anything was done. Raises CalledProcessError."""
    folder, stamp = cache() / name, _stamp(name)
    mark = folder / ".stamp"
    if mark.is_file() and mark.read_text() == stamp:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "npm" in VERSIONS[name]:
        _npm(name, folder)
    else:
        _pip(name, folder)
    mark.write_text(stamp)
    return True


def missing() -> list[str]:
    """Harnesses that are not installed at their pinned version."""
    return [name for name in VERSIONS if not _is_current(name)]


def _is_current(name: str) -> bool:
    mark = cache() / name / ".stamp"
    return mark.is_file() and mark.read_text() == _stamp(name)


def _locks(name: str) -> list[Path]:
    if "npm" in VERSIONS[name]:
        return [HERE / "npm" / name / "package.json", HERE / "npm" / name / "package-lock.json"]
    return [HERE / "pip" / f"{name}.txt"]


def _stamp(name: str) -> str:
    digest = hashlib.sha256(f"{platform.system()}/{platform.machine()}".encode())
    for path in _locks(name):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _call(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_SECONDS_MAX, stdin=subprocess.DEVNULL)


def _npm(name: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed to install the harnesses: apt-get install npm, or any Node.js")
    for path in _locks(name):
        shutil.copy(path, folder)
    # `npm ci` refuses a lock without the other platforms' optional packages; `install --no-save` keeps every locked
    # version and checks every hash just the same.
    _call([npm, "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], folder)
    package = folder / "node_modules" / VERSIONS[name]["npm"] / "package.json"
    found = json.loads(package.read_text())["version"]
    if found != VERSIONS[name]["version"]:
        raise SystemExit(f"{name}: npm installed {found}, wanted {VERSIONS[name]['version']}")


def _pip(name: str, folder: Path) -> None:
    lock, python = str(_locks(name)[0]), str(folder / "bin" / "python")
    if uv := _uv():
        _call([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], folder)
        # As pip does: the system's certificates, so that a company's proxy works for both.
        _call(
            [uv, "pip", "install", "-q", "--system-certs", "--require-hashes", "--python", python, "-r", lock], folder
        )
    else:
        _call([sys.executable, "-m", "venv", str(folder)], folder)
        _call([python, "-m", "pip", "install", "-q", "--require-hashes", "-r", lock], folder)


def _uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def relock(name: str) -> None:
    """Write the lock of one harness anew from `versions.json`."""
    pin = VERSIONS[name]
    if "npm" in pin:
        folder = HERE / "npm" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package-lock.json").unlink(missing_ok=True)
        manifest = {"name": f"interlock-harness-{name}", "private": True, "version": "0.0.0"}
        body = {**manifest, "dependencies": {pin["npm"]: pin["version"]}}
        (folder / "package.json").write_text(json.dumps(body, indent=2) + "\n")
        flags = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"]
        _call(["npm", "install", *flags, "--loglevel=error"], folder)
        return
    source, lock = HERE / "pip" / f"{name}.in", HERE / "pip" / f"{name}.txt"
    source.write_text(f"{pin['pip']}=={pin['version']}\n")
    flags = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
    uv = _uv() or "uv"
    _call([uv, "pip", "compile", "-q", "--python-version", "3.11", *flags, str(source), "-o", str(lock)], HERE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.harnesses.install", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*VERSIONS, []], help="default: all")
    parser.add_argument("--relock", action="store_true")
    options = parser.parse_args()
    for name in options.names or VERSIONS:
        if options.relock:
            relock(name)
            continue
        begun = time.monotonic()
        done = install(name)
        took = f"installed in {time.monotonic() - begun:.0f} s" if done else "is there"
        print(f"{name} {VERSIONS[name]['version']} {took}", flush=True)


if __name__ == "__main__":
    main()
