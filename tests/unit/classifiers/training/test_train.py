from pathlib import Path

import pytest

from classifiers.artefact import ArtefactError
from classifiers.features.schema import schema_hash
from classifiers.runtime.store import load
from classifiers.training import certify, train
from classifiers.training.assemble import Rows
from classifiers.training.train import ParityError, Trained, build
from tests.unit.classifiers.training.conftest import MADE


def test_what_is_written_is_what_serving_loads(trained: Trained, tmp_path: Path) -> None:
    trained.write(tmp_path / "model")
    manifest = load(tmp_path / "model").manifest
    assert manifest == trained.manifest
    assert manifest.schema == schema_hash()
    assert manifest.version.startswith("2026-11-21-")
    assert {source.licence for source in manifest.training.sources} == {"Apache-2.0", "MIT"}


def test_a_changed_graph_is_refused(trained: Trained, tmp_path: Path) -> None:
    trained.write(tmp_path / "model")
    with (tmp_path / "model" / "lanes.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtefactError, match="digest differs"):
        load(tmp_path / "model")


def test_training_again_gives_the_same_bytes(trained: Trained, rows: Rows) -> None:
    again = build(rows, made=MADE, seed=5, alpha=certify.ALPHA, sessions=500)
    assert again.manifest == trained.manifest
    assert again.files["ask.onnx"] == trained.files["ask.onnx"]
    assert again.files["lanes.onnx"] == trained.files["lanes.onnx"]


def test_graphs_that_decide_otherwise_stop_the_training(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "flips_of", lambda trained, texts: 0.002)
    with pytest.raises(ParityError, match=r"0\.200%"):
        build(rows, made=MADE, seed=5, alpha=certify.ALPHA, sessions=400)
