"""A wrong artefact is refused, with what is wrong and what to do; a right one survives writing and reading."""

import json

import pytest

from classifiers.artefact import ArtefactError, digest, dump, graph_of, read, verify
from classifiers.features.schema import schema_hash
from tests.support.artefacts import manifest_of

GRAPHS = {"ask": b"a" * 10, "lanes": b"b" * 20}


def said(**changes) -> bytes:
    return dump(manifest_of(GRAPHS, **changes))


def test_what_was_written_is_read():
    manifest = manifest_of(GRAPHS)
    assert read(dump(manifest), schema=schema_hash()) == manifest
    assert dump(manifest) == dump(manifest)
    assert dump(manifest).endswith(b"}\n")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"{", "is not a manifest"),
        (b"x" * (2 << 20), "longer than"),
        (said(format=2), "its format is 2"),
        (said(schema="f" * 64), "trained on features ffffffffffff"),
        (said(tasks=("a", "b")), "its tasks are a, b"),
        (said(lanes=("local",)), "its lanes are local"),
        (said(graphs={"ask": graph_of("ask.onnx", b"")}), "its graphs are ask"),
        (said(graphs={n: graph_of("../evil", b"") for n in GRAPHS}), "a plain name"),
        (said(graphs={n: graph_of(".hidden", b"") for n in GRAPHS}), "a plain name"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_a_cure(raw, problem):
    with pytest.raises(ArtefactError, match=problem) as refused:
        read(raw, schema=schema_hash())
    assert "interlock classifier train" in refused.value.cure
    assert refused.value.problem in str(refused.value)


def test_thresholds_must_be_there_for_all_tasks_and_be_probabilities():
    for changed in ({}, {"docstring": 1.5}, {"docstring": -0.1}):
        whole = json.loads(said())
        whole["thresholds"]["task"] = whole["thresholds"]["task"] | changed if changed else {}
        with pytest.raises(ArtefactError, match="no threshold in"):
            read(json.dumps(whole).encode(), schema=schema_hash())


def test_a_certificate_for_an_unknown_task_is_refused():
    whole = json.loads(said())
    whole["thresholds"]["certified"]["poetry"] = whole["thresholds"]["certified"]["docstring"]
    with pytest.raises(ArtefactError, match="unknown tasks poetry"):
        read(json.dumps(whole).encode(), schema=schema_hash())


def test_files_must_be_those_of_the_manifest():
    manifest = manifest_of(GRAPHS)
    files = {"ask.onnx": GRAPHS["ask"], "lanes.onnx": GRAPHS["lanes"]}
    verify(manifest, files)
    with pytest.raises(ArtefactError, match=r"lanes.onnx .* is missing"):
        verify(manifest, {"ask.onnx": GRAPHS["ask"]})
    with pytest.raises(ArtefactError, match=r"lanes.onnx is not the file") as refused:
        verify(manifest, files | {"lanes.onnx": b"c" * 20})
    assert "install the package again" in refused.value.cure


def test_a_digest_tells_lists_apart_that_join_to_the_same():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"])
    assert digest([b"ab", b"c"]) == digest(iter([b"ab", b"c"]))
    assert len(digest([])) == 64
