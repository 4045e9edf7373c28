"""How to run each harness headless, once, against a base URL, in a home and a project of its own.

One function per harness: it writes the configuration files and returns the commands, in order; the last is the run
itself. What each expects of a base URL (with or without `/v1`) and which flags silence it was found by running them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TASK = "create hello.txt containing hi"
FILE = "hello.txt"

# The dialects each harness is driven in.
PAIRS: tuple[tuple[str, str], ...] = (
    ("opencode", "chat"),
    ("opencode", "messages"),
    ("opencode", "responses"),
    ("codex", "responses"),
    ("aider", "chat"),
    ("cline", "chat"),
    ("qwen", "chat"),
    ("qwen", "messages"),
    ("qwen", "responses"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """One run: where the harnesses are installed, its home and project, and whom to talk to. `base` has no path.
    `then`: what the user says next, in the same session; Cline resumes one in a terminal only, Aider's end at once."""

    cache: Path
    home: Path
    project: Path
    base: str
    dialect: str
    model: str = "auto"
    key: str = "sk-local-test"
    task: str = TASK
    then: str = ""

    def npm(self, harness: str, program: str) -> str:
        return str(self.cache / harness / "node_modules" / ".bin" / program)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Commands to run in order, and what they need in their environment beyond the common part."""

    commands: list[list[str]]
    environ: dict[str, str] = field(default_factory=dict)


RESUMING = frozenset({"opencode", "codex", "qwen"})
"""Harnesses that go on with a session headless."""


def opencode(place: Place) -> Recipe:
    package = {"chat": "@ai-sdk/openai-compatible", "messages": "@ai-sdk/anthropic", "responses": "@ai-sdk/openai"}
    limits = {"context": 128000, "output": 8192}
    models = {place.model: {"name": "Main", "tool_call": True, "limit": limits}}
    provider = {
        "npm": package[place.dialect],
        "name": "Gateway",
        "options": {"baseURL": place.base + "/v1", "apiKey": place.key},
        "models": models,
    }
    # Titles are asked from the small model; behind the gateway it is the same virtual model.
    names = {"model": f"gw/{place.model}", "small_model": f"gw/{place.model}"}
    config = {"$schema": "https://opencode.ai/config.json", "autoupdate": False, "share": "disabled"}
    (place.project / "opencode.json").write_text(json.dumps({**config, "provider": {"gw": provider}, **names}))
    command = [place.npm("opencode", "opencode"), "run", "--auto", "--model", f"gw/{place.model}"]
    more = [[*command, "--continue", place.then]] if place.then else []
    offline = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    return Recipe([[*command, place.task], *more], offline)


def codex(place: Place) -> Recipe:
    folder = place.home / ".codex"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        f'model = "{place.model}"\n'
        'model_provider = "gw"\n'
        'approval_policy = "never"\n'
        'sandbox_mode = "danger-full-access"\n\n'
        "[model_providers.gw]\n"
        'name = "gw"\n'
        f'base_url = "{place.base}/v1"\n'
        'wire_api = "responses"\n'
        'env_key = "GW_KEY"\n'
        "request_max_retries = 2\n"
        "stream_max_retries = 2\n"
        "stream_idle_timeout_ms = 20000\n"
    )
    command = [place.npm("codex", "codex"), "exec", "--skip-git-repo-check"]
    more = [[*command, "resume", "--last", place.then]] if place.then else []
    return Recipe([[*command, place.task], *more], {"CODEX_HOME": str(folder), "GW_KEY": place.key})


def cline(place: Place) -> Recipe:
    program = place.npm("cline", "cline")
    who = ["-k", place.key, "-m", place.model]
    return Recipe(
        [
            [program, "auth", "-p", "openai", *who, "-b", place.base + "/v1"],
            [program, "-P", "openai", *who, "--auto-approve", "true", "-t", "60", place.task],
        ]
    )


def qwen(place: Place) -> Recipe:
    kind = {"chat": "openai", "responses": "openai-responses", "messages": "anthropic"}[place.dialect]
    folder = place.home / ".qwen"
    folder.mkdir(parents=True)
    settings = {
        "security": {"auth": {"selectedType": kind}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        "telemetry": {"enabled": False},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    brand, base = ("ANTHROPIC", place.base) if place.dialect == "messages" else ("OPENAI", place.base + "/v1")
    environ = {f"{brand}_API_KEY": place.key, f"{brand}_BASE_URL": base, f"{brand}_MODEL": place.model}
    program = place.npm("qwen", "qwen")
    command = [program, "--yolo", "--auth-type", kind, "-m", place.model]
    more = [[*command, "--continue", "-p", place.then]] if place.then else []
    return Recipe([[*command, "-p", place.task], *more], environ)


def aider(place: Place) -> Recipe:
    command = [str(place.cache / "aider" / "bin" / "aider"), "--message", place.task]
    command += ["--model", f"openai/{place.model}", "--openai-api-base", place.base + "/v1"]
    command += ["--openai-api-key", place.key, "--edit-format", "diff", "--yes-always", "--no-auto-commits"]
    command += ["--no-check-update", "--analytics-disable", "--no-show-model-warnings", "--no-show-release-notes"]
    command += ["--no-gitignore"]
    # The map of prices would be fetched from the Internet at the start.
    return Recipe([command], {"LITELLM_LOCAL_MODEL_COST_MAP": "True"})


RECIPES: dict[str, Callable[[Place], Recipe]] = {
    "opencode": opencode,
    "codex": codex,
    "cline": cline,
    "qwen": qwen,
    "aider": aider,
}
