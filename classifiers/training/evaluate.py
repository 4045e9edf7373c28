"""`interlock classifier evaluate`: the report of a trained classifier, from the held-out scores beside it or made anew
from data.

The scores that ship (`evaluation.npz`) hold outcomes, scores, groups and lengths of the held-out rows, no text. The
blind test is read again by the graphs themselves, and so is the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from classifiers.artefact import ArtefactError
from classifiers.features.text import read
from classifiers.runtime.onnx import OnnxScorer
from classifiers.runtime.store import Artefact, load, shipped
from classifiers.training import report as printing
from classifiers.training.assemble import assemble
from classifiers.training.generate import heldout
from classifiers.training.groups import SplitError
from classifiers.training.outfold import BLIND, Held, hold_out
from classifiers.training.sources import SourceError
from classifiers.training.text import reading

EVALUATION: Final = "evaluation.npz"
SIZES: Final = (200, 1_000, 4_000, 16_000)
"""Characters of the asks that are timed."""
RUNS: Final = 400


class Unusable(Exception):
    """There is nothing that could honestly be evaluated, and why."""


def report(model: Path | None, data: Path | None, tell: Callable[[str], None] = lambda _: None) -> str:
    """The printed report. Unusable if the model, its scores or the data cannot be used."""
    folder = model or shipped()
    try:
        artefact = load(folder)
        scorer = OnnxScorer(artefact)
        held = _held(artefact, folder.joinpath(EVALUATION), data, tell)
        held = _reread(held, scorer)
        body = printing.printed(held, artefact.manifest.thresholds)
    except (ArtefactError, SourceError, SplitError) as error:
        raise Unusable(str(error)) from error
    made = artefact.manifest
    head = (
        f"classifier {made.version} (features {made.schema[:12]}, rows {made.training.sha256[:12]}, "
        f"seed {made.training.seed})\n"
        f"scores of held-out groups {'made anew from the data given' if data else 'as shipped with it'}\n\n"
    )
    return head + body + "\n" + latencies(scorer)


def _held(artefact: Artefact, file: object, data: Path | None, tell: Callable[[str], None]) -> Held:
    if data is not None:
        return hold_out(assemble(data, artefact.manifest.training.seed), tell)[0]
    try:
        return Held.load(file.read_bytes())  # type: ignore[attr-defined]
    except OSError as error:
        raise Unusable(f"{file} is missing: give --data, or train with this version") from error


def _reread(held: Held, scorer: OnnxScorer) -> Held:
    """The blind test as the graphs read it now."""
    rows = heldout()
    others = held.task_source != BLIND
    said = np.array([scorer.ask(reading(row.text)).task for row in rows])
    from classifiers.artefact import TASKS

    return replace(
        held,
        task_source=np.r_[held.task_source[others], [BLIND] * len(rows)],
        task_lang=np.r_[held.task_lang[others], [row.lang for row in rows]],
        truth=np.r_[held.truth[others], [TASKS.index(row.task) for row in rows]],
        said=np.vstack([held.said[others], said]),
    )


def latencies(scorer: OnnxScorer, runs: int = RUNS) -> str:
    """Microseconds of processor time from the ask's text to its scores (reading and the `ask` graph), one thread, by length.
    Processor time, because on a busy machine the clock on the wall measures the neighbours."""
    lines = [
        f"processor time from text to scores, one thread, {runs} runs each",
        f"  {'characters':>10}{'p50 us':>9}{'p99 us':>9}",
    ]
    words = " ".join(row.text for row in heldout())
    for size in SIZES:
        text = words * (size // len(words) + 1)
        spans = sorted(_timed(scorer, text[shift % 997 :][:size]) for shift in range(0, runs * 7, 7))
        lines.append(f"  {size:>10}{spans[runs // 2]:>9.0f}{spans[int(runs * 0.99)]:>9.0f}")
    return "\n".join(lines) + "\n"


def _timed(scorer: OnnxScorer, text: str) -> float:
    begun = time.thread_time_ns()
    scorer.ask(read(text))
    return (time.thread_time_ns() - begun) / 1000
