from dataclasses import replace

import numpy as np
import pytest

from classifiers.training import report
from classifiers.training.groups import SplitError
from classifiers.training.train import Trained


def test_the_report_names_every_baseline_and_data_set(trained: Trained) -> None:
    text = report.printed(trained.held, trained.manifest.thresholds)
    for word in ("mmlu", "dcrouter", "swe", "always-local", "always-frontier", "random mix", "prompt length", "oracle"):
        assert word in text, word
    for word in (
        "CPT50",
        "CPT80",
        "ECE",
        "macro-F1",
        "abstains",
        "cost at equal quality",
        "95 % interval",
        "confusion",
    ):
        assert word in text, word


def test_random_ranks_at_one_half_and_the_oracle_above_everything(trained: Trained) -> None:
    lines = [line.split() for line in report.printed(trained.held, trained.manifest.thresholds).splitlines()]
    randoms = [line for line in lines if line[:2] == ["random", "mix"]]
    assert {line[2] for line in randoms} == {"0.500"}
    assert len(randoms) == 3


def test_rows_of_one_group_are_refused(trained: Trained) -> None:
    flat = replace(trained.held, group=np.array(["all"] * len(trained.held.group)))
    with pytest.raises(SplitError, match="random split"):
        report.printed(flat, trained.manifest.thresholds)


def test_the_figures_of_the_manifest_are_those_of_the_report(trained: Trained) -> None:
    found = report.metrics_of(trained.held, trained.manifest.thresholds)
    assert found == trained.manifest.metrics
    assert {"mmlu", "dcrouter", "swe", "tasks", "heldout"} <= set(found)


def test_a_missed_target_is_called_missed(trained: Trained) -> None:
    held = replace(trained.held, said=np.roll(trained.held.said, 1, axis=1))
    assert "missed  heldout macro_f1" in report.printed(held, trained.manifest.thresholds)
