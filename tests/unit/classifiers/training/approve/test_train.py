from datetime import date

import pytest

from classifiers.training.approve import train as module
from classifiers.training.approve.generate import HELD_OUT, cases
from classifiers.training.approve.train import ParityError, train
from gateway.cli._pending import read

DAY = date(2026, 1, 2)


@pytest.fixture
def few(monkeypatch):
    chosen = [case for case in cases(7, 1) if case.source in ("python", "tools", "gitwork", HELD_OUT)]
    monkeypatch.setattr(module, "cases", lambda seed, repeats: chosen)


def test_train_write_and_load(few, tmp_path):
    trained = train(None, read, made=DAY, seed=7)
    assert {source.name for source in trained.manifest.training.sources} == {"python", "tools", "gitwork"}
    assert trained.manifest.version.startswith("approve-2026-01-02-")
    assert trained.manifest.training.rows == len(trained.rows)
    trained.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"approve.onnx", "manifest.json", "NOTICE"}
    again = train(None, read, made=DAY, seed=7)
    assert (again.graph, again.manifest) == (trained.graph, trained.manifest)


def test_a_graph_that_says_otherwise_is_not_written(few, monkeypatch):
    monkeypatch.setattr(module, "PARITY_MAX", -1.0)
    with pytest.raises(ParityError):
        train(None, read, made=DAY, seed=7)
