"""The rule classifier labels what the pipeline places, and says how long it took by the clock it was given."""

from __future__ import annotations

from gateway.adapters.classifier import RuleClassifier
from gateway.ports import Classifier
from tests.unit.gateway.harnesses import shapes as s


class Ticking:
    """Each look at the clock costs 125 µs."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        self.time_s += 125e-6
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a classifier does not sleep")


async def test_a_human_turn_has_call_and_task() -> None:
    classifier: Classifier = RuleClassifier(Ticking())
    exchange = s.make(
        "chat", s.OPENCODE_AGENT, s.body("chat", s.OPENCODE_HEAD, ["write unit tests for x"], s.OPENCODE_TOOLS)
    )
    labels = await classifier.label(exchange)
    assert (labels.call, labels.task, labels.version) == ("main", "test_scaffold", "rules-1")
    assert labels.call_why
    assert labels.task_why
    assert labels.latency_us == 125


async def test_a_tool_result_keeps_the_task_of_its_ask() -> None:
    turns = ["write unit tests for x", ("call", "bash"), ("result", "root cause: deadlock")]
    exchange = s.make("messages", "curl/8", s.body("messages", "", turns, ("bash",)))
    labels = await RuleClassifier(Ticking()).label(exchange)
    assert (labels.call, labels.task) == ("tool_result", "test_scaffold")


async def test_housekeeping_has_no_task() -> None:
    exchange = s.make("chat", s.OPENCODE_AGENT, s.body("chat", s.TITLE_HEAD, ["write unit tests for x"]))
    labels = await RuleClassifier(Ticking()).label(exchange)
    assert (labels.call, labels.task) == ("title", None)
