from pathlib import Path

import pytest

from classifiers.training import evaluate
from classifiers.training.train import Trained, scorer_of


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    trained.write(tmp_path / "model")
    return tmp_path / "model"


def test_the_report_needs_no_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "RUNS", 5)
    text = evaluate.report(folder, None)
    assert "scores of held-out groups as shipped with it" in text
    assert "blind test, confusion" in text
    assert "from text to scores" in text


def test_both_clocks_are_printed_and_new_words_too(trained: Trained) -> None:
    lines = evaluate.latencies(scorer_of(trained), runs=5).splitlines()
    rows = {line[2:14].strip(): [float(each) for each in line[14:].split()] for line in lines[3:-1]}
    assert list(rows) == [*(str(size) for size in evaluate.SIZES), f"{evaluate.FRESH} new"]
    for least, half, most, wall_half, wall_most in rows.values():
        assert 0 < least <= half <= most
        assert 0 < wall_half <= wall_most


def test_without_the_scores_it_says_what_to_do(folder: Path) -> None:
    (folder / evaluate.EVALUATION).unlink()
    with pytest.raises(evaluate.Unusable, match="--data"):
        evaluate.report(folder, None)


def test_a_broken_model_is_not_evaluated(folder: Path) -> None:
    (folder / "ask.onnx").write_bytes(b"nothing")
    with pytest.raises(evaluate.Unusable, match="digest"):
        evaluate.report(folder, None)


def test_data_of_unknown_licence_is_not_evaluated(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(evaluate.Unusable, match="missing"):
        evaluate.report(folder, tmp_path / "empty")
