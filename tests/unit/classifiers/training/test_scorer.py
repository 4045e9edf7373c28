import msgspec
import numpy as np
import pytest

from classifiers.artefact import TASKS
from classifiers.training.assemble import Rows
from classifiers.training.priors import P_MAX, P_MIN, PRIORS
from classifiers.training.rows import OutcomeRow, TaskRow
from classifiers.training.scorer import Scorer, fit, row_weights
from classifiers.training.text import reading

CODE = [
    reading(text) for text in ("add a docstring to parse()", "write unit tests for the importer", "what does this do?")
]


@pytest.fixture(scope="module")
def scorer(rows: Rows) -> Scorer:
    return fit(rows.tasks, rows.outcomes)


def test_probabilities_are_probabilities(scorer: Scorer) -> None:
    task, lanes = scorer.predict(CODE)
    assert task.sum(axis=1) == pytest.approx(np.ones(3))
    assert lanes.min() >= P_MIN
    assert lanes.max() <= P_MAX


def test_plain_asks_are_told_apart(scorer: Scorer) -> None:
    task, _ = scorer.predict(CODE)
    assert [TASKS[number] for number in task.argmax(axis=1)] == ["docstring", "test_scaffold", "question"]


def test_without_outcomes_the_scores_are_the_rates_that_were_set(rows: Rows) -> None:
    alone = fit([row for row in rows.tasks if row.source not in {"swe", "llmrouter"}], [])
    _, lanes = alone.predict(CODE[:1])
    prior = PRIORS["docstring"]
    assert lanes[0] == pytest.approx([prior.local, prior.mid, prior.frontier], abs=0.06)


def test_the_gain_is_learned_from_pairs_and_not_from_difficulty(rows: Rows) -> None:
    """Items that both models fail are hard and not worth more money."""
    hopeless = [_pair(f"prove conjecture {i} of topology", "hopeless", 0.0, 0.0) for i in range(60)]
    worth = [_pair(f"translate sonnet {i} into latin", "worth", 0.0, 1.0) for i in range(60)]
    scorer = fit(rows.tasks, [*rows.outcomes, *hopeless, *worth])
    _, lanes = scorer.predict([reading("prove conjecture 7 of topology"), reading("translate sonnet 7 into latin")])
    gain = lanes[:, 2] - lanes[:, 0]
    assert lanes[0, 0] < 0.4
    assert gain[1] > gain[0] + 0.3


def _pair(text: str, family: str, local: float, frontier: float) -> OutcomeRow:
    return OutcomeRow(text=text, family=family, source="t", group=text, pair="a > b", local=local, frontier=frontier)


def test_own_pairs_of_a_task_move_the_rate_that_was_set(rows: Rows) -> None:
    own = [
        msgspec.structs.replace(_pair(row.text, "docstring", 0.0, 1.0), source="own")
        for row in rows.tasks
        if row.task == "docstring" and row.source == "mix"
    ]
    before, after = fit(rows.tasks, rows.outcomes), fit(rows.tasks, [*rows.outcomes, *own])
    place = before.families.index("docstring")
    assert before.rates[place, 0] == pytest.approx(PRIORS["docstring"].gain)
    assert after.rates[place, 0] > 0.5


def test_fitting_twice_gives_the_same_weights(rows: Rows, scorer: Scorer) -> None:
    again = fit(rows.tasks, rows.outcomes)
    for name in ("task", "family", "residual", "rates"):
        assert (getattr(again, name) == getattr(scorer, name)).all(), name


def test_two_tasks_are_enough() -> None:
    rows = [
        TaskRow(text=f"{verb} number {i}", task=task, source="s", group=f"{i}")
        for i in range(8)
        for verb, task in (("fix", "single_file_edit"), ("ask", "question"))
    ]
    task, _ = fit(rows, []).predict([reading("ask number 3"), reading("fix number 3")])
    assert [TASKS[number] for number in task.argmax(axis=1)] == ["question", "single_file_edit"]
    assert task.max() <= 1.0


def test_tasks_weigh_alike_and_large_templates_less() -> None:
    weights = row_weights(["a", "a", "a", "b"], ["one", "one", "two", "three"])
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] == weights[1] == pytest.approx(weights[2] / 2**0.5)
    assert weights[3] == pytest.approx(3 * weights[2])
