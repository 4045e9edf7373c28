"""`interlock classifier retrain`: a candidate from a team's own outcomes, promoted only if it wins on rows it has not
seen.

Input is one JSON object per line, as `interlock` exports decisions with their outcomes:

    {"ask": "...", "group": "repository or session", "lane": "local", "success": 1.0, "propensity": 0.9, "pair": "abc"}

`success` is 0 to 1 (tests passed, no correction, thumbs); `propensity` is the probability with which the router in
force chose that lane (1.0 where it did not explore); `pair` joins outcomes of the same checkpoint on two lanes. Pairs
teach gain and are scored by APGR. Outcomes of explored choices, propensity below 1, serve off-policy evaluation
(self-normalised inverse propensity), paired or not: leaving out those that a stronger lane had to take over would flatter
whoever chose the weak one. Without exploration the log cannot tell what another choice would have brought, and that is what
the verdict says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from classifiers.artefact import LANE_NAMES, TASKS, ArtefactError, Source, digest
from classifiers.runtime.onnx import OnnxScorer
from classifiers.runtime.store import load, shipped
from classifiers.training import certify, session
from classifiers.training.assemble import SEED, assemble
from classifiers.training.metrics import apgr, bootstrap
from classifiers.training.rows import OutcomeRow
from classifiers.training.sources import SourceError
from classifiers.training.text import reading
from classifiers.training.train import Trained, build, decisions, scorer_of

PAIRS_MIN: Final = 60
GROUPS_MIN: Final = 6
HOLD_OUT: Final = 0.3
"""Share of groups that the candidate never sees."""
SINGLES_MIN: Final = 100
LOSS_MAX: Final = 0.02
"""A candidate may be this much worse off-policy, at the lower end of the interval, and still be promoted."""
WEIGHT_MAX: Final = 20.0
"""Inverse propensities are cut here: one rare choice must not decide."""


class Unusable(Exception):
    """The rows cannot support a verdict, and why."""


class Feedback(msgspec.Struct, frozen=True):
    """One line. More keys may be there and are ignored."""

    ask: str
    group: str
    lane: str
    success: float
    propensity: float = 1.0
    pair: str = ""


@dataclass(frozen=True)
class Outcome:
    """`figures`: name to (shipped, candidate, low, high of the difference). `why` says what decided."""

    trained: Trained
    promoted: bool
    why: str
    figures: dict[str, tuple[float, float, float, float]]

    def printed(self) -> str:
        lines = [f"  {'':<24}{'shipped':>9}{'candidate':>11}  difference, 95 % interval"]
        for name, (old, new, low, high) in self.figures.items():
            lines.append(f"  {name:<24}{old:>9.3f}{new:>11.3f}  {new - old:+.3f} [{low:+.3f}, {high:+.3f}]")
        return "\n".join([*lines, f"{'promote' if self.promoted else 'keep the shipped one'}: {self.why}"]) + "\n"


def retrain(
    ledger: Path,
    data: Path | None,
    *,
    made: date,
    share: float = 1.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Unusable for a file that is none, or with too few pairs or groups."""
    rows = parse(ledger.read_text(encoding="utf-8"))
    pairs, singles = paired(rows), [row for row in rows if row.propensity < 1]
    groups = {row.group for row in pairs}
    if len(pairs) < PAIRS_MIN or len(groups) < GROUPS_MIN:
        raise Unusable(
            f"{len(pairs)} pairs of outcomes in {len(groups)} groups; at least {PAIRS_MIN} in {GROUPS_MIN} are needed "
            "to train and to test, each one ask on the local and on the frontier lane. Replay checkpoints on both lanes "
            "to get more"
        )
    hidden = held_groups({row.group for row in rows})
    try:
        current = OnnxScorer(load(shipped()))
        known = assemble(data, SEED, share)
    except (ArtefactError, SourceError) as error:
        raise Unusable(str(error)) from error
    known.outcomes += [_row(current, row) for row in pairs if row.group not in hidden]
    content = digest([ledger.read_bytes()])
    known.sources.append(Source(name="own-ledger", licence="LicenseRef-own", rows=len(rows), sha256=content))
    trained = build(known, made=made, seed=SEED, alpha=certify.ALPHA, sessions=int(session.SESSIONS * share), tell=tell)
    return verdict(
        trained,
        current,
        scorer_of(trained),
        [row for row in pairs if row.group in hidden],
        [row for row in singles if row.group in hidden],
    )


def parse(text: str) -> list[Feedback]:
    rows: list[Feedback] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=Feedback)
        except msgspec.MsgspecError as error:
            raise Unusable(f"line {number}: {error}") from error
        if row.lane not in LANE_NAMES or not 0 <= row.success <= 1 or not 0 < row.propensity <= 1:
            raise Unusable(
                f"line {number}: lane one of {', '.join(LANE_NAMES)}, success in [0, 1], propensity in (0, 1]"
            )
        rows.append(row)
    return rows


