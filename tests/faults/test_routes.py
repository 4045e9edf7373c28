"""The same schedules over routes that go on with broken streams and hedge late ones.

An answer may then be made of two attempts, and its usage be a sum, so the promises that speak of the one attempt that served are
told apart (`ONE_ATTEMPT`). All others hold as they are: every request ends, well-formed, with one row; nothing is left over.
"""

import os

import pytest

from tests.faults import stage
from tests.faults.schedule import config, make
from tests.support.gateways import loaded

FIRST = int(os.environ.get("FAULTS_FIRST", "0"))
COUNT = max(1, int(os.environ.get("FAULTS_N", "2000")) // 5)
BLOCK = 80

ONE_ATTEMPT = (
    "a second answer after content",
    "content was delivered, and no usage is booked",
    "tokens are booked for",
    "output tokens are booked, the vendor reported",
    "ended well",
)


def routes(**more):
    origins = {name: f"http://{host}:80" for name, host in stage.HOSTS.items()}
    made = config(origins, policies=[str(stage._policy())])
    for route in made["routes"]:
        if len(route["to"]) > 1:
            route |= more
    return loaded(made)


GUARDED = {"continue_on": ["cut", "stall", "error"], "stall_s": 3.0, "hedge_after_s": 2.0}


@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, BLOCK))
def test_schedules(start, monkeypatch):
    whole = routes(**GUARDED)
    monkeypatch.setattr(stage, "_loaded", lambda: whole)
    joined = beaten = 0
    for seed in range(start, start + BLOCK):
        run = stage.run(make(seed))
        found = [problem for problem in run.problems if not any(words in problem for words in ONE_ATTEMPT)]
        assert found == [], f"seed {seed}: {found}"
        for row in run.rows:
            outcomes = [hop.outcome for hop in row.hops]
            beaten += "beaten" in outcomes
            joined += row.outcome == "ok" and any(hop.usage.output_tokens for hop in row.hops[:-1])
    assert joined > 0
    assert beaten > 0


@pytest.mark.parametrize("start", range(FIRST, FIRST + COUNT, BLOCK))
def test_a_route_that_hedges_only_keeps_every_promise(start, monkeypatch):
    """Nothing of the loser reaches anybody: here even the promises about one attempt hold."""
    whole = routes(hedge_after_s=2.0)
    monkeypatch.setattr(stage, "_loaded", lambda: whole)
    for seed in range(start, start + BLOCK):
        run = stage.run(make(seed))
        assert run.problems == [], f"seed {seed}: {run.problems}"
