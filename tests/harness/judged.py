"""A gateway that judges tool calls, between real harnesses and a scripted model that behaves as models do: told no, it tries
once more and then reports; told that a person is asked, it makes the same call again once the person has agreed.

Behind the gateway each dialect has a vendor of its own, so that every harness meets the editing of bytes in its own dialect;
what is translated is edited in another way, and has runs of its own.
"""

from __future__ import annotations

import asyncio
import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.testing.scripted import Asked, Call, Recorded, ScriptedModel, ScriptedServer, Text, Turn
from scripts.harnesses.run import Result, run
from tests.harness.stage import JOBS, KEY, ROOT, Gateway

VENDORS = {"chat": "deepseek", "messages": "anthropic", "responses": "openai"}
"""Dialect -> provider, and the strict profile of the same name."""

POLICY = """\
version: 1
defaults: {decision: ask, ask_timeout_s: 30}
rules:
  markers:
    - {id: may, allow: {tool: [shell, write, edit], writes: "**/allowed.txt"}}
    - {id: look, allow: {tool: [read, list, search, plan]}}
    - {id: ask-first, ask: {writes: "**/asked.txt"}, message: Somebody has to look at this file first.}
    - {id: ask-and-wait, ask: {writes: "**/held.txt"}, ask_form: hold}
    - {id: ask-in-vain, ask: {writes: "**/late.txt"}, ask_form: hold, ask_timeout_s: 4}
    - {id: ask-long, ask: {writes: "**/long.txt"}, ask_form: hold, ask_timeout_s: 23}
    - id: never
      deny: {writes: "**/denied.txt"}
      message: This file is written by hand.
      alternative: Describe the change to the user.
    - {id: never-text, deny: {writes: "**/denied-text.txt"}, refusal: text}
    - {id: never-shim, deny: {writes: "**/denied-shim.txt"}, refusal: shim}
    - {id: never-retry, deny: {writes: "**/denied-retry.txt"}, refusal: retry}
    - {id: never-error, deny: {writes: "**/denied-error.txt"}, refusal: error}
"""
MODEL = """\
  {dialect}: {{provider: {provider}, base_url: "{origin}", model: scripted, api_key: "env:SCRIPTED_KEY", lane: mid}}
"""
CONFIG = """\
version: 1
models:
{models}routes:
  - {{id: default, to: [chat]}}
# Some runs end in errors on purpose: they must not open the breaker for the next.
breaker: {{failures: 1000}}
server: {{keepalive_s: 2}}
policies: [policy.yaml]
"""

MARK = "[interlock]"
_TICKET = re.compile(r"\bapr_[0-9a-f]{12}\b")
_MEMORY = "managed memory extraction subagent"
GRANTED_WITHIN_S = 60.0

# How each harness runs a command and writes a file: the tool, and its arguments given the command or (path, text).
SHELLS: Mapping[str, Callable[[str], Call]] = {
    "opencode": lambda command: Call("bash", {"command": command}),
    "codex": lambda command: Call("exec_command", {"cmd": command}),
    "cline": lambda command: Call("run_commands", {"commands": [command]}),
    "qwen": lambda command: Call("run_shell_command", {"command": command, "is_background": False}),
}
WRITERS: Mapping[str, Callable[[str, str], Call]] = {
    "opencode": lambda path, text: Call("write", {"filePath": path, "content": text}),
    "cline": lambda path, text: Call("editor", {"path": path, "new_text": text}),
    "qwen": lambda path, text: Call("write_file", {"file_path": path, "content": text}),
}


@dataclass(frozen=True, slots=True)
class Play:
    """One run. The model writes each of `files` in one turn of as many calls, by a command or with the harness's own tool
    for files. `tries`: how often it makes the call before it gives up and reports; `granted`: a person grants what is
    asked. `then`: the user comes back with this in the same session. `detour`: after a refusal the model does something
    that is allowed before it tries again."""

    harness: str
    dialect: str
    files: tuple[str, ...]
    upstream: str = ""
    tool: str = "shell"
    tries: int = 2
    granted: bool = False
    then: str = ""
    detour: bool = False

    @property
    def id(self) -> str:
        words = [self.harness, self.dialect, self.tool, *(name.removesuffix(".txt") for name in self.files)]
        words += [f"to-{self.upstream}"] if self.upstream else []
        words += [f"{self.tries}-tries"] if self.tries != 2 else []
        words += ["continued"] if self.then else []
        words += ["detour"] if self.detour else []
        return "-".join(words)