def paired(rows: Sequence[Feedback]) -> list[OutcomeRow]:
    """One row per `pair` that was run on the local and on the frontier lane."""
    found: dict[str, dict[str, Feedback]] = {}
    for row in rows:
        if row.pair:
            found.setdefault(row.pair, {})[row.lane] = row
    return [
        OutcomeRow(
            text=lanes["local"].ask,
            family="",
            source="own",
            group=lanes["local"].group,
            pair="own lanes",
            local=lanes["local"].success,
            mid=lanes["mid"].success if "mid" in lanes else None,
            frontier=lanes["frontier"].success,
        )
        for lanes in found.values()
        if "local" in lanes and "frontier" in lanes
    ]


def _row(current: OnnxScorer, row: OutcomeRow) -> OutcomeRow:
    """The pair counts for the task that its ask has: its rate is mixed into the one that was set."""
    task = current.ask(reading(row.text)).task
    return msgspec.structs.replace(row, family=TASKS[int(np.argmax(task))])


def held_groups(groups: set[str]) -> set[str]:
    """A third of the groups, by the hash of their names: the same ones at every retraining."""
    ranked = sorted(groups, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return set(ranked[: max(2, round(HOLD_OUT * len(ranked)))])


def verdict(
    trained: Trained, current: OnnxScorer, candidate: OnnxScorer, pairs: list[OutcomeRow], singles: list[Feedback]
) -> Outcome:
    """Promoted if the gain ranks better beyond chance on held-out pairs and nothing is lost off-policy."""
    if not pairs:
        raise Unusable("no pair fell into the held-out groups; more groups are needed")
    figures = {"APGR on held-out pairs": _by_pairs(current, candidate, pairs)}
    low = figures["APGR on held-out pairs"][2]
    if not np.isfinite(low) or low <= 0:
        return Outcome(trained, False, "its ranking is not better beyond chance on held-out pairs", figures)
    if len(singles) < SINGLES_MIN:
        why = f"off-policy evaluation needs {SINGLES_MIN} outcomes of explored choices in the held-out groups"
        return Outcome(trained, False, f"{why}; there are {len(singles)} (`explore` of a route)", figures)
    figures["success off-policy"] = _off_policy(current, candidate, singles)
    if figures["success off-policy"][2] < -LOSS_MAX:
        return Outcome(trained, False, "it may lose success off-policy", figures)
    return Outcome(trained, True, "it ranks held-out pairs better and loses nothing off-policy", figures)


def _by_pairs(current: OnnxScorer, candidate: OnnxScorer, pairs: list[OutcomeRow]) -> tuple[float, float, float, float]:
    local, frontier = np.array([row.local for row in pairs]), np.array([row.frontier for row in pairs])
    gains = [_lanes(scorer, [row.text for row in pairs]) for scorer in (current, candidate)]
    old, new = (lanes[:, 2] - lanes[:, 0] for lanes in gains)

    def better(rows: Any) -> float:
        return apgr(new[rows], local[rows], frontier[rows]) - apgr(old[rows], local[rows], frontier[rows])

    low, high = bootstrap([row.group for row in pairs], better, SEED)
    return apgr(old, local, frontier), apgr(new, local, frontier), low, high


def _lanes(scorer: OnnxScorer, texts: list[str]) -> Any:
    return np.array([scorer.ask(reading(text)).lanes for text in texts])


def _off_policy(
    current: OnnxScorer, candidate: OnnxScorer, singles: list[Feedback]
) -> tuple[float, float, float, float]:
    success = np.array([row.success for row in singles])
    taken = np.array([LANE_NAMES.index(row.lane) for row in singles])
    weight = np.minimum(1.0 / np.array([row.propensity for row in singles]), WEIGHT_MAX)
    old, new = (_chosen(scorer, singles) == taken for scorer in (current, candidate))

    def value(match: Any, rows: Any) -> float:
        weights = weight[rows] * match[rows]
        return float((weights * success[rows]).sum() / weights.sum()) if weights.sum() else float("nan")

    everything = np.arange(len(singles))
    low, high = bootstrap([row.group for row in singles], lambda rows: value(new, rows) - value(old, rows), SEED)
    return value(old, everything), value(new, everything), low, high


def _chosen(scorer: OnnxScorer, singles: list[Feedback]) -> Any:
    lanes = _lanes(scorer, [row.ask for row in singles])
    return decisions(np.zeros((len(lanes), len(TASKS))), lanes)[:, 1]
