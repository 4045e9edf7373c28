"""The same ask goes the same way, whichever harness wraps it, in whatever dialect, with however many tools.

Each ask is sent to the dry run of a whole gateway in every envelope with no, ten and a hundred tools; its task and lane in a
bare chat request are what the others are held to. At least 98 % must agree, over all and within each envelope 95 %. The
suite runs with the rules, and with the classifier that ships if one does (issue 4).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from classifiers.runtime import store
from tests.invariance.asks import ASKS
from tests.invariance.envelopes import ENVELOPES
from tests.support.artefacts import write
from tests.support.gateways import staged

SAME = 0.98
SAME_EACH = 0.95
TOOLS = (0, 10, 100)
OWN = ("bash", "edit", "glob", "grep", "read", "write", "webfetch", "todowrite", "task", "skill")


def tools_of(number: int) -> tuple[str, ...]:
    more = (f"crm_record_{n}" for n in range(max(0, number - len(OWN))))
    return (*OWN, *more)[:number]


KINDS = ("rules", "made by hand", *(["shipped"] if store.exists(store.shipped()) else []))


@pytest.fixture(params=KINDS)
def classifier(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Which classifier answers; the one that ships as soon as there is one."""
    if request.param == "made by hand":
        write(tmp_path / "classifier")
    return str(request.param)


async def labels(client: Any, name: str, ask: str, tools: int) -> tuple[str, str | None, str]:
    dialect, body, headers = ENVELOPES[name](ask, tools_of(tools))
    reply = await client.post(f"/v1/route?dialect={dialect}", json.dumps(body).encode(), headers)
    assert reply.status == 200, (name, reply.body[:300])
    said = json.loads(reply.body)
    return said["lane"], said["task"], said["call"]


async def test_the_wrapping_does_not_change_the_way(classifier: str, tmp_path: Path) -> None:
    async with staged(tmp_path, LANES) as stage:
        if classifier != "rules":
            await asyncio.to_thread(stage.gateway.ports.classifier.load)  # type: ignore[attr-defined]
            assert stage.gateway.ports.classifier.version != "rules-1"
        same: Counter[str] = Counter()
        strays: list[str] = []
        for ask in ASKS:
            lane, task, _ = await labels(stage.client, "bare chat", ask, 10)
            for name in ENVELOPES:
                for tools in TOOLS:
                    found = await labels(stage.client, name, ask, tools)
                    if found[:2] == (lane, task):
                        same[name] += 1
                    else:
                        strays.append(f"{name}, {tools} tools: {ask[:50]!r} {found} instead of {(lane, task)}")
    each = len(ASKS) * len(TOOLS)
    shares = {name: same[name] / each for name in ENVELOPES}
    print(f"{classifier}: {sum(same.values())} of {each * len(ENVELOPES)} the same; {len(ASKS)} asks")
    assert sum(shares.values()) / len(shares) >= SAME, strays[:20]
    assert min(shares.values()) >= SAME_EACH, (shares, strays[:20])


async def test_the_asks_are_not_all_alike(tmp_path: Path) -> None:
    """A classifier that always answers the same would pass the test above."""
    async with staged(tmp_path, LANES) as stage:
        found = [await labels(stage.client, "bare chat", ask, 10) for ask in ASKS]
    assert len({task for _, task, _ in found}) >= 7
    assert len({lane for lane, _, _ in found}) >= 3
    assert len(ASKS) >= 60


def _model(lane: str) -> dict[str, Any]:
    return {
        "provider": "openai_compatible",
        "base_url": "http://up.test",
        "model": f"m-{lane}",
        "lane": lane,
        "context_tokens": 1_000_000,
        "cost": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0},
    }


LANES: dict[str, Any] = {
    "models": {f"up/{lane}": _model(lane) for lane in ("local", "mid", "frontier", "daemon")},
    "routes": [
        {"id": "small", "when": {"task": ["boilerplate", "docstring", "test_scaffold"]}, "to": ["up/local"]},
        {"id": "edit", "when": {"task": "single_file_edit"}, "to": ["up/local"]},
        {"id": "wide", "when": {"task": "multi_file_refactor"}, "to": ["up/mid"]},
        {"id": "hard", "when": {"task": "novel_reasoning"}, "to": ["up/frontier"]},
        {"id": "long", "when": {"task": "long_running"}, "to": ["up/daemon"]},
        {"id": "rest", "to": ["up/mid"]},
    ],
}
