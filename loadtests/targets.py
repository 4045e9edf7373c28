"""What is measured: each target is started on loopback with the mock as its only upstream, one worker, little logging.

A target knows how it is started, and with which model name, path and headers it is asked. Peers that must be installed first
are in `loadtests.peers`.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from loadtests import bodies, workloads
from loadtests.processes import free_port, spawn, stop

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = ROOT / ".cache/loadtests"
"""Compiled programs and installed peers; ignored by git."""
START_S: Final = 120.0

POLICIES: Final[tuple[str, ...]] = ("safe-default",)
"""What `policies:` of the configuration names: what holds where a user names none."""


class Target:
    """One server under test; not started until `start`."""

    name: ClassVar[str]
    path: str = "/v1/chat/completions"
    headers: tuple[str, ...] = ()
    soak_requests: int = 20_000

    def __init__(self, mock_port: int, folder: Path) -> None:
        self.mock_port = mock_port
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.first_answer_s = 0.0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    @property
    def cwd(self) -> Path:
        return self.folder

    def version(self) -> str:
        return ""

    def model(self, model: str) -> str:
        """The name that is asked for where the mock shall answer as `model`."""
        return model

    def headers_for(self, model: str) -> Sequence[str]:
        return self.headers

    def start(self) -> None:
        """Starts it and waits for its first whole answer. RuntimeError, with the end of its log, when there is none."""
        self.port = free_port()
        words = self.command()
        began = time.monotonic()
        self.process = spawn(words, self.log, cwd=self.cwd, env=self.environment())
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - began > START_S:
                said = self.log.read_text("utf-8", "replace")[-2000:]
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{said}")
            time.sleep(0.01)
        self.first_answer_s = time.monotonic() - began
        self.loaded()

    def loaded(self) -> None:
        """Has the target load what it loads with the first request of some kind."""

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)
            self.process = None

    def _answers(self) -> bool:
        return self.ask(self.model("bench-json"), self.headers_for("bench-json"))

    def ask(self, model: str, lines: Sequence[str]) -> bool:
        """Whether a small request, with these headers too, is answered with 200."""
        headers = dict(line.split(": ", 1) for line in lines)
        headers |= {"content-type": "application/json", "authorization": "Bearer sk-bench"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", self.path, bodies.small(model), headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Direct(Target):
    """The mock itself: what the bench costs without anything between."""

    name = "direct"

    def start(self) -> None:
        self.port = self.mock_port

    def stop(self) -> None: ...


NGINX: Final = """\
daemon off;
master_process on;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  client_max_body_size 64m;
  client_body_buffer_size 1m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def nginx_program() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Nginx(Target):
    """A plain reverse proxy: one worker, keep-alive on both sides, no access log, no buffering of answers."""

    name = "nginx"

    def command(self) -> list[str]:
        program = nginx_program()
        if program is None:
            raise RuntimeError("nginx is not installed; scripts/system.sh nginx installs it on Debian and Ubuntu")
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, upstream=self.mock_port, port=self.port))
        return [program, "-e", str(self.folder / "error.log"), "-c", str(config)]

    def version(self) -> str:
        done = subprocess.run(
            [nginx_program() or "nginx", "-v"], capture_output=True, text=True, check=False, timeout=10
        )
        return done.stderr.strip().rpartition("/")[2]


class Interlock(Target):
    """The gateway as users start it, with everything on: routes, ledger in SQLite, metrics, sessions, policies."""

    name = "interlock"
    root = ROOT
    """The checkout whose gateway is measured."""
    policies = POLICIES

    def command(self) -> list[str]:
        config = self.folder / "interlock.yaml"
        config.write_text(json.dumps(self.config(), indent=1))
        words = ["--config", str(config), "--port", str(self.port), "--state-dir", str(self.folder / "state")]
        return [sys.executable, "-m", "gateway", "serve", *words]

    @property
    def cwd(self) -> Path:
        return self.root

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.root)}

    def loaded(self) -> None:
        """The classifier comes with the first `auto`: its memory belongs to the idle figure."""
        if not self.ask("auto", ("x-interlock-tags: bench-json",)):
            raise RuntimeError(f"{self.name} does not answer `auto`")

    def config(self) -> dict[str, object]:
        """JSON is YAML. Each of the mock's models is a model; a tag chooses among them where `auto` is asked."""
        upstream = f"http://127.0.0.1:{self.mock_port}"
        cost = {"input_usd_per_mtok": 0.27, "cached_usd_per_mtok": 0.07, "output_usd_per_mtok": 1.1}
        shared = {
            "provider": "openai_compatible",
            "base_url": upstream,
            "lane": "mid",
            "context_tokens": 1_000_000,
            "cost": cost,
        }
        calls, tasks = ["title", "summary", "commit_message", "probe"], ["boilerplate", "docstring", "test_scaffold"]
        routes = []
        for model in workloads.MODELS:
            routes += [
                {"id": f"{model}-housekeeping", "when": {"tags": [model], "call": calls}, "to": [model]},
                {"id": f"{model}-boilerplate", "when": {"tags": [model], "task": tasks}, "to": [model]},
                {"id": model, "when": {"tags": [model]}, "to": [model]},
            ]
        return {
            "version": 1,
            "models": {model: {**shared, "model": model} for model in workloads.MODELS},
            "routes": [*routes, {"id": "default", "to": ["bench-json"]}],
            "session": {"sticky": True},
            "policies": list(self.policies),
        }

    def version(self) -> str:
        words = ["git", "-C", str(self.root), "describe", "--always", "--dirty"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)
        return done.stdout.strip() or "not a checkout"


class InterlockAuto(Interlock):
    """The same gateway asked for `auto`: every new human ask is classified and routed."""

    name = "interlock-auto"

    def model(self, model: str) -> str:
        return "auto"

    def headers_for(self, model: str) -> Sequence[str]:
        return (f"x-interlock-tags: {model}",)


class Floor(Target):
    """Interlock's own server, event loop and upstream client with nothing between: see `loadtests.floor`."""

    name = "floor"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "loadtests.floor", str(self.port), str(self.mock_port)]

    @property
    def cwd(self) -> Path:
        return Interlock.root

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(Interlock.root)}
