"""What a session so far says about success: trees on the trajectory, trained on a simulation. Nothing here is measured
data.

No permissively licensed set of agent trajectories with outcomes on two models exists (routing.md 2, "known, not
included"). So a session is simulated: a hidden difficulty decides how often a cycle of edit and test fails, how often
calls fail or repeat and whether the human complains; the same difficulty, through each lane's strength, decides whether
the lane would finish from here. Its constants are chosen so that the simulated weak run has the published shape: steps
alone rank failure at AUC about 0.68 (SWE-bench Verified, 24 models), and local and frontier lanes solve about 60 and 75
%. What the trees learn is therefore a smooth, monotone summary of assumptions, no evidence. Retraining from a team's
own ledger replaces it by data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from classifiers.artefact import LANE_NAMES
from classifiers.features.schema import TRAJECTORY

SESSIONS: Final = 12_000
STRENGTH: Final = {"local": 0.65, "mid": 0.95, "frontier": 1.75}
"""Log-odds of finishing a session of middle difficulty: 0.66, 0.72, 0.85."""
SLOPE: Final = {"local": 1.5, "mid": 1.4, "frontier": 1.15}
"""What a unit of difficulty takes from them: the strong lane feels it least, so the gain grows with trouble."""
FITTED: Final = ("local", "frontier")
"""Lanes with trees of their own. The mid lane moves half way between: fitted apart, noise could put it below the local."""
FRESH: Final = 0.2
"""Share of rows that show a session in its first turn: they anchor the trees where nothing has happened."""
DOWN: Final = (
    "cycles_failed",
    "cycle_streak",
    "test_streak",
    "error_streak",
    "repeat_streak",
    "corrections",
    "distinct_edited",
)
"""More of these never speaks for a lane."""


@dataclass
class SessionTrees:
    """By lane: the trees, whose output is a change of log-odds, and what they say of an untouched session (subtracted,
    so that there the score of the ask stands as it is)."""

    models: dict[str, tuple[Any, float]] = field(default_factory=dict)

    def moves(self, trajectories: Any) -> Any:
        """Change of log-odds [N, 3] for trajectories [N, T]."""
        local, frontier = (
            self.models[lane][0].decision_function(trajectories) - self.models[lane][1] for lane in FITTED
        )
        return np.column_stack([local, (local + frontier) / 2, frontier])

    def lanes(self, ask_lanes: Any, trajectories: Any) -> Any:
        """Success of the lanes [N, 3], as the `lanes` graph gives them."""
        odds = np.log(ask_lanes / (1.0 - ask_lanes)) + self.moves(trajectories)
        return 1.0 / (1.0 + np.exp(-odds))


def simulate(seed: int, count: int = SESSIONS) -> tuple[Any, Any, Any]:
    """(trajectories [N, T], outcomes [N, 3] of finishing from here, difficulty [N])."""
    chance = np.random.default_rng(seed)
    hard = chance.normal(size=count)
    outcomes = np.column_stack(
        [chance.random(count) < _sigmoid(STRENGTH[lane] - SLOPE[lane] * hard) for lane in LANE_NAMES]
    ).astype(float)
    rows = np.array([_session(each, chance) for each in hard])
    rows[chance.random(count) < FRESH] = 0.0
    return rows, outcomes, hard


def _sigmoid(value: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-value))


def _session(hard: float, chance: np.random.Generator) -> Any:
    """The trajectory after a random number of cycles of a session of this difficulty."""
    seen = dict.fromkeys(TRAJECTORY, 0.0)
    for _ in range(1 + chance.poisson(np.exp(0.55 + 0.3 * hard))):
        _cycle(seen, hard, chance)
    if chance.random() < 0.12 + 0.1 * _sigmoid(hard):
        seen["corrections"] += 1 + chance.poisson(0.2 + 0.3 * max(0.0, hard))
        seen["corrections_since_ask"] = min(seen["corrections"], 1.0)
    seen["steps_since_ask"] = seen["steps"]
    last = chance.choice(5, p=_last(seen, hard))
    for number, name in enumerate(("last_ok", "last_error", "last_test_failure", "last_diff", "last_empty")):
        seen[name] = float(number == last)
    return np.array([seen[name] for name in TRAJECTORY])


def _last(seen: dict[str, float], hard: float) -> Any:
    failed = 0.45 if seen["test_streak"] else 0.03
    weights = np.array([0.5, 0.08 + 0.06 * _sigmoid(hard), failed, 0.25, 0.05])
    return weights / weights.sum()


def _cycle(seen: dict[str, float], hard: float, chance: np.random.Generator) -> None:
    """Reads, edits, maybe a test run: one turn of the wheel."""
    reads, edits = chance.poisson(2.0 + 0.6 * max(0.0, hard)), 1 + chance.poisson(0.5)
    seen["reads"] += reads
    seen["searches"] += chance.poisson(0.8)
    seen["edits"] += edits
    seen["distinct_read"] += chance.binomial(reads, 0.7) if reads else 0
    seen["distinct_edited"] += chance.binomial(edits, _sigmoid(-0.6 + 0.5 * hard))
    slips = chance.poisson(0.25 * np.exp(0.4 * hard))
    seen["errors"] += slips
    seen["empties"] += chance.poisson(0.1)
    seen["error_streak"] = slips if chance.random() < 0.4 else 0.0
    again = chance.poisson(0.12 * np.exp(0.6 * hard))
    seen["repeats"] += again
    seen["repeat_streak"] = again if chance.random() < 0.5 else 0.0
    seen["since_edit"], seen["since_test"] = float(chance.integers(0, 3)), seen["since_test"] + 1
    steps = reads + edits + slips + again
    if chance.random() < 0.7:
        steps += 1
        _test(seen, hard, chance)
    seen["runs"] += chance.poisson(0.5)
    seen["steps"] += steps


def _test(seen: dict[str, float], hard: float, chance: np.random.Generator) -> None:
    failed = chance.random() < _sigmoid(-0.7 + 0.9 * hard)
    seen["runs"] += 1
    seen["tests"] += 1
    seen["cycles"] += 1
    seen["since_test"] = 0.0
    if failed:
        for name in ("tests_failed", "cycles_failed", "test_streak", "cycle_streak", "errors"):
            seen[name] += 1
    else:
        seen["test_streak"] = seen["cycle_streak"] = seen["error_streak"] = 0.0


def fit(rows: Any, outcomes: Any, weights: Any = None, seed: int = 0) -> SessionTrees:
    """One set of trees per fitted lane, boosted on log loss, so that their sum is a log-odds of finishing."""
    trees = SessionTrees()
    down = [-1 if name in DOWN else 0 for name in TRAJECTORY]
    for lane in FITTED:
        model = HistGradientBoostingClassifier(
            max_iter=80,
            max_depth=3,
            learning_rate=0.08,
            min_samples_leaf=40,
            l2_regularization=1.0,
            monotonic_cst=down,
            early_stopping=False,
            random_state=seed,
        )
        model.fit(rows, outcomes[:, LANE_NAMES.index(lane)].astype(int), sample_weight=weights)
        untouched = model.decision_function(np.zeros((1, len(TRAJECTORY))))
        trees.models[lane] = (model, float(np.float32(untouched[0])))
    return trees
