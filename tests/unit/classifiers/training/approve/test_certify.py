import numpy as np

from classifiers.training.approve.certify import certificates, certify
from classifiers.training.metrics import upper_bound


def certified(bad, good, risk=0.01, cases=None):
    scores = np.r_[bad, good]
    wanted = np.r_[np.zeros(len(bad), bool), np.ones(len(good), bool)]
    names = np.array(cases or [f"c{n}" for n in range(len(scores))])
    return certify(scores, wanted, names, risk, 0.05)


def test_the_lowest_threshold_that_holds():
    found = certified(np.full(400, 0.3), np.full(50, 0.9))
    assert (found.least, found.failures, found.trials, found.recall) == (0.5, 0, 400, 1.0)
    assert found.upper <= 0.01
    assert upper_bound(found.failures, found.trials, 0.05) <= found.risk


def test_unwanted_calls_push_it_up():
    found = certified(np.r_[np.full(400, 0.3), np.full(20, 0.8)], np.full(50, 0.9))
    assert 0.8 < found.least <= 0.9


def test_too_few_cases_prove_nothing():
    assert certified(np.full(200, 0.1), np.full(50, 0.9)).least is None
    assert certified(np.full(400, 0.1), np.full(5, 0.9)).least is None
    assert certified(np.zeros(0), np.full(50, 0.9)).least is None


def test_what_no_wanted_call_reaches_is_no_threshold():
    assert certified(np.r_[np.full(400, 0.3), np.full(20, 0.95)], np.full(50, 0.6)).least is None


def test_sessions_of_one_case_stand_and_fall_together():
    many = certified(np.full(400, 0.1), np.full(30, 0.9), cases=["one"] * 400 + ["good"] * 30)
    assert (many.trials, many.least) == (1, None)


def test_what_the_human_ruled_out_counts_as_kept_back(rows):
    found = certificates(rows, np.full(len(rows), 0.99))
    assert all(held.least is None for held in found.values() if held.trials)
    assert {name for row in rows.rows for name in row.classes} == set(found)
