import numpy as np
import pytest

from classifiers.artefact import TASKS
from classifiers.training import certify
from classifiers.training.metrics import upper_bound
from classifiers.training.train import Trained

GAIN = np.linspace(0.0, 0.5, 1000)


def test_a_threshold_is_given_where_the_bound_holds_and_not_beyond() -> None:
    failed = (GAIN > 0.2) & (np.arange(1000) % 2 == 0)
    found = certify.certify(GAIN, failed, 0.1, 0.05)
    assert found.gain_max is not None
    assert 0.15 < found.gain_max < 0.26
    assert found.upper == pytest.approx(upper_bound(found.failures, found.trials, 0.05), abs=1e-4)
    assert found.upper <= 0.1


def test_where_the_first_rows_fail_nothing_is_certified() -> None:
    found = certify.certify(GAIN, np.arange(1000) % 4 == 0, 0.1, 0.05)
    assert found.gain_max is None
    assert found.upper > 0.1


@pytest.mark.parametrize("count", [0, 10, 59])
def test_few_rows_prove_nothing(count: int) -> None:
    found = certify.certify(GAIN[:count], np.zeros(count, dtype=bool), 0.1, 0.05)
    assert found.gain_max is None
    assert found.trials == count


def test_a_stricter_risk_never_certifies_more() -> None:
    failed = (GAIN > 0.1) & (np.arange(1000) % 3 == 0)
    limits = [certify.certify(GAIN, failed, alpha, 0.05).gain_max or -1.0 for alpha in (0.01, 0.05, 0.1, 0.3)]
    assert limits == sorted(limits)


def test_the_promise_holds_on_new_rows_most_of_the_time() -> None:
    """One in twenty may break at delta 0.05; of 200 drawn worlds at most 10 percent do."""
    chance = np.random.default_rng(4)
    broken = 0
    for _ in range(200):
        gain = chance.random(600)
        found = certify.certify(gain, chance.random(600) < 0.3 * gain, 0.1, 0.05)
        if found.gain_max is not None:
            broken += 0.3 * found.gain_max / 2 > 0.1
    assert broken <= 20


def test_every_task_has_its_own_certificate_so_that_none_borrows_one(trained: Trained) -> None:
    found = trained.manifest.thresholds.certified
    assert set(found) == {*TASKS, "*"}
    assert found["docstring"].gain_max is None  # no paired outcomes of docstrings exist


def test_labels_above_the_threshold_are_right_often_enough(trained: Trained) -> None:
    held, floors = trained.held, trained.manifest.thresholds.task
    for number, name in enumerate(TASKS):
        if floors[name] < 1.0:
            mine = (
                (held.said.argmax(axis=1) == number)
                & (held.said.max(axis=1) >= floors[name] + 0.001)
                & (held.task_source != "heldout")
            )
            assert (held.truth[mine] == number).mean() >= certify.PRECISION - 0.02, name
