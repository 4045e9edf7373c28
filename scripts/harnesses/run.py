"""Run one harness once, headless, against a base URL, and say what came of it.

`python -m scripts.harnesses.run opencode chat --base-url http://127.0.0.1:4242`, or with `--fault cut --profile anthropic`
against a scripted vendor of its own. Every run has its own home, project and process group, and a time limit; whatever
it leaves behind (Cline's detached hub) is found by its `HOME` and ended by pid.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway.testing.scripted import PROFILES, ScriptedServer, sensible
from scripts.harnesses.install import cache
from scripts.harnesses.recipes import FILE, PAIRS, RECIPES, TASK, Place

# The good path takes 3 to 12 s on an idle machine; retries with back-off up to 25 s. What still runs after this is lost.
SECONDS_MAX = 75.0
# So many requests in one run of a two-turn task are an endless loop, not a retry (the most patient client asks 9 times).
LOOP_REQUESTS = 16
OUTPUT_CHARS = 6000
FILES_MAX = 50


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one run. `ok`: the file is there with its content. `exit_code` None: ended from outside. `files`: what
    the run left at the top of its project, name and beginning of its content."""

    harness: str
    dialect: str
    ok: bool
    exit_code: int | None
    seconds: float
    requests: int
    loop: bool
    output: str
    files: dict[str, str] = field(default_factory=dict)

    def grade(self, usual_requests: int) -> str:
        """LOOP, ERR, stop, ok(ERR), ok+n or ok. `usual_requests`: those of a clean run."""
        if self.loop:
            return "LOOP"
        if self.ok:
            if self.exit_code != 0:
                return "ok(ERR)"
            extra = self.requests - usual_requests
            return f"ok+{extra}" if extra > 0 else "ok"
        return "stop" if self.exit_code == 0 else "ERR"


def rank(grade: str) -> int:
    """Higher is better: LOOP < ERR < stop < ok(ERR) < ok+n < ok."""
    return {"LOOP": 0, "ERR": 1, "stop": 2, "ok(ERR)": 3, "ok": 5}.get(grade, 4)


def run(
    harness: str,
    dialect: str,
    base: str,
    *,
    model: str = "auto",
    key: str = "sk-local-test",
    task: str = TASK,
    then: str = "",
    limit_s: float = SECONDS_MAX,
    requests: Callable[[], int] = lambda: 0,
) -> Result:
    """Run one harness. `then`: what the user says next, in the same session. `requests` says how many requests the model's
    side has seen so far; it is polled to stop a loop early. Blocks for up to `limit_s` seconds and a few more; raises
    OSError when the harness is not installed."""
    root = Path(tempfile.mkdtemp(prefix="interlock-harness-"))
    try:
        home, project = root / "home", root / "project"
        home.mkdir()
        project.mkdir()
        environ = _environ(home)
        _git(project, environ)
        before = requests()
        recipe = RECIPES[harness](Place(cache(), home, project, base, dialect, model, key, task, then))
        begun = time.monotonic()
        code, output = _commands(
            recipe.commands, project, environ | recipe.environ, begun + limit_s, lambda: requests() - before
        )
        seconds = time.monotonic() - begun
        _end_strays(home)
        asked = requests() - before
        written = project / FILE
        ok = written.is_file() and written.read_text(errors="replace").strip() == "hi"
        loop = asked >= LOOP_REQUESTS
        left = _left(project)
        return Result(harness, dialect, ok, code, round(seconds, 1), asked, loop, output[-OUTPUT_CHARS:], left)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _left(project: Path) -> dict[str, str]:
    found = sorted(path for path in project.iterdir() if path.is_file())[:FILES_MAX]
    return {path.name: path.read_text(errors="replace")[:1000] for path in found}


def _environ(home: Path) -> dict[str, str]:
    """An environment of its own: nothing of ours leaks in, no key, no proxy, no editor."""
    node = cache() / "node22" / "node_modules" / "node" / "bin"
    me = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    quiet = {"TERM": "dumb", "LANG": "C.UTF-8", "CI": "1", "NO_COLOR": "1", "DO_NOT_TRACK": "1", "NO_PROXY": "*"}
    folders = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "TMPDIR": str(home / "tmp"),
    }
    (home / "tmp").mkdir()
    return {"PATH": f"{node}:/usr/local/bin:/usr/bin:/bin", "SHELL": "/bin/sh", **folders, **quiet, **me}


def _git(project: Path, environ: dict[str, str]) -> None:
    for command in (["git", "init", "-q", "."], ["git", "commit", "-q", "--allow-empty", "-m", "init"]):
        subprocess.run(command, cwd=project, env=environ, check=True, timeout=30, stdin=subprocess.DEVNULL)


def _commands(
    commands: list[list[str]], project: Path, environ: dict[str, str], deadline: float, asked: Callable[[], int]
) -> tuple[int | None, str]:
    """Run the commands in order; returns the last exit code (None when ended from outside) and all output."""
    log, code = project.parent / "output", None
    with log.open("wb") as sink:
        for command in commands:
            code = _one(command, project, environ, sink.fileno(), deadline, asked)
            if code is None:
                break
    return code, log.read_text(errors="replace")


def _one(
    command: list[str], project: Path, environ: dict[str, str], sink: int, deadline: float, asked: Callable[[], int]
) -> int | None:
    process = subprocess.Popen(
        command, cwd=project, env=environ, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
    )
    try:
        while time.monotonic() < deadline and asked() < LOOP_REQUESTS:
            try:
                return process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        return None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _end_strays(home: Path) -> None:
    """End, by pid, every process whose HOME is this run's: daemons that left the process group."""
    wanted = f"HOME={home}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue  # gone already, or not ours to look at


async def run_scripted(
    harness: str, dialect: str, *, fault: str | None = None, profile: str = "plain", limit_s: float = SECONDS_MAX
) -> Result:
    """Run one harness straight against a scripted vendor of its own: what happens without any gateway."""
    if fault and not sensible(fault, dialect):  # type: ignore[arg-type]
        raise ValueError(f"the fault {fault} means nothing in the dialect {dialect}")
    async with ScriptedServer(fault=fault, profile=profile) as server:
        return await asyncio.to_thread(
            run, harness, dialect, server.origin, limit_s=limit_s, requests=lambda: len(server.model.work)
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.harnesses.run", description=__doc__)
    parser.add_argument("harness", choices=sorted(RECIPES))
    parser.add_argument("dialect", choices=("chat", "messages", "responses"))
    parser.add_argument("--base-url", help="without a path; default: a scripted vendor of its own")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--fault")
    parser.add_argument("--profile", choices=PROFILES, default="plain")
    parser.add_argument("--limit", type=float, default=SECONDS_MAX, help="seconds")
    options = parser.parse_args()
    if (options.harness, options.dialect) not in PAIRS:
        parser.error(f"{options.harness} is not driven in {options.dialect}")
    if options.base_url:
        found = run(options.harness, options.dialect, options.base_url, model=options.model, limit_s=options.limit)
    else:
        scripted = run_scripted(
            options.harness, options.dialect, fault=options.fault, profile=options.profile, limit_s=options.limit
        )
        found = asyncio.run(scripted)
    print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    raise SystemExit(0 if found.ok else 1)


if __name__ == "__main__":
    main()
