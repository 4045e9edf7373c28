"""From probabilities to a label: thresholds, certificates, and when to say nothing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from classifiers.artefact import LANE_NAMES, TASKS, Thresholds


@dataclass(frozen=True, slots=True)
class Verdict:
    """`task` is None where no label reaches its threshold; `likely` and `p` tell the best one all the same. `scores` are
    success probabilities by lane, `gain` = frontier - local. `certified`: the gain is so small that the local lane's risk
    was proven to stay in its bound; False also where nothing could be proven. `risk` is that bound, 1.0 if
    there is none."""

    task: str | None
    likely: str
    p: float
    scores: dict[str, float]
    gain: float
    certified: bool
    risk: float = 1.0


def decide(task: Sequence[float], lanes: Sequence[float], thresholds: Thresholds) -> Verdict:
    """`task` and `lanes` as the graphs give them."""
    best = max(range(len(TASKS)), key=task.__getitem__)
    likely, p = TASKS[best], float(task[best])
    label = likely if p >= thresholds.task[likely] else None
    scores = {name: round(min(1.0, max(0.0, float(value))), 4) for name, value in zip(LANE_NAMES, lanes, strict=True)}
    gain = round(scores["frontier"] - scores["local"], 4)
    risk = _proven(label, gain, thresholds)
    return Verdict(label, likely, p, scores, gain, risk is not None, 1.0 if risk is None else risk)


def _proven(label: str | None, gain: float, thresholds: Thresholds) -> float | None:
    """The bound that was proven for requests with so small a gain; None where nothing was."""
    certificate = thresholds.certified.get(label or "*") or thresholds.certified.get("*")
    if certificate is None or certificate.gain_max is None or gain > certificate.gain_max:
        return None
    return certificate.upper
