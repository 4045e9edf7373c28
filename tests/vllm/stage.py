"""A real vLLM with the tiny taught model, and a gateway in front of it, both started as a user would start them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETUP_SECONDS_MAX = 1500.0  # 6 minutes on an idle machine with two cores
VLLM_START_SECONDS_MAX = 300.0  # 20 to 40 s idle, 80 s busy
GATEWAY_START_SECONDS_MAX = 60.0

DIALECTS = ("chat", "messages", "responses")
CONFIG = """\
version: 1
models:
{models}
routes:
  - {{id: default, to: [local/chat]}}
# These tests provoke errors; one of them must not close the model to the next.
breaker: {{failures: 1000}}
# What a small model calls is nobody's matter here.
policies: []
"""
MODEL = '  {name}/{dialect}: {{provider: vllm, base_url: "{base}", model: {model}, dialect: {dialect}, lane: local}}'


def configuration(vllm: str) -> str:
    """Each of vLLM's three endpoints as a model of its own, plain and with the LoRA adapter."""
    named = (("local", "tiny"), ("lora", "tiny-lora"))
    lines = [MODEL.format(name=n, model=m, dialect=d, base=vllm) for n, m in named for d in DIALECTS]
    free = (
        f'  local/free: {{provider: vllm, base_url: "{vllm}", model: tiny, lane: local}}'  # in the client's own dialect
    )
    return CONFIG.format(models="\n".join([*lines, free]))


@dataclass
class Server:
    """A server, whoever started it."""

    base: str


class Process(Server):
    """A server as a child process: its address, its log, its end."""

    def __init__(self, command: list[str], folder: Path, port: int, environ: dict[str, str]) -> None:
        super().__init__(f"http://127.0.0.1:{port}")
        self._log = folder / "log"
        with self._log.open("wb") as sink:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def wait_ready(self, seconds_max: float) -> None:
        """Until GET /health is 200. Raises RuntimeError, with the end of the log, when it never is."""
        deadline = time.monotonic() + seconds_max
        while not healthy(self.base):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the server did not start:\n{self.log()[-4000:]}")
            time.sleep(0.2)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """SIGTERM, as a supervisor would; what is left of the process group after 30 s is killed."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(base: str) -> bool:
    try:
        with urllib.request.urlopen(base + "/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start_vllm(folder: Path) -> Process:
    """Sets vLLM up where that was not done, then serves. Raises CalledProcessError or RuntimeError."""
    environ = {**os.environ, "PYTHON": sys.executable}
    subprocess.run(["scripts/vllm/setup"], cwd=ROOT, env=environ, check=True, timeout=SETUP_SECONDS_MAX)
    port = free_port()
    vllm = Process(["scripts/vllm/serve", str(port)], folder, port, dict(os.environ))
    vllm.wait_ready(VLLM_START_SECONDS_MAX)
    return vllm


def start_gateway(vllm: str, folder: Path) -> Process:
    config = folder / "interlock.yaml"
    config.write_text(configuration(vllm))
    port = free_port()
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--state-dir", str(folder / "state")]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    gateway = Process(command, folder, port, environ)
    gateway.wait_ready(GATEWAY_START_SECONDS_MAX)
    return gateway


def metric(vllm: str, name: str) -> float:
    """The sum of one of vLLM's metrics over its labels."""
    with urllib.request.urlopen(vllm + "/metrics", timeout=30) as reply:
        text = reply.read().decode()
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE))