@dataclass(slots=True)
class Model:
    """What the scripted model says. It goes by the conversation that it is shown alone, as a model does."""

    play: Play
    grant: Callable[[str], None]
    offered: list[Asked] = field(default_factory=list)
    """The requests that offered the tool of this play."""

    def __call__(self, asked: Asked) -> Turn | None:
        names = {tool.name for tool in asked.tools}
        if self.calls("/x")[0].name not in names or _MEMORY in asked.text:
            return None if not names else Turn((Text("There is nothing to do."),), label="other")
        self.offered.append(asked)
        refusals = [step.text for step in asked.steps if MARK in step.text]
        last = asked.steps[-1]
        if self.play.detour and last.kind == "result":
            return self._wanders(asked, len(refusals))
        if last.kind == "result" and MARK not in last.text and all(MARK not in text for text in self._latest(asked)):
            return Turn((Text("The file is written."),), label="final")
        if not refusals:
            return self._acts(asked)
        tickets = _TICKET.findall(refusals[-1])
        if tickets and self.play.granted:
            self.grant(tickets[-1])
            return self._acts(asked)
        if len(refusals) < self.play.tries:
            return self._acts(asked)
        return self._reports(f"The answer was: {refusals[-1]}")

    def _wanders(self, asked: Asked, refusals: int) -> Turn:
        """By turns: something allowed after a refusal, the refused call after that, as long as the refusals that it
        remembers are few."""
        if MARK in asked.steps[-1].text:
            return Turn((SHELLS[self.play.harness]("printf 'it ran\\n' > allowed.txt"),), label="detour")
        return self._acts(asked) if refusals < self.play.tries else self._reports("I was refused twice.")

    @staticmethod
    def _reports(why: str) -> Turn:
        return Turn((Text(f"I may not do that, so I stop here. {why}"),), label="report")

    @staticmethod
    def _latest(asked: Asked) -> list[str]:
        """The results of the last turn."""
        found: list[str] = []
        for step in reversed(asked.steps):
            if step.kind != "result":
                break
            found.append(step.text)
        return found

    def _acts(self, asked: Asked) -> Turn:
        return Turn(tuple(self.calls(asked.folder or ".")), label="tool_call")

    def calls(self, folder: str) -> Sequence[Call]:
        harness, files = self.play.harness, self.play.files
        if self.play.tool == "shell":
            return [SHELLS[harness](f"printf 'it ran\\n' > {name}") for name in files]
        return [WRITERS[harness](f"{folder}/{name}", "it ran\n") for name in files]


@dataclass(slots=True)
class Editor:
    """What the scripted model says to Aider, which offers no tools: its edit as text and a command for the user, or (`tool`
    is "call") a tool call all the same."""

    play: Play
    offered: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Turn | None:
        if asked.edits_as_text is None:
            return None
        self.offered.append(asked)
        if self.play.tool == "call":
            return Turn(tuple(SHELLS["opencode"](f"printf 'it ran\\n' > {name}") for name in self.play.files))
        edits = [f"{name}\n```\n<<<<<<< SEARCH\n=======\nit ran\n>>>>>>> REPLACE\n```\n" for name in self.play.files]
        command = "```bash\nprintf 'it ran\\n' > command.txt\n```\n"
        return Turn((Text("\n".join([*edits, command])),), label="text_edit")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it. `turns`: requests on the task, the gateway's own among them. `granted`: what the command line said."""

    result: Result
    requests: tuple[Recorded, ...]
    offered: tuple[Asked, ...]
    verdicts: tuple[dict[str, Any], ...]
    granted: tuple[str, ...]
    log: str

    @property
    def turns(self) -> int:
        return len(self.offered)

    @property
    def complaints(self) -> list[str]:
        return [record.complaint for record in self.requests if record.complaint]

    @property
    def told(self) -> bool:
        """The user read the refusal."""
        return MARK in self.result.output

    def all(self) -> str:
        """All that is needed to understand a failure."""
        asked = "\n".join(f"{r.target} -> {r.status} {r.reply} {r.complaint}".rstrip() for r in self.requests)
        judged = "\n".join(json.dumps(told) for told in self.verdicts)
        return (
            f"{self.result}\n--- the vendor saw\n{asked}\n--- verdicts\n{judged}\n--- the gateway\n{self.log[-3000:]}"
        )


