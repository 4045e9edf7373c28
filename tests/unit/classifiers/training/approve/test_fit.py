import numpy as np
import pytest

from classifiers.training.approve.fit import LINEAR_CLIP, calibration, fit, out_of_family, sigmoid


def test_a_model_tells_wanted_from_unwanted_in_a_family_it_has_not_seen(rows):
    odds = out_of_family(rows, 7)
    wanted = rows.wanted
    ranks = odds.argsort().argsort()
    auc = (ranks[wanted].mean() - (wanted.sum() - 1) / 2) / (~wanted).sum()
    assert auc > 0.75
    assert np.array_equal(odds, out_of_family(rows, 7))


def test_the_linear_part_is_bounded(rows):
    linear = fit(rows, 7).linear(rows.rows)
    assert np.abs(linear).max() <= LINEAR_CLIP
    assert len(linear) == len(rows)


def test_calibration_says_what_is_seen():
    chance = np.random.default_rng(3)
    odds = chance.normal(0, 3, 20_000)
    seen = chance.random(20_000) < sigmoid(0.5 * odds - 1)
    slope, shift = calibration(odds, seen)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert shift == pytest.approx(-1, abs=0.1)
