import pytest

from classifiers.artefact import TASKS, Certificate, Thresholds
from classifiers.runtime.decide import decide


def row(task: str, p: float) -> list[float]:
    rest = (1.0 - p) / (len(TASKS) - 1)
    return [p if name == task else rest for name in TASKS]


def certificate(gain_max: float | None) -> Certificate:
    return Certificate(gain_max=gain_max, alpha=0.1, delta=0.05, trials=100, failures=3, upper=0.08)


LIMITS = Thresholds(
    task=dict.fromkeys(TASKS, 0.5) | {"question": 0.9},
    certified={"docstring": certificate(0.2), "question": certificate(None), "*": certificate(0.05)},
)


def test_the_likeliest_label_above_its_threshold():
    found = decide(row("docstring", 0.8), [0.7, 0.8, 0.85], LIMITS)
    assert (found.task, found.likely, found.p) == ("docstring", "docstring", 0.8)
    assert found.scores == {"local": 0.7, "mid": 0.8, "frontier": 0.85}
    assert found.gain == 0.15
    assert found.certified


def test_below_its_threshold_there_is_no_label():
    found = decide(row("question", 0.8), [0.5, 0.5, 0.5], LIMITS)
    assert found.task is None
    assert found.likely == "question"


@pytest.mark.parametrize(
    ("task", "p", "gain", "certified"),
    [
        ("docstring", 0.9, 0.2, True),
        ("docstring", 0.9, 0.21, False),
        ("boilerplate", 0.9, 0.05, True),  # no certificate of its own: the one for all
        ("boilerplate", 0.9, 0.06, False),
        ("question", 0.95, 0.0, False),  # nothing could be proven
        ("question", 0.6, 0.0, True),  # unlabelled: the one for all
    ],
)
def test_certificates(task, p, gain, certified):
    assert decide(row(task, p), [0.5, 0.5, 0.5 + gain], LIMITS).certified is certified


def test_without_certificates_nothing_is_certified():
    assert not decide(row("docstring", 0.9), [0.5] * 3, Thresholds(task=dict.fromkeys(TASKS, 0.5))).certified


def test_float_noise_stays_a_probability():
    assert decide(row("docstring", 0.9), [-0.00001, 0.5, 1.00001], LIMITS).scores == {
        "local": 0,
        "mid": 0.5,
        "frontier": 1,
    }
