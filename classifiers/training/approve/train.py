"""From sessions to an artefact: read, hold families out, calibrate, certify, fit, export, check the graph, write.

Deterministic: the same sessions, data, seed and package versions give the same bytes but for the day in the manifest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from classifiers.approval import FORMAT, GRAPH_FILE, MANIFEST, Manifest, dump
from classifiers.artefact import Source, Training, graph_of
from classifiers.features.approve.vector import schema_hash
from classifiers.runtime.approve import ApprovalScorer, Stored, load
from classifiers.training.approve import data, report
from classifiers.training.approve.certify import DELTA, RISK, certificates
from classifiers.training.approve.fit import Model, calibration, fit, out_of_family, sigmoid
from classifiers.training.approve.generate import HELD_OUT, cases
from classifiers.training.approve.graph import graph_of_model
from classifiers.training.approve.rows import Reader, Rows, rows_of

SEED: Final = 20261121
TOOLS: Final = ("scikit-learn", "onnx", "numpy", "scipy")
PARITY_MAX: Final = 1e-4
"""Largest difference between a score of the graph and of scikit-learn."""
PARITY_ROWS: Final = 500


class ParityError(Exception):
    """The exported graph scores otherwise than the model that was trained."""


@dataclass(frozen=True)
class Trained:
    """What goes to disk, and what it was made from."""

    manifest: Manifest
    graph: bytes
    model: Model
    rows: Rows
    apart: Any
    """Scores of the rows by models that have not seen their family."""

    @property
    def scorer(self) -> ApprovalScorer:
        return ApprovalScorer(Stored(self.manifest, self.graph, "memory"))

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / GRAPH_FILE).write_bytes(self.graph)
        (folder / MANIFEST).write_bytes(dump(self.manifest))
        (folder / "NOTICE").write_text(data.notice(self.manifest.training.sources), encoding="utf-8")
        load(folder)


def train(
    folder: Path | None,
    read: Reader,
    *,
    made: date,
    seed: int = SEED,
    risk: float = RISK,
    repeats: int = 3,
    tell: Callable[[str], None] = lambda _: None,
) -> Trained:
    """An artefact of the sessions written for it and, with `folder`, of permissive policy data. SourceError, ParityError."""
    rows = rows_of(
        [case for case in [*cases(seed, repeats), *data.training_cases(folder, seed)] if case.source != HELD_OUT], read
    )
    tell(f"{len(rows)} rows of {len(set(rows.sources))} families; not readable: {sum(rows.skipped.values())}")
    with threadpool_limits(1):  # more threads change the order of sums
        odds = out_of_family(rows, seed)
        slope, shift = calibration(odds, rows.wanted)
        model = replace(fit(rows, seed), slope=slope, shift=shift)
    apart = sigmoid(slope * odds + shift)
    graph = graph_of_model(model)
    digest = rows.sha256()
    manifest = Manifest(
        format=FORMAT,
        version=f"approve-{made.isoformat()}-{digest[:8]}",
        engine="onnx",
        schema=schema_hash(),
        graph=graph_of(GRAPH_FILE, graph),
        thresholds=certificates(rows, apart, risk, DELTA),
        training=Training(
            sha256=digest,
            rows=len(rows),
            seed=seed,
            made=made.isoformat(),
            sources=_sources(rows),
            tools={name: version_of(name) for name in TOOLS},
        ),
        metrics=report.metrics_of(rows, apart),
    )
    trained = Trained(manifest, graph, model, rows, apart)
    _check(trained)
    return trained


def _sources(rows: Rows) -> tuple[Source, ...]:
    names, counts = np.unique(rows.sources, return_counts=True)
    made = [
        Source(
            name=str(name),
            licence=data.LICENCES.get(str(name), "Apache-2.0"),
            rows=int(count),
            sha256=rows.only(lambda row, name=name: row.source == name).sha256(),  # type: ignore[misc]
        )
        for name, count in zip(names, counts, strict=True)
    ]
    return tuple(made)


def _check(trained: Trained) -> None:
    chosen = Rows(trained.rows.rows[:: max(1, len(trained.rows) // PARITY_ROWS)], {})
    served, scorer = trained.model.scores(chosen), trained.scorer
    gap = max(
        abs(scorer.score(row.vector, sorted(row.crosses)) - score)
        for row, score in zip(chosen.rows, served, strict=True)
    )
    if gap > PARITY_MAX:
        raise ParityError(f"the graph's scores differ from the model's by up to {gap:.6f}")
