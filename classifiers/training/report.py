"""What a classifier is worth, on rows held out by group: the figures, beside the routers that need no classifier.

Works on `Held` alone, so it prints the same from the file that ships as from a fresh run over a data directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from classifiers.artefact import TASKS, Thresholds
from classifiers.training.groups import SplitError
from classifiers.training.metrics import (
    apgr,
    area,
    bootstrap,
    confusion,
    cost_at_equal_quality,
    cpt,
    curve,
    ece,
    macro_f1,
)
from classifiers.training.outfold import BLIND, Held

WHAT: Final = {
    "dcrouter": "mixed tasks (LLMRouter; Llama-3.1-8B > Nemotron-51B), topics held out",
    "mmlu": "MMLU (RouteLLM; Mixtral-8x7B > GPT-4-1106), subjects held out",
    "swe": "first ask of agentic coding (SWE-bench Lite; moatless gpt-4o > claude-3.5-sonnet), repositories held out",
}
COST_RATIO: Final = 0.1
"""What the weak model costs in parts of the strong one, for money figures: about DeepSeek to Opus in routing.md 3."""
SEED: Final = 7
TARGETS: Final = {
    "dcrouter": (("apgr", 0.78, True),),
    "mmlu": (("apgr", 0.62, True), ("cpt50", 0.35, False)),
    "swe": (("ece_local", 0.05, False), ("ece_frontier", 0.05, False)),
    "tasks": (("macro_f1", 0.85, True),),
    "heldout": (("macro_f1", 0.85, True),),
}
"""Data set to (figure, bound, whether more is better): the reach of issue 4, as far as data here can show it."""


@dataclass(frozen=True)
class Pair:
    """One data set of paired outcomes."""

    name: str
    weak: Any
    strong: Any
    gain: Any
    lanes: Any
    chars: Any
    groups: Any

    @classmethod
    def of(cls, held: Held, name: str) -> Pair:
        rows = held.source == name
        lanes = held.lanes[rows]
        return cls(
            name,
            held.local[rows],
            held.frontier[rows],
            lanes[:, 2] - lanes[:, 0],
            lanes,
            held.chars[rows],
            held.group[rows],
        )

    def baselines(self) -> Iterator[tuple[str, Any]]:
        """Scores by which other routers would rank; a constant is a random mix."""
        yield "classifier", self.gain
        yield "prompt length", self.chars.astype(float)
        yield "random mix", np.zeros(len(self.weak))
        yield "oracle", self.strong - self.weak


def pairs(held: Held) -> list[Pair]:
    """The data sets of paired outcomes. SplitError where the split cannot have been by group."""
    found = [Pair.of(held, name) for name in dict.fromkeys(held.source.tolist())]
    for pair in found:
        if len(set(pair.groups.tolist())) < 2:
            raise SplitError(
                f"{pair.name}: rows name {len(set(pair.groups.tolist()))} group; a random split proves nothing"
            )
    return found


def metrics_of(held: Held, thresholds: Thresholds) -> dict[str, dict[str, float]]:
    """For the manifest: data set to figure, rounded to 4 places."""
    found = {pair.name: _pair_figures(pair) for pair in pairs(held)}
    blind = held.task_source == BLIND
    if (~blind).any():
        found["tasks"] = _task_figures(held, ~blind, thresholds)
    if blind.any():
        found[BLIND] = _task_figures(held, blind, thresholds)
    return {name: {key: round(float(value), 4) for key, value in each.items()} for name, each in found.items()}


def _pair_figures(pair: Pair) -> dict[str, float]:
    found = {"rows": float(len(pair.weak)), "always_local": pair.weak.mean(), "always_frontier": pair.strong.mean()}
    pgr = curve(pair.gain, pair.weak, pair.strong)
    low, high = bootstrap(
        pair.groups, lambda rows: apgr(pair.gain[rows], pair.weak[rows], pair.strong[rows]), SEED, 200
    )
    found |= {"apgr": area(pgr), "apgr_low": low, "apgr_high": high, "cpt50": cpt(pgr, 0.5), "cpt80": cpt(pgr, 0.8)}
    found |= {"ece_local": ece(pair.lanes[:, 0], pair.weak), "ece_frontier": ece(pair.lanes[:, 2], pair.strong)}
    return found | {"apgr_length": apgr(pair.chars, pair.weak, pair.strong)}


def _task_figures(held: Held, rows: Any, thresholds: Thresholds) -> dict[str, float]:
    said, truth = held.said[rows], held.truth[rows]
    score, each = macro_f1(truth, said.argmax(axis=1), len(TASKS))
    floor = np.array([thresholds.task[name] for name in TASKS])
    kept = said.max(axis=1) >= floor[said.argmax(axis=1)]
    right = (said.argmax(axis=1) == truth)[kept].mean() if kept.any() else float("nan")
    found = {"rows": float(len(truth)), "macro_f1": score, "abstains": 1.0 - kept.mean(), "right_if_labelled": right}
    return found | {f"f1_{name}": value for name, value in zip(TASKS, each, strict=True) if np.isfinite(value)}


# --- printing ----------------------------------------------------------------------------------------------------


def printed(held: Held, thresholds: Thresholds) -> str:
    """The report as it goes to the terminal and to docs/reference/classifier.md."""
    parts = [_printed_pair(pair) for pair in pairs(held)]
    parts += [_printed_tasks(held, thresholds), _printed_certificates(thresholds), _printed_reach(held, thresholds)]
    return "\n\n".join(parts) + "\n"


def _printed_pair(pair: Pair) -> str:
    lines = [
        f"{pair.name}: {WHAT.get(pair.name, pair.name)}",
        f"  {len(pair.weak)} items in {len(set(pair.groups.tolist()))} groups; always-local {pair.weak.mean():.3f}, "
        f"always-frontier {pair.strong.mean():.3f}",
        f"  {'router':<15}{'APGR':>7}  {'95 % interval':<15}{'CPT50':>7}{'CPT80':>7}  cost at equal quality",
    ]
    for name, score in pair.baselines():
        pgr = curve(score, pair.weak, pair.strong)
        low, high = bootstrap(pair.groups, partial(_ranked, score, pair), SEED)
        cost = cost_at_equal_quality(pgr, COST_RATIO)
        lines.append(
            f"  {name:<15}{area(pgr):>7.3f}  [{low:.3f}, {high:.3f}]{cpt(pgr, 0.5):>9.1%}{cpt(pgr, 0.8):>7.1%}  {cost:.1%}"
        )
    lines.append(_calibration(pair))
    return "\n".join(lines)


def _ranked(score: Any, pair: Pair, rows: Any) -> float:
    return apgr(score[rows], pair.weak[rows], pair.strong[rows])


def _gap(stated: Any, seen: Any, rows: Any) -> float:
    return ece(stated[rows], seen[rows])


def _calibration(pair: Pair) -> str:
    said = []
    for lane, column, seen in (("local", 0, pair.weak), ("frontier", 2, pair.strong)):
        stated = pair.lanes[:, column]
        low, high = bootstrap(pair.groups, partial(_gap, stated, seen), SEED, 200)
        said.append(f"{lane} {ece(stated, seen):.3f} [{low:.3f}, {high:.3f}]")
    return f"  ECE (10 bins of equal mass): {', '.join(said)}"


def _printed_tasks(held: Held, thresholds: Thresholds) -> str:
    lines = ["task type: each source predicted by a model that has seen none of it"]
    lines.append(
        f"  {'left out':<12}{'asks':>6}{'macro-F1':>10}  {'95 % interval':<16}{'abstains':>9}{'right if labelled':>19}"
    )
    for name in (*dict.fromkeys(held.task_source.tolist()), "(all but the blind test)"):
        rows = held.task_source == name if not name.startswith("(") else held.task_source != BLIND
        if rows.any():
            lines.append(_task_line(held, rows, thresholds, name))
    blind = held.task_source == BLIND
    if blind.any():
        lines += ["", *_per_task(held, blind), "", *_by_language(held, blind)]
    return "\n".join(lines)


def _task_line(held: Held, rows: Any, thresholds: Thresholds, name: str) -> str:
    found = _task_figures(held, rows, thresholds)
    truth, said = held.truth[rows], held.said[rows].argmax(axis=1)
    low, high = bootstrap(
        [str(number) for number in range(len(truth))], lambda i: macro_f1(truth[i], said[i], len(TASKS))[0], SEED, 200
    )
    name = "blind test" if name == BLIND else name
    return (
        f"  {name:<12}{len(truth):>6}{found['macro_f1']:>10.3f}  [{low:.3f}, {high:.3f}]  {found['abstains']:>8.1%}"
        f"{found['right_if_labelled']:>19.1%}"
    )


def _per_task(held: Held, rows: Any) -> list[str]:
    truth, said = held.truth[rows], held.said[rows].argmax(axis=1)
    _, each = macro_f1(truth, said, len(TASKS))
    table = confusion(truth, said, len(TASKS))
    head = "".join(f"{name[:9]:>10}" for name in TASKS)
    lines = ["blind test, confusion (rows: truth)", f"  {'':<20}{'F1':>6}{head}"]
    for number, name in enumerate(TASKS):
        lines.append(f"  {name:<20}{each[number]:>6.2f}" + "".join(f"{count:>10}" for count in table[number]))
    return lines


def _by_language(held: Held, rows: Any) -> list[str]:
    lines = ["blind test, share right by script"]
    for lang in sorted(set(held.task_lang[rows].tolist())):
        chosen = rows & (held.task_lang == lang)
        right = held.said[chosen].argmax(axis=1) == held.truth[chosen]
        lines.append(f"  {lang or '?':<8}{int(chosen.sum()):>5}{right.mean():>8.1%}")
    return lines


def _printed_certificates(thresholds: Thresholds) -> str:
    lines = ["certificates: local is safe up to this gain (failures that the frontier lane would have avoided)"]
    for name, found in thresholds.certified.items():
        limit = f"gain <= {found.gain_max:.3f}" if found.gain_max is not None else "nothing certified: abstains"
        lines.append(
            f"  {name:<20}{limit:<30}{found.failures} failures of {found.trials}, bound {found.upper:.3f} "
            f"(risk {found.alpha:.2f}, confidence {1 - found.delta:.0%})"
        )
    return "\n".join(lines)


def _printed_reach(held: Held, thresholds: Thresholds) -> str:
    found = metrics_of(held, thresholds)
    lines = ["reach"]
    for name, targets in TARGETS.items():
        for figure, bound, more in targets:
            if name in found:
                value = found[name][figure]
                met = value >= bound if more else value <= bound
                sign = ">=" if more else "<="
                lines.append(f"  {'met' if met else 'missed':<7} {name} {figure} {value:.3f} (wanted {sign} {bound})")
    return "\n".join(lines)
