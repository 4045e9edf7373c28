"""Real coding harnesses through the gateway to a real vLLM: the task is done, once, and the prefix cache stays warm."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from scripts.harnesses.install import install
from scripts.harnesses.run import Result, run
from tests.vllm.stage import Process, Server, metric

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1800)]

NEEDED = ("node22", "opencode", "codex")
SECONDS_MAX = 120.0  # 4 to 10 s idle, 30 s on a busy machine with two cores
RUNS = [
    ("opencode", "messages", "local/messages"),
    ("opencode", "messages", "local/chat"),
    ("opencode", "chat", "local/messages"),
    ("opencode", "chat", "lora/chat"),
    ("codex", "responses", "local/chat"),
    ("codex", "responses", "local/messages"),
    ("codex", "responses", "local/responses"),
]


@pytest.fixture(scope="session")
def harnesses() -> None:
    for name in NEEDED:
        install(name)


def counter(vllm: Server) -> Callable[[], int]:
    """How many requests vLLM has finished, asked at most once a second: the runner asks ten times as often."""
    seen, at = 0, 0.0

    def count() -> int:
        nonlocal seen, at
        if time.monotonic() - at > 1:
            seen, at = int(metric(vllm.base, "vllm:request_success_total")), time.monotonic()
        return seen

    return count


def told(found: Result, gateway: Process) -> str:
    return f"{found}\n--- the gateway said\n{gateway.log()[-3000:]}"


@pytest.mark.usefixtures("harnesses")
@pytest.mark.parametrize(("harness", "dialect", "model"), RUNS, ids=["-".join(case).replace("/", "-") for case in RUNS])
def test_harness_does_its_task(vllm: Server, gateway: Process, harness: str, dialect: str, model: str) -> None:
    asked, hit = (f"vllm:prefix_cache_{kind}_total" for kind in ("queries", "hits"))
    before = metric(vllm.base, asked), metric(vllm.base, hit)
    found = run(harness, dialect, gateway.base, model=model, limit_s=SECONDS_MAX, requests=counter(vllm))
    assert found.ok, told(found, gateway)
    assert found.exit_code == 0, told(found, gateway)
    assert "Done." in found.output, told(found, gateway)
    # The turn after the tool result repeats the first turn's 8,000 and more tokens byte for byte, so it must find them
    # in vLLM's cache, through whatever translation lies between: that is nearly half of all that was asked for.
    share = (metric(vllm.base, hit) - before[1]) / (metric(vllm.base, asked) - before[0])
    assert share > 0.4, told(found, gateway)
