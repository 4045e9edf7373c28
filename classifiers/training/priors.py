"""Success rates that are set, not learned: for first asks of coding work no permissively licensed paired outcomes
exist. Pure.

Each row names where its figures come from. They put the tasks in an order of magnitude; what they say about one request
is its task and nothing more (routing.md 0, point 1: the text of a coding ask says next to nothing about who will solve
it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Prior:
    """Success of the three lanes, and the source of the figures."""

    local: float
    mid: float
    frontier: float
    why: str

    @property
    def gain(self) -> float:
        return self.frontier - self.local


_JUDGED: Final = "our judgement: no published outcome for this kind of ask"

PRIORS: Final[dict[str, Prior]] = {
    "boilerplate": Prior(0.93, 0.95, 0.97, "the worked example of the routing table; " + _JUDGED),
    "docstring": Prior(0.94, 0.96, 0.97, _JUDGED),
    "test_scaffold": Prior(0.86, 0.90, 0.93, "between function-level benchmarks and boilerplate; " + _JUDGED),
    "single_file_edit": Prior(
        0.75,
        0.80,
        0.88,
        "half way between function-level benchmarks (about 0.90 / 0.95) and SWE-bench Verified items repaired in one file "
        "(Devstral-small 0.61, DeepSeek V3.2 0.65, Opus 4.5 0.80)",
    ),
    "multi_file_refactor": Prior(
        0.29,
        0.30,
        0.39,
        "SWE-bench Verified items repaired in two files (0.33 / 0.35 / 0.45) and in three or more (0.23 / 0.18 / 0.27), "
        "two to one; the mid lane is kept above the local one",
    ),
    "novel_reasoning": Prior(0.20, 0.30, 0.50, _JUDGED),
    "long_running": Prior(0.45, 0.55, 0.65, _JUDGED),
    "question": Prior(0.80, 0.86, 0.92, "learned rates of plain benchmark questions, rounded up: code is at hand"),
}
"""By task, in the order in which the lanes are priced."""
MID_SHARE: Final = 0.5
"""Where the mid lane was not run (MMLU, LLMRouter): its success is set half way between the two that were."""
P_MIN: Final = 0.01
P_MAX: Final = 0.99
"""No score claims certainty."""
