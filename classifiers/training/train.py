"""From rows to an artefact: fit, hold out, certify, export, check that the graphs say what scikit-learn says, write.

Deterministic: the same rows, seed and package versions give the same bytes but for the day in the manifest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from classifiers.artefact import (
    ASK,
    FORMAT,
    LANE_NAMES,
    LANES,
    MANIFEST,
    TASKS,
    Manifest,
    Source,
    Thresholds,
    Training,
    dump,
    graph_of,
)
from classifiers.features.schema import schema_hash
from classifiers.runtime.onnx import OnnxScorer
from classifiers.runtime.store import Artefact, load
from classifiers.training import certify, graph, session
from classifiers.training.assemble import SEED, Rows, assemble
from classifiers.training.generate import heldout
from classifiers.training.outfold import Held, hold_out
from classifiers.training.report import metrics_of
from classifiers.training.scorer import Scorer
from classifiers.training.text import reading

EVALUATION: Final = "evaluation.npz"
TOOLS: Final = ("scikit-learn", "onnx", "numpy", "scipy")
FLIPS_MAX: Final = 0.001
"""Share of decisions (likeliest task, cheapest lane within DELTA_LANE of the best) that may differ from
scikit-learn's."""
DELTA_LANE: Final = 0.05
FILES: Final = {ASK: "ask.onnx", LANES: "lanes.onnx"}


class ParityError(Exception):
    """The exported graphs decide otherwise than the model that was trained."""


@dataclass(frozen=True)
class Trained:
    """Everything that goes to disk, and the models it came from (for tests of parity)."""

    manifest: Manifest
    files: dict[str, bytes]
    held: Held
    scorer: Scorer
    trees: session.SessionTrees

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        (folder / MANIFEST).write_bytes(dump(self.manifest))
        load(folder)


def train(
    data: Path | None,
    *,
    made: date,
    seed: int = SEED,
    share: float = 1.0,
    alpha: float = certify.ALPHA,
    tell: Callable[[str], None] = lambda _: None,
) -> Trained:
    """An artefact of the generated asks and the data directory. SourceError, ParityError."""
    rows = assemble(data, seed, share)
    return build(rows, made=made, seed=seed, alpha=alpha, tell=tell, sessions=max(400, int(session.SESSIONS * share)))


def build(
    rows: Rows, *, made: date, seed: int, alpha: float, sessions: int, tell: Callable[[str], None] = lambda _: None
) -> Trained:
    with threadpool_limits(1):  # more threads change the order of sums, and are slower on small boxes
        held, scorer = hold_out(rows, tell)
        trajectories, outcomes, _ = session.simulate(seed, sessions)
        trees = session.fit(trajectories, outcomes, seed=seed)
    simulated = Source(
        name="simulated-sessions", licence="Apache-2.0", rows=sessions, sha256=_array_digest(trajectories)
    )
    files = {
        FILES[ASK]: graph.ask_graph(scorer),
        FILES[LANES]: graph.lanes_graph(trees),
        EVALUATION: held.dump(),
    }
    labels = certify.thresholds(held)
    chosen = Thresholds(task=labels, certified=certify.certificates(held, labels, alpha))
    digest = rows.sha256()
    manifest = Manifest(
        format=FORMAT,
        version=f"{made.isoformat()}-{digest[:8]}",
        engine="onnx",
        schema=schema_hash(),
        graphs={name: graph_of(file, files[file]) for name, file in FILES.items()},
        tasks=TASKS,
        lanes=LANE_NAMES,
        thresholds=chosen,
        training=Training(
            sha256=digest,
            rows=len(rows),
            seed=seed,
            made=made.isoformat(),
            sources=(*rows.sources, simulated),
            tools={name: version_of(name) for name in TOOLS},
        ),
        metrics=metrics_of(held, chosen),
    )
    trained = Trained(manifest, files, held, scorer, trees)
    flips = flips_of(trained, [*(row.text for row in heldout()), *rows.texts()[:: max(1, len(rows) // 2000)]])
    tell(f"parity: {flips:.4%} of decisions flip between scikit-learn and ONNX")
    if flips > FLIPS_MAX:
        raise ParityError(f"{flips:.3%} of decisions flip, at most {FLIPS_MAX:.1%} may")
    return trained


def _array_digest(values: Any) -> str:
    from classifiers.artefact import digest

    return digest([np.ascontiguousarray(values, dtype=np.float32).tobytes()])


def scorer_of(trained: Trained) -> OnnxScorer:
    graphs = {name: trained.files[file] for name, file in FILES.items()}
    return OnnxScorer(Artefact(trained.manifest, graphs, "memory"))


def flips_of(trained: Trained, texts: list[str]) -> float:
    """Share of texts on which the graphs decide otherwise than scikit-learn."""
    readings = [reading(text) for text in texts]
    tasks, lanes = trained.scorer.predict(readings)
    served = scorer_of(trained)
    asked = [served.ask(each) for each in readings]
    other = decisions(np.array([each.task for each in asked]), np.array([each.lanes for each in asked]))
    return float((decisions(tasks, lanes) != other).any(axis=1).mean())


def decisions(tasks: Any, lanes: Any) -> Any:
    """[N, 2]: the likeliest task, and the cheapest lane whose score is within DELTA_LANE of the best."""
    enough = lanes >= lanes.max(axis=1, keepdims=True) - DELTA_LANE
    return np.column_stack([tasks.argmax(axis=1), enough.argmax(axis=1)])
