"""Interlock is started as the load tests say, with a configuration that it accepts, and answers every workload whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.settings import Settings
from loadtests import native, targets, workloads
from loadtests.runner import Bench
from loadtests.targets import Floor, Interlock, InterlockAuto
from loadtests.workloads import Amount

KINDS = ("small_c16", "medium_c16", "burst", "tool_c8", "session")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Named, `auto` and the floor, all running."""
    folder = tmp_path_factory.mktemp("bench")
    with native.Mock(folder) as mock:
        running = [kind(mock.port, folder) for kind in (Interlock, InterlockAuto, Floor)]
        try:
            for target in running:
                target.start()
            yield Bench(running, folder, folder, run_seed=1)
        finally:
            for target in running:
                target.stop()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_every_answer_is_whole(name: str, which: int, bench: Bench) -> None:
    amount = Amount(requests=1 if name == "session" else 24)
    cell = bench.cell(workloads.by_name(name), amount, bench.targets[which], 0)
    assert cell.trouble == ""
    assert cell.complete == (40 if name == "session" else 24)
    assert cell.cpu_ms > 0
    assert cell.rss_peak >= cell.rss_before > 10
    assert len(cell.turns_us) == (40 if name == "session" else 0)


def test_auto_asks_for_auto_and_the_tag_leads_to_the_right_answer(bench: Bench) -> None:
    auto = bench.targets[1]
    assert auto.model("bench-burst") == "auto"
    assert auto.headers_for("bench-burst") == ("x-interlock-tags: bench-burst",)


def test_the_configuration_has_everything_on(tmp_path: Path) -> None:
    config = Interlock(1234, tmp_path).config()
    settings = Settings.model_validate(config)
    assert set(settings.models) == set(workloads.MODELS)
    assert len(settings.routes) == 3 * len(workloads.MODELS) + 1
    assert settings.session.sticky
    assert settings.policies == targets.POLICIES


def test_a_target_that_does_not_start_says_why(tmp_path: Path) -> None:
    class Broken(Interlock):
        name = "broken"

        def config(self) -> dict[str, object]:
            return {"version": 1, "modles": {}}

    with pytest.raises(RuntimeError, match="modles"):
        Broken(1, tmp_path).start()
