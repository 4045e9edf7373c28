from pathlib import Path

import pytest

from classifiers.training import evaluate
from classifiers.training.train import Trained


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    trained.write(tmp_path / "model")
    return tmp_path / "model"


def test_the_report_needs_no_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "RUNS", 5)
    text = evaluate.report(folder, None)
    assert "scores of held-out groups as shipped with it" in text
    assert "blind test, confusion" in text
    assert "processor time from text to scores" in text


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
