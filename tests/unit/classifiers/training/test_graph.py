import numpy as np
import onnx
import pytest

from classifiers.features.schema import TRAJECTORY
from classifiers.features.text import Reading, read
from classifiers.training import graph, session
from classifiers.training.assemble import Rows
from classifiers.training.generate import heldout
from classifiers.training.text import reading
from classifiers.training.train import Trained, decisions, flips_of, scorer_of


def test_graphs_decide_as_scikit_learn_does(trained: Trained, rows: Rows) -> None:
    texts = [row.text for row in (*heldout(), *rows.tasks, *rows.outcomes)]
    assert len(texts) > 1000
    assert flips_of(trained, texts) <= 0.001


def test_probabilities_differ_by_less_than_a_thousandth(trained: Trained) -> None:
    readings = [reading(row.text) for row in heldout()]
    tasks, lanes = trained.scorer.predict(readings)
    served = [scorer_of(trained).ask(each) for each in readings]
    assert np.abs(tasks - [each.task for each in served]).max() < 1e-3
    assert np.abs(lanes - [each.lanes for each in served]).max() < 1e-3


@pytest.mark.parametrize("text", ["", "?", "日本語のコメント", "x" * 50_000, "a b c " * 9_000, "\x00\ud7ff", "🙂 why"])
def test_odd_asks_agree_too(trained: Trained, text: str) -> None:
    each = read(text)
    tasks, lanes = trained.scorer.predict([each])
    served = scorer_of(trained).ask(each)
    assert tasks[0] == pytest.approx(served.task, abs=1e-3)
    assert lanes[0] == pytest.approx(served.lanes, abs=1e-3)


def test_an_ask_without_any_known_ngram_still_scores(trained: Trained) -> None:
    each = Reading(("zzqq",), read("ꙮ").chars)
    served = scorer_of(trained).ask(each)
    assert sum(served.task) == pytest.approx(1.0, abs=1e-3)


def test_session_graph_agrees_with_the_trees(trained: Trained) -> None:
    rows, _, _ = session.simulate(77, 300)
    rows = rows.astype(np.float32)
    served = scorer_of(trained)
    ask = served.ask(read("fix the parser"))
    expected = trained.trees.lanes(np.repeat([ask.lanes], len(rows), axis=0), rows)
    found = np.array([served.lanes(ask, row) for row in rows])
    assert np.abs(found - expected).max() < 1e-4
    flips = decisions(np.zeros((300, 8)), expected)[:, 1] != decisions(np.zeros((300, 8)), found)[:, 1]
    assert flips.mean() <= 0.001


def test_no_operator_needs_a_locale(trained: Trained) -> None:
    for data in (trained.files["ask.onnx"], trained.files["lanes.onnx"]):
        kinds = {node.op_type for node in onnx.load_from_string(data).graph.node}
        assert "StringNormalizer" not in kinds
        assert "Tokenizer" not in kinds


def test_the_same_scorer_gives_the_same_bytes(trained: Trained) -> None:
    assert graph.ask_graph(trained.scorer) == trained.files["ask.onnx"]
    assert graph.lanes_graph(trained.trees) == trained.files["lanes.onnx"]


def test_an_untouched_session_is_scored_as_its_ask(trained: Trained) -> None:
    served = scorer_of(trained)
    ask = served.ask(read("rename the field"))
    assert served.lanes(ask, [0.0] * len(TRAJECTORY)) == pytest.approx(ask.lanes, abs=1e-5)
