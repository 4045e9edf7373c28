"""The stage: scripted vendors, gateways in front of them, and harnesses run two at a time through both.

A gateway is started as a user would start it: `python -m gateway serve --config FILE`. Each runs for the whole session;
each run gets a vendor with a fresh memory and its own fault behind the same address.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.testing.scripted import Recorded, ScriptedModel, ScriptedServer
from scripts.harnesses.run import Result, run

ROOT = Path(__file__).resolve().parent.parent.parent
BASELINE: dict[str, Any] = json.loads((Path(__file__).parent / "baseline.json").read_text())
JOBS = 2  # CI has two cores, and each run keeps about one of them busy
START_SECONDS_MAX = 60.0
KEY = "sk-scripted-vendor"

# The upstreams: the two vendors that are strictest about what they are sent, each in its own dialect.
UPSTREAMS = {
    "chat": ("deepseek", "deepseek", "deepseek-v4-flash"),
    "messages": ("anthropic", "anthropic", "claude-opus-5-5"),
}
CONFIG = """\
version: 1
models:
  up/main: {{provider: {provider}, base_url: "{origin}", model: {model}, api_key: "env:SCRIPTED_KEY", lane: mid}}
routes:
  - {{id: default, to: [up/main]}}
# Many runs share this gateway and most begin with a failure: one run must not open the breaker for the next.
breaker: {{failures: 1000}}
# Short, so that keep-alives reach the real clients too.
server: {{keepalive_s: 2}}
# The scripted task writes a file, which safe-default asks about; what policies do to harnesses has runs of its own.
policies: []
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a harness in its dialect, through the gateway, to an upstream dialect, with a fault ("" for none)."""

    harness: str
    dialect: str
    upstream: str
    fault: str = ""

    @property
    def id(self) -> str:
        return f"{self.harness}-{self.dialect}-to-{self.upstream}" + (f"-{self.fault}" if self.fault else "")

    @property
    def pair(self) -> str:
        return f"{self.harness}/{self.dialect}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: the run, and what the vendor saw."""

    result: Result
    requests: tuple[Recorded, ...]
    log: str

    @property
    def complaints(self) -> list[str]:
        return [record.complaint for record in self.requests if record.complaint and not record.fault]

    def told(self) -> str:
        """All that is needed to understand a failure."""
        lines = [
            f"{r.method} {r.target} -> {r.status} {r.reply} {r.fault} {r.complaint}".rstrip() for r in self.requests
        ]
        asked = "\n".join(lines)
        return f"{self.result}\n--- the vendor saw\n{asked}\n--- the gateway said\n{self.log[-3000:]}"


class Gateway:
    """A gateway process with a configuration (YAML text) and a folder of its own."""

    def __init__(self, config: str, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.base = f"http://127.0.0.1:{_free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it is ready. Raises RuntimeError with its output if it never is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "interlock.yaml"
        config.write_text(self.config)
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--host", "127.0.0.1"]
        command += ["--port", self.base.rpartition(":")[2], "--state-dir", str(self.state_dir)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "SCRIPTED_KEY": KEY, "LANG": "C.UTF-8"}
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the gateway did not start:\n{self.log()}")
            time.sleep(0.1)

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self.base + "/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def log_file(self) -> Path:
        return self.folder / "log"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stage:
    """Vendors and gateways for a whole session, and a pool that runs cases on them, `JOBS` at a time."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pool = ThreadPoolExecutor(JOBS)
        self._free: dict[str, queue.SimpleQueue[tuple[Gateway, ScriptedServer]]] = {}
        self._gateways: list[Gateway] = []
        self._servers: list[ScriptedServer] = []
        self._folder = folder
        self.futures: dict[str, Future[Outcome]] = {}

    def open(self, upstreams: Iterable[str]) -> None:
        self._thread.start()
        for upstream in upstreams:
            self._free[upstream] = queue.SimpleQueue()
            for number in range(JOBS):
                server = ScriptedServer(profile=UPSTREAMS[upstream][1], api_key=KEY)
                self._servers.append(server)
                self._do(server.start())
                provider, _, model = UPSTREAMS[upstream]
                config = CONFIG.format(provider=provider, origin=server.origin, model=model)
                gateway = Gateway(config, self._folder / f"{upstream}-{number}")
                self._gateways.append(gateway)
                gateway.start()
                self._free[upstream].put((gateway, server))

    def submit(self, case: Case) -> None:
        if case.id not in self.futures:
            self.futures[case.id] = self._pool.submit(self._run, case)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for gateway in self._gateways:
            gateway.stop()
        if self._thread.is_alive():
            for server in self._servers:
                self._do(server.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _run(self, case: Case) -> Outcome:
        gateway, server = self._free[case.upstream].get()
        try:
            profile = UPSTREAMS[case.upstream][1]
            model = ScriptedModel(profile=profile, fault=case.fault or None, api_key=KEY)  # type: ignore[arg-type]
            server.model = model
            said_before = len(gateway.log())
            result = run(case.harness, case.dialect, gateway.base, requests=lambda: len(model.work))
            if not gateway.healthy():
                raise RuntimeError(f"the gateway died in {case.id}:\n{gateway.log()[-4000:]}")
            return Outcome(result, tuple(model.requests), gateway.log()[said_before:])
        finally:
            self._free[case.upstream].put((gateway, server))