class Bench:
    """One gateway with its three vendors, and a person at the command line. One play at a time."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._servers = {d: ScriptedServer(profile=profile, api_key=KEY) for d, profile in VENDORS.items()}
        self._folder = folder
        self.gateway: Gateway | None = None

    def open(self) -> None:
        for server in self._servers.values():
            self._do(server.start())
        models = "".join(
            MODEL.format(dialect=dialect, provider=VENDORS[dialect], origin=server.origin)
            for dialect, server in self._servers.items()
        )
        self._folder.mkdir(parents=True)
        (self._folder / "policy.yaml").write_text(POLICY)
        self.gateway = Gateway(CONFIG.format(models=models), self._folder)
        self.gateway.start()

    def close(self) -> None:
        if self.gateway is not None:
            self.gateway.stop()
        for server in self._servers.values():
            self._do(server.stop())

    def play(self, play: Play) -> Played:
        gateway = self.gateway
        assert gateway is not None
        granted: list[str] = []
        upstream = play.upstream or play.dialect
        mind = (
            Editor(play)
            if play.harness == "aider"
            else Model(play, lambda ticket: granted.append(self.interlock("approvals", "grant", ticket)))
        )
        model = ScriptedModel(profile=VENDORS[upstream], api_key=KEY, turns=(mind,) * 64)  # type: ignore[arg-type]
        self._servers[upstream].model = model
        log_before, judged_before = len(gateway.log()), len(self._verdicts())
        person = threading.Thread(target=self._decides, args=(play, granted), daemon=True)
        person.start()
        result = run(
            play.harness, play.dialect, gateway.base, model=upstream, then=play.then, requests=lambda: len(model.work)
        )
        person.join(GRANTED_WITHIN_S)
        if not gateway.healthy():
            raise RuntimeError(f"the gateway died in {play.id}:\n{gateway.log()[-4000:]}")
        verdicts = tuple(self._verdicts()[judged_before:])
        log = gateway.log()[log_before:]
        return Played(result, tuple(model.requests), tuple(mind.offered), verdicts, tuple(granted), log)

    def interlock(self, *words: str) -> str:
        """What the command line says, as a user would call it."""
        assert self.gateway is not None
        command = [sys.executable, "-m", "gateway", *words, "--state-dir", str(self.gateway.state_dir)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        return (done.stdout + done.stderr).strip()

    def _decides(self, play: Play, granted: list[str]) -> None:
        """A person who watches the inbox, for calls that are held."""
        if not play.granted or "held.txt" not in play.files:
            return
        deadline = time.monotonic() + GRANTED_WITHIN_S
        while time.monotonic() < deadline:
            waiting = self.interlock("approvals", "list", "--json")
            if waiting.startswith("[") and (found := json.loads(waiting)):
                granted.append(self.interlock("approvals", "grant", found[0]["id"]))
                return
            time.sleep(0.3)

    def _verdicts(self) -> list[dict[str, Any]]:
        """The audit log of decisions so far."""
        assert self.gateway is not None
        path = self.gateway.state_dir / "audit.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [told for line in lines if (told := json.loads(line)).get("kind", "decision") == "decision"]

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


class Benches:
    """As many benches as run at a time, and the plays on them."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pool = ThreadPoolExecutor(JOBS)
        self._benches = [Bench(folder / f"bench-{number}", self._loop) for number in range(JOBS)]
        self._free: queue.SimpleQueue[Bench] = queue.SimpleQueue()
        self._futures: dict[str, Future[Played]] = {}

    def open(self) -> None:
        self._thread.start()
        for bench in self._benches:
            bench.open()
            self._free.put(bench)

    def submit(self, play: Play) -> None:
        if play.id not in self._futures:
            self._futures[play.id] = self._pool.submit(self._play, play)

    def played(self, play: Play) -> Played:
        self.submit(play)
        return self._futures[play.id].result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for bench in self._benches:
            bench.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _play(self, play: Play) -> Played:
        bench = self._free.get()
        try:
            return bench.play(play)
        finally:
            self._free.put(bench)
