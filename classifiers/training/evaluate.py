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
FRESH: Final = 4_000
"""Characters of the asks whose every word is new."""
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
    """Microseconds from the ask's text to its scores (reading and the `ask` graph), one thread, by length: processor time
    and the clock on the wall. What is promised is promised for a quiet machine; on a busy one the wall measures the
    neighbours, and processor time still holds what they take of a shared core and its caches. So the least is printed."""
    lines = [
        f"from text to scores, one thread, {runs} runs each, microseconds (judge p99 on a quiet machine)",
        f"  {'':>10}{'processor time':>27}{'wall':>18}",
        f"  {'characters':<12}{'least':>7}{'p50':>9}{'p99':>9}{'p50':>9}{'p99':>9}",
    ]
    words = " ".join(row.text for row in heldout())
    for size in SIZES:
        text = words * (size // len(words) + 1)
        lines.append(_line(f"{size}", [_timed(scorer, text[n * 7 % 997 :][:size]) for n in range(runs)]))
    tags = ("".join(chr(97 + int(digit)) for digit in str(number)) for number in range(runs))
    news = (" ".join(f"{word}{tag}" for word in words.split())[:FRESH] for tag in tags)
    lines.append(_line(f"{FRESH} new", [_timed(scorer, text) for text in news]))
    return "\n".join(lines) + "\n  (new: no word was read before; else most words are remembered)\n"


def _line(name: str, spans: list[tuple[float, float]]) -> str:
    cpu, wall = sorted(each[0] for each in spans), sorted(each[1] for each in spans)
    half, most = len(spans) // 2, int(len(spans) * 0.99)
    return f"  {name:<12}{cpu[0]:>7.0f}{cpu[half]:>9.0f}{cpu[most]:>9.0f}{wall[half]:>9.0f}{wall[most]:>9.0f}"


def _timed(scorer: OnnxScorer, text: str) -> tuple[float, float]:
    """(processor time, wall) of one ask."""
    begun, begun_wall = time.thread_time_ns(), time.perf_counter_ns()
    scorer.ask(read(text))
    ended, ended_wall = time.thread_time_ns(), time.perf_counter_ns()
    return (ended - begun) / 1000, (ended_wall - begun_wall) / 1000
