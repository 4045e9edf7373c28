"""What the model is worth: false allows at several recalls, by effect class, on families and sets it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers.approval import Manifest
from classifiers.features.approve.calls import CLASSES
from classifiers.runtime.approve import ApprovalScorer, load, shipped
from classifiers.training.approve import data
from classifiers.training.approve.generate import HELD_OUT, cases
from classifiers.training.approve.rows import Reader, Row, Rows, rows_of
from classifiers.training.generate import heldout
from classifiers.training.metrics import ece, upper_bound

RECALLS: Final = (0.3, 0.5, 0.7, 0.9)


def metrics_of(rows: Rows, scores: Any) -> dict[str, dict[str, float]]:
    """By class and "*": counts, false allows at the recalls, calibration. For the manifest."""
    kept = np.where([row.barred for row in rows.rows], 0.0, scores)
    found: dict[str, dict[str, float]] = {}
    for name in ("*", *CLASSES):
        mine = np.array([name == "*" or name in row.classes for row in rows.rows], dtype=bool)
        wanted = rows.wanted & mine
        unwanted = ~rows.wanted & mine
        if mine.any():
            found[name] = _figures(kept[wanted], kept[unwanted]) | {
                "ece": round(ece(scores[mine], rows.wanted[mine]), 4)
            }
    return found


def _figures(wanted: Any, unwanted: Any) -> dict[str, float]:
    out = {"wanted": float(len(wanted)), "unwanted": float(len(unwanted))}
    if len(wanted) and len(unwanted):
        for recall in RECALLS:
            least = float(np.quantile(wanted, 1 - recall))
            out[f"false_allow@{recall:g}"] = round(float((unwanted >= least).mean()), 5)
    return out


def report(
    model: Path | None, folder: Path | None, read: Reader, *, tell: Callable[[str], None] = lambda _: None
) -> str:
    """The shipped model or one of a folder; with `folder`, also on the test sets of the policy data. ArtefactError,
    SourceError."""
    scorer = ApprovalScorer(load(model or shipped()))
    manifest = scorer.manifest
    lines = [
        f"auto-approval {manifest.version} (features {manifest.schema[:12]}, "
        f"{manifest.training.rows} rows, seed {manifest.training.seed})",
        "",
        "families held out one after the other: false allows at the threshold that lets this share of wanted calls pass",
        *_table(manifest.metrics),
        "",
        f"thresholds: false allows of cases at most {_risk(manifest):g} "
        f"with confidence {1 - _delta(manifest):g} (Clopper-Pearson), on the same families",
        *_certificates(manifest),
    ]
    tell("reading the held-out family")
    held = rows_of([case for case in cases(manifest.training.seed) if case.source == HELD_OUT], read)
    scores = score(scorer, held)
    lines += [
        "",
        f"{HELD_OUT}: a family that no model, feature or threshold has seen",
        *_table(metrics_of(held, scores)),
    ]
    lines += ["  " + decided(manifest, held, scores)]
    if folder is not None:
        asks = [
            row.text
            for row in heldout()
            if row.task in ("single_file_edit", "question", "docstring", "novel_reasoning")
        ]
        lines += [
            "",
            "policy data that was only tested on (a call that cannot be read stays with a person and is no row)",
        ]
        for name, found in data.test_sets(folder, manifest.training.seed, asks).items():
            tell(f"reading {name}")
            rows = rows_of(found, read)
            lines.append(
                f"  {name}: {len(found)} calls, {sum(rows.skipped.values())} not readable; "
                + decided(manifest, rows, score(scorer, rows))
            )
    return "\n".join(lines) + "\n"


def score(scorer: ApprovalScorer, rows: Rows) -> Any:
    return np.array([scorer.score(row.vector, sorted(row.crosses)) for row in rows.rows])


def passes(manifest: Manifest, row: Row, score: float) -> bool:
    """What the gateway would decide."""
    return not row.barred and score >= manifest.least(row.classes)[0]


def decided(manifest: Manifest, rows: Rows, scores: Any) -> str:
    """At the thresholds of the artefact."""
    passed = np.array([passes(manifest, row, each) for row, each in zip(rows.rows, scores, strict=True)], dtype=bool)
    wanted = rows.wanted if len(rows) else np.zeros(0, dtype=bool)
    parts = []
    if wanted.any():
        parts.append(
            f"{int(passed[wanted].sum())} of {int(wanted.sum())} wanted calls pass ({passed[wanted].mean():.1%})"
        )
    if (~wanted).any():
        count, total = int(passed[~wanted].sum()), int((~wanted).sum())
        parts.append(
            f"{count} of {total} unwanted calls pass ({count / total:.2%}, at most {upper_bound(count, total, 0.05):.2%})"
        )
    return "; ".join(parts) or "no rows"


def _table(metrics: dict[str, dict[str, float]]) -> list[str]:
    head = (
        f"  {'class':16} {'wanted':>7} {'unwanted':>8}  "
        + "  ".join(f"{recall:>6.0%}" for recall in RECALLS)
        + "     ECE"
    )
    return [head, *(_line(name, metrics[name]) for name in ("*", *CLASSES) if name in metrics)]


def _line(name: str, held: dict[str, float]) -> str:
    shares = [held.get(f"false_allow@{recall:g}") for recall in RECALLS]
    shown = "  ".join("     -" if share is None else f"{share:6.2%}" for share in shares)
    return f"  {name:16} {held['wanted']:7.0f} {held['unwanted']:8.0f}  {shown}  {held['ece']:6.3f}"


def _certificates(manifest: Manifest) -> list[str]:
    lines = [f"  {'class':16} {'cases':>6} {'failed':>6} {'bound':>7}  {'least':>6}  {'wanted calls reaching it':>8}"]
    for name in CLASSES:
        held = manifest.thresholds.get(name)
        if held is None:
            lines.append(f"  {name:16} {0:6} {0:6} {'-':>7}  never")
        else:
            least = "never" if held.least is None else f"{held.least:6.3f}  {held.recall:8.1%}"
            lines.append(f"  {name:16} {held.trials:6} {held.failures:6} {held.upper:7.2%}  {least}")
    return lines


def _risk(manifest: Manifest) -> float:
    return max((held.risk for held in manifest.thresholds.values()), default=0.0)


def _delta(manifest: Manifest) -> float:
    return max((held.delta for held in manifest.thresholds.values()), default=0.0)
