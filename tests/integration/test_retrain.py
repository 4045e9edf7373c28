"""From a gateway's own ledger to a new classifier: sessions are driven, their outcomes seen, rows paired, and the candidate
promoted or not; by the command line, over the ledger itself and over its export."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from threadpoolctl import threadpool_limits

from classifiers.runtime import store
from classifiers.training import retrain as retraining
from classifiers.training import text
from gateway.adapters import outcomes
from gateway.cli import classifier
from gateway.cli import route as route_command
from tests.integration.gateway.test_moves import FAILED, PASSED, cycle
from tests.support.gateways import PATHS, UP, model_at, staged

SESSIONS = 140
"""Enough for the 60 pairs that are needed; of the choices in the third that is held out fewer are asked for here."""
CONFIG: dict[str, Any] = {
    "models": {
        "box/coder": model_at(UP, lane="local"),
        "api/flash": model_at(UP, lane="mid"),
        "api/opus": model_at(UP, lane="frontier"),
    },
    "routes": [{"id": "all", "to": ["box/coder", "api/opus"], "explore": 0.2}],
    "ledger": {"keep_asks": True},
}
TOOLS = [{"type": "function", "function": {"name": n, "parameters": {"type": "object"}}} for n in ("bash", "edit")]


def ask_of(number: int) -> str:
    """This team's local model is bad at docstrings and good at questions: the opposite of what ships."""
    return f"add a docstring to function {number}" if number % 2 else f"what does function {number} do?"


async def session(stage: Any, number: int) -> None:
    """An ask; on the local lane the checks of every second one fail twice, whereupon the session moves and they pass."""
    headers = {"user-agent": "opencode/1.18.33", "x-session-affinity": f"ses_{number:010d}"}

    async def send(messages: list[Any]) -> str:
        body = {"model": "auto", "messages": messages, "tools": TOOLS}
        reply = await stage.client.post(PATHS["chat"], body, headers)
        assert reply.status == 200
        return str(reply.headers["x-interlock-model"])

    said: list[Any] = [{"role": "user", "content": ask_of(number)}]
    served = await send(said)
    if served == "box/coder" and number % 2:
        said += [*cycle(1, FAILED), *cycle(3, FAILED)]
        assert await send(said) == "api/opus"
    await send([*said, *cycle(5, PASSED)])


@pytest.fixture(scope="module")
def quick() -> Any:
    """Small vocabularies, few generated asks, one thread: what is shown is the way, not the figures."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(text, "WORDS_MAX", (1200, 300))
        patch.setattr(text, "CHARS_MAX", (1200, 300))
        patch.setattr(retraining, "retrain", partial(retraining.retrain, share=0.03))
        patch.setattr(retraining, "SINGLES_MIN", 30)
        yield


def run(*arguments: str) -> Result:
    return CliRunner().invoke(classifier.COMMAND, ["retrain", "--from-ledger", *arguments])


async def ledger_of(folder: Path, count: int, config: dict[str, Any]) -> Path:
    async with staged(folder, config) as stage:
        stage.gateway.ports.classifier.load()
        for number in range(count):
            await session(stage, number)
        await stage.gateway.ports.ledger.flush()
    return folder / "ledger.sqlite"


async def test_a_teams_own_ledger_makes_a_better_classifier(tmp_path: Path, quick: Any) -> None:
    ledger = await ledger_of(tmp_path, SESSIONS, CONFIG)
    exported = CliRunner().invoke(route_command.COMMAND, ["outcomes", str(ledger)]).output
    lines = [json.loads(line) for line in exported.splitlines()]
    explored = [line for line in lines if line["propensity"] < 1]
    assert {line["group"] for line in explored} == {line["group"] for line in lines}, "each session is begun by lot"
    assert {round(line["propensity"], 2) for line in explored} == {0.9, 0.1}
    told = run(str(ledger), "--out", str(tmp_path / "classifier"))
    assert (told.exit_code, "promote: " in told.output) == (0, True), told.output
    made = store.load(tmp_path / "classifier")
    (own,) = (source for source in made.manifest.training.sources if source.name == "own-ledger")
    assert own.rows == len(lines)
    # The export as a file is the same input.
    (tmp_path / "outcomes.jsonl").write_text(exported)
    with classifier._lines(ledger) as rows:
        assert retraining.parse(rows.read_text()) == retraining.parse(exported)
    with classifier._lines(tmp_path / "outcomes.jsonl") as rows:
        assert rows.read_text() == exported
    # And a gateway takes the new one from its state directory.
    async with staged(tmp_path) as stage:
        served = stage.gateway.ports.classifier
        served.load()
        assert served.version == made.manifest.version


async def test_without_asks_there_is_nothing_to_learn_from(tmp_path: Path, quick: Any) -> None:
    ledger = await ledger_of(tmp_path, 4, {**CONFIG, "ledger": {"keep_asks": False}})
    assert list(outcomes.lines(ledger)) == []
    told = run(str(ledger), "--out", str(tmp_path / "classifier"))
    assert (told.exit_code, "keep_asks: true" in told.output) == (1, True)
