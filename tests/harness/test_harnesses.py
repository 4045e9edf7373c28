"""Real coding harnesses through the running gateway: they finish their task, and no fault ends worse than without it.

The vendors behind the gateway are scripted and strict (`gateway.testing.scripted`); what each harness makes of each fault
without a gateway is in `baseline.json` (`python -m scripts.harnesses.baseline` refreshes it).
"""

from __future__ import annotations

import pytest

from gateway.testing.scripted import FAULTS
from scripts.harnesses.install import VERSIONS
from scripts.harnesses.recipes import PAIRS
from scripts.harnesses.run import rank
from tests.harness.stage import BASELINE, UPSTREAMS, Case, Outcome

# Waiting for a place on the stage counts: the last case waits for all before it.
pytestmark = [pytest.mark.harness, pytest.mark.timeout(2400)]

CLEAN = [Case(harness, dialect, upstream) for harness, dialect in PAIRS for upstream in UPSTREAMS]

# One harness per dialect meets every fault; the others meet those in which harnesses differ. Chosen by cost too: a run of
# Codex takes about 2 s, of qwen-code 5, of Aider and Cline 8, of OpenCode 12.
_EVERY = (("codex", "responses", "chat"), ("qwen", "chat", "chat"), ("qwen", "messages", "messages"))
_TELLING = (
    ("opencode", "chat", "chat", """429ra 403 400ctx midstream_error cut refusal_field content_filter empty unknown_tool
        garbage_args no_done no_tool_id stop_reason_wrong index_gap ignore_stream parallel"""),
    ("opencode", "responses", "chat", "midstream_error cut garbage_args no_done reasoning parallel"),
    ("cline", "chat", "chat", """429ra 500 403 400ctx midstream_error cut refusal_field content_filter empty unknown_tool
        garbage_args no_tool_id ignore_stream parallel"""),
    ("aider", "chat", "chat", """429ra 500 403 400ctx midstream_error cut refusal content_filter empty no_done
        ignore_stream"""),
    ("opencode", "messages", "messages", """429ra 403 400ctx midstream_error cut refusal_field content_filter garbage_args
        no_done no_usage no_tool_id ignore_stream"""),
    ("qwen", "chat", "messages", """429ra 403 400ctx midstream_error cut refusal_field content_filter empty garbage_args
        no_done no_tool_id reasoning parallel"""),
    ("codex", "responses", "messages", """429ra 529 403 400ctx midstream_error cut refusal_field content_filter empty
        garbage_args no_done no_tool_id reasoning parallel ignore_stream"""),
)  # fmt: skip


# Where the gateway may end worse than no gateway, on purpose: (grades that are good enough, why).
_DELIBERATE = {
    "garbage_event": (
        "ok+1",
        "an event that cannot be read is never passed on (DESIGN decision 5); the harness asks again",
    ),
    "bad_utf8": ("ok+1", "the same"),
}


def _measured(harness: str, dialect: str) -> list[str]:
    """The faults for which it is known what this harness makes of them, in the order of the catalogue."""
    known = BASELINE["runs"][f"{harness}/{dialect}"]
    return [name for name in FAULTS if name in known]


MATRIX = [Case(h, d, up, fault) for h, d, up in _EVERY for fault in _measured(h, d)] + [
    Case(h, d, up, fault) for h, d, up, faults in _TELLING for fault in faults.split()
]


@pytest.mark.parametrize("case", CLEAN, ids=lambda case: case.id)
def test_the_task_is_done(case: Case, outcome: Outcome) -> None:
    """As without the gateway: the file is there, with no request more, and the strict vendor had nothing to object to."""
    assert outcome.result.grade(BASELINE["runs"][case.pair]["none"]["requests"]) == "ok", outcome.told()
    assert outcome.complaints == [], outcome.told()


@pytest.mark.parametrize("case", MATRIX, ids=lambda case: case.id)
def test_no_fault_ends_worse_than_without_the_gateway(case: Case, outcome: Outcome) -> None:
    usual = BASELINE["runs"][case.pair]["none"]["requests"]
    grade = outcome.result.grade(usual)
    direct = BASELINE["runs"][case.pair][case.fault]["grade"]
    floor, _ = _DELIBERATE.get(case.fault, (direct, ""))
    assert grade != "LOOP", outcome.told()
    assert rank(grade) >= min(rank(direct), rank(floor)), f"{grade}, without the gateway {direct}\n{outcome.told()}"


def test_the_baseline_is_of_these_harnesses_and_knows_every_case() -> None:
    harnesses = {name: pin["version"] for name, pin in VERSIONS.items() if pin.get("role") != "sdk"}
    assert BASELINE["versions"] == harnesses
    assert {f"{harness}/{dialect}" for harness, dialect in PAIRS} == set(BASELINE["runs"])
    unknown = [case.id for case in MATRIX if case.fault not in BASELINE["runs"][case.pair]]
    assert unknown == []
    assert {name for name, fault in FAULTS.items() if fault.surveyed} <= {case.fault for case in MATRIX}
