import math

import numpy as np
import pytest

from classifiers.training import metrics

WEAK = np.array([1.0, 0.0, 0.0, 1.0])
STRONG = np.array([1.0, 1.0, 1.0, 1.0])


def test_a_constant_score_is_the_random_mix() -> None:
    assert metrics.apgr(np.zeros(4), WEAK, STRONG) == pytest.approx(0.5)


def test_an_oracle_reaches_all_with_half_the_calls_and_the_worst_with_none_of_them() -> None:
    assert metrics.apgr(STRONG - WEAK, WEAK, STRONG) == pytest.approx(0.75)
    assert metrics.apgr(WEAK - STRONG, WEAK, STRONG) == pytest.approx(0.25)
    pgr = metrics.curve(STRONG - WEAK, WEAK, STRONG)
    assert metrics.cpt(pgr, 0.5) == 0.25
    assert metrics.cpt(pgr, 1.0) == 0.5
    assert metrics.cost_at_equal_quality(pgr, 0.1) == pytest.approx(0.55)


def test_the_order_of_tied_items_does_not_matter() -> None:
    score = np.array([1.0, 1.0, 0.0, 0.0])
    turned = [1, 0, 3, 2]
    assert metrics.apgr(score, WEAK, STRONG) == metrics.apgr(score[turned], WEAK[turned], STRONG[turned])


def test_a_pair_without_a_gap_has_no_figure() -> None:
    assert math.isnan(metrics.apgr(np.arange(4), WEAK, WEAK))


def test_ece_of_true_and_of_false_probabilities() -> None:
    seen = np.array([0.0, 1.0] * 50)
    assert metrics.ece(np.full(100, 0.5), seen) == pytest.approx(0.0)
    assert metrics.ece(np.full(100, 0.9), seen) == pytest.approx(0.4)


def test_macro_f1_and_confusion() -> None:
    mean, each = metrics.macro_f1([0, 0, 1], [0, 1, 1], 3)
    assert each[:2] == pytest.approx([2 / 3, 2 / 3])
    assert math.isnan(each[2])
    assert mean == pytest.approx(2 / 3)
    assert metrics.confusion([0, 0, 1], [0, 1, 1], 2).tolist() == [[1, 1], [0, 1]]


@pytest.mark.parametrize(("failures", "trials", "bound"), [(0, 29, 0.0981), (5, 100, 0.1023), (0, 0, 1.0), (3, 3, 1.0)])
def test_clopper_pearson(failures: int, trials: int, bound: float) -> None:
    assert metrics.upper_bound(failures, trials, 0.05) == pytest.approx(bound, abs=1e-4)


def test_the_interval_comes_from_whole_groups_and_is_the_same_each_time() -> None:
    groups = ["a"] * 50 + ["b"] * 50
    values = np.r_[np.zeros(50), np.ones(50)]
    found = metrics.bootstrap(groups, lambda rows: float(values[rows].mean()), 1)
    assert found == (0.0, 1.0)  # of two groups, both draws of one are among 400
    assert found == metrics.bootstrap(groups, lambda rows: float(values[rows].mean()), 1)
