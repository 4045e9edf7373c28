"""LiteLLM's proxy and Portkey's gateway, installed once into the cache from PyPI and npm, pinned.

Both run with one worker at their defaults but for logging. Their names of models are the mock's, so a body goes through
unchanged. What was learned about installing them stands beside each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from loadtests import workloads
from loadtests.targets import CACHE, ROOT, Target

INSTALL_S: Final = 1200


class Peer(Target):
    """Another gateway."""

    pinned: str

    @classmethod
    def prefix(cls) -> Path:
        """Where it is installed; the version is in the name, so that another pin installs anew."""
        return CACHE / f"{cls.name}-{cls.pinned}"

    @classmethod
    def install(cls) -> None:
        """Does nothing when it is there. CalledProcessError, with the tool's own words on stderr, when it cannot be."""
        done = cls.prefix() / "installed"
        if done.exists():
            return
        shutil.rmtree(cls.prefix(), ignore_errors=True)
        cls.prefix().mkdir(parents=True)
        print(f"installing {cls.name} {cls.pinned}", file=sys.stderr, flush=True)
        for words in cls.steps():
            subprocess.run(words, check=True, cwd=cls.prefix(), stdin=subprocess.DEVNULL, timeout=INSTALL_S)
        done.touch()

    @classmethod
    def steps(cls) -> Sequence[Sequence[str]]:
        raise NotImplementedError

    def version(self) -> str:
        return self.pinned


class LiteLLM(Peer):
    """The proxy as its documentation starts it. 1.106.2 is the newest one whose own dependencies can all be installed."""

    name = "litellm"
    pinned = "1.106.2"
    soak_requests = 2_000
    """It answers some 40 requests a second: 20,000 would take eight minutes."""

    @classmethod
    def steps(cls) -> Sequence[Sequence[str]]:
        python = str(cls.prefix() / "venv/bin/python")
        return (
            (sys.executable, "-m", "venv", str(cls.prefix() / "venv")),
            (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"litellm[proxy]=={cls.pinned}"),
        )

    def command(self) -> list[str]:
        config = self.folder / "config.yaml"
        address = f"http://127.0.0.1:{self.mock_port}/v1"
        models = [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{name}", "api_base": address, "api_key": "sk-bench"},
            }
            for name in workloads.MODELS
        ]
        config.write_text(json.dumps({"model_list": models, "litellm_settings": {"telemetry": False}}))
        words = ["--config", str(config), "--host", "127.0.0.1", "--port", str(self.port), "--num_workers", "1"]
        return [str(self.prefix() / "venv/bin/litellm"), *words]

    def environment(self) -> dict[str, str]:
        return {
            "LITELLM_LOG": "ERROR",
            # Without keys, as Interlock here: its own switch for development on one machine.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            # Its price list would be fetched from the network at the start.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "PYTHONPATH": "",
        }


LOOPBACK: Final = """\
// Portkey has no option for the address it listens on: keep it on loopback.
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...words) {
  if (typeof words[0] === 'number') words.splice(1, typeof words[1] === 'string' ? 1 : 0, '127.0.0.1');
  else if (words[0] && typeof words[0] === 'object' && 'port' in words[0]) words[0] = { ...words[0], host: '127.0.0.1' };
  return listen.apply(this, words);
};
"""


class Portkey(Peer):
    """The open gateway from npm.

    @hono/node-server is held at 1.13.8: with 1.19 it answers 500 to every stream on Node 20 (TypeError: immutable headers).
    """

    name = "portkey"
    pinned = "1.15.2"

    @classmethod
    def steps(cls) -> Sequence[Sequence[str]]:
        wanted = {
            "private": True,
            "dependencies": {"@portkey-ai/gateway": cls.pinned},
            "overrides": {"@hono/node-server": "1.13.8"},
        }
        (cls.prefix() / "package.json").write_text(json.dumps(wanted))
        (cls.prefix() / "loopback.cjs").write_text(LOOPBACK)
        return (
            (str(ROOT / "scripts/system.sh"), "npm"),
            ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"),
        )

    @property
    def headers(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{self.mock_port}/v1")

    def command(self) -> list[str]:
        script = self.prefix() / "node_modules/@portkey-ai/gateway/build/start-server.js"
        return [
            "node",
            "--require",
            str(self.prefix() / "loopback.cjs"),
            str(script),
            f"--port={self.port}",
            "--headless",
        ]

    def environment(self) -> dict[str, str]:
        return {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
