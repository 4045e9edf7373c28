"""The real Node SDKs of OpenAI and Anthropic in tool loops over all nine pairs, streamed with the SDKs' own helpers and
whole, before strict vendors."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.testing.scripted import Asked, Call, Text, Thinking, Tokens, Turn
from scripts.harnesses import install
from tests.conformance.stand import MODELS, UPSTREAM, Stand, complaints
from tests.conformance.talk import CLIENTS

pytestmark = pytest.mark.harness
ROUNDS = 4
CASES = [
    {"client": client, "model": model, "stream": stream}
    for client, model, stream in itertools.product(CLIENTS, UPSTREAM, (True, False))
]
FINISH = {"chat": "stop", "responses": "completed", "messages": "end_turn"}
NEEDED = ("node22", "sdk-openai", "sdk-anthropic")


def turn(asked: Asked) -> Turn:
    """Two calls in each round, and a word at the end."""
    done = sum(step.kind == "result" for step in asked.steps) // 2
    if done >= ROUNDS:
        return Turn((Text("All read: é你."),), tokens=Tokens(900, 40, cached=300))
    calls = (Call("read", {"path": f"{done}a ä"}), Call("read", {"path": f"{done}b 你"}))
    return Turn((Thinking(f"Round {done}."), Text(f"Round {done}."), *calls))


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Any, Any]]:
    """What the SDKs made of each case, from one run of node; and what the vendors objected to."""
    if absent := [name for name in NEEDED if name in install.missing()]:
        reason = f"not installed: {', '.join(absent)}; `make test-harnesses` installs them"
        pytest.fail(reason)  # to skip them would hide a missing install
    stand = Stand(tmp_path_factory.mktemp("node")).open()
    try:
        vendors = {MODELS[m][0]: stand.script(m, *[turn] * 10_000) for m in UPSTREAM}
        folder = install.cache()
        node = folder / "node22/node_modules/node/bin/node"
        ran = subprocess.run(
            [str(node), str(Path(__file__).with_name("sdk.cjs")), stand.base, str(folder), json.dumps(CASES)],
            capture_output=True,
            timeout=110,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path_factory.mktemp("home"))},
        )
        assert ran.returncode == 0, ran.stderr.decode()
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        found = {(line["client"], line["model"], line["stream"]): line for line in lines}
        yield found | {"objections": [c for vendor in vendors.values() for c in complaints(vendor.requests)]}
    finally:
        stand.close()


@pytest.mark.parametrize("model", list(UPSTREAM))
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_tool_loop(told: dict[Any, Any], client: str, model: str, stream: bool) -> None:
    said = told[client, model, stream]
    assert "error" not in said, said["error"]
    assert said["calls"] == [f"{n}{name}" for n in range(ROUNDS) for name in ("a ä", "b 你")]
    assert (said["text"], said["finish"]) == ("All read: é你.", FINISH[client])
    assert (said["input"], said["output"]) == (900, 40)


def test_no_vendor_objected(told: dict[Any, Any]) -> None:
    assert told["objections"] == []
