import pytest

from classifiers.artefact import MANIFEST, ArtefactError
from classifiers.runtime import store
from tests.support.artefacts import write


def test_an_artefact_is_read_and_verified(tmp_path):
    write(tmp_path)
    assert store.exists(tmp_path)
    artefact = store.load(tmp_path)
    assert artefact.manifest.version == "test-1"
    assert set(artefact.graphs) == {"ask", "lanes"}
    assert artefact.where == str(tmp_path)


def test_a_damaged_or_missing_file_is_refused_with_its_name(tmp_path):
    assert not store.exists(tmp_path)
    with pytest.raises(ArtefactError, match=f"{MANIFEST} cannot be read"):
        store.load(tmp_path)
    write(tmp_path)
    (tmp_path / "ask.onnx").write_bytes(b"x")
    with pytest.raises(ArtefactError, match=r"ask\.onnx is not the file"):
        store.load(tmp_path)
    (tmp_path / "lanes.onnx").unlink()
    with pytest.raises(ArtefactError, match=r"lanes\.onnx cannot be read"):
        store.load(tmp_path)


def test_features_of_another_version_are_refused(tmp_path):
    write(tmp_path, schema="0" * 64)
    with pytest.raises(ArtefactError, match="trained on features 000000000000"):
        store.load(tmp_path)


def test_what_ships_can_be_used():
    """As soon as a classifier ships it must fit the features of this version."""
    if store.exists(store.shipped()):
        store.load(store.shipped())
    assert store.shipped().name == store.SHIPPED
