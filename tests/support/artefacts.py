"""A small classifier built by hand, for tests of what runs one: no training, weights that can be computed in the head.

The `ask` graph counts words and characters: each word of WORDS speaks for its task with weight 3. `ask_lanes` are fixed.
The `lanes` graph takes 0.1 from local for each failed cycle. What is unusual about a graph can be chosen by keyword.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from classifiers.artefact import (
    ASK,
    FORMAT,
    LANE_NAMES,
    LANES,
    MANIFEST,
    TASKS,
    Certificate,
    Manifest,
    Thresholds,
    Training,
    dump,
    graph_of,
)
from classifiers.features.schema import TRAJECTORY, schema_hash

WORDS = {
    "stub": "boilerplate",
    "docstring": "docstring",
    "tests": "test_scaffold",
    "fix": "single_file_edit",
    "migrate": "multi_file_refactor",
    "deadlock": "novel_reasoning",
    "overnight": "long_running",
    "why": "question",
}
ASK_LANES = (0.6, 0.7, 0.8)


def ask_graph(words: list[tuple[str, str]] | None = None, grams: list[str] | None = None, outputs: int = 8) -> bytes:
    pairs = words or list(WORDS.items())
    grams = grams or ["ab", "cd"]
    weights = np.zeros((len(pairs) + len(grams), outputs), np.float32)
    for row, (_, task) in enumerate(pairs):
        weights[row, TASKS.index(task) % outputs] = 3.0
    size = len(grams[0])
    nodes = [
        helper.make_node(
            "TfIdfVectorizer", ["tokens"], ["w"], mode="TF", min_gram_length=1, max_gram_length=1, max_skip_count=0,
            ngram_counts=[0], ngram_indexes=list(range(len(pairs))), pool_strings=[w.encode() for w, _ in pairs],
        ),
        helper.make_node(
            "TfIdfVectorizer", ["chars"], ["c"], mode="TF", min_gram_length=size, max_gram_length=size, max_skip_count=0,
            ngram_counts=[0] * size, ngram_indexes=list(range(len(grams))), pool_int64s=[ord(s) for g in grams for s in g],
        ),
        helper.make_node("Concat", ["w", "c"], ["x"], axis=0),
        helper.make_node("MatMul", ["x", "weights"], ["y"]),
        helper.make_node("Softmax", ["y"], ["task"], axis=0),
        helper.make_node("Identity", ["fixed"], ["ask_lanes"]),
    ]  # fmt: skip
    constants = {"weights": weights, "fixed": np.array(ASK_LANES, np.float32)}
    inputs = [("tokens", TensorProto.STRING, "L"), ("chars", TensorProto.INT32, "C")]
    return _model(nodes, inputs, [("task", outputs), ("ask_lanes", len(LANE_NAMES))], constants)


def lanes_graph(width: int = len(TRAJECTORY), bias: float = 0.0) -> bytes:
    per = np.zeros((len(TRAJECTORY), len(LANE_NAMES)), np.float32)
    per[TRAJECTORY.index("cycles_failed"), 0] = -0.1
    nodes = [
        helper.make_node("MatMul", ["trajectory", "per"], ["moved"]),
        helper.make_node("Mul", ["task", "nothing"], ["unused"]),
        helper.make_node("ReduceSum", ["unused"], ["zero"], keepdims=1),
        helper.make_node("Add", ["ask_lanes", "moved"], ["sum"]),
        helper.make_node("Add", ["sum", "zero"], ["sum2"]),
        helper.make_node("Add", ["sum2", "bias"], ["lanes"]),
    ]
    constants = {
        "per": per[:width],
        "nothing": np.zeros(1, np.float32),
        "bias": np.array([bias], np.float32),
    }
    inputs = [
        ("task", TensorProto.FLOAT, 8),
        ("ask_lanes", TensorProto.FLOAT, 3),
        ("trajectory", TensorProto.FLOAT, width),
    ]
    return _model(nodes, inputs, [("lanes", len(LANE_NAMES))], constants)


def _model(nodes: list[Any], inputs: list[Any], outputs: list[tuple[str, int]], constants: dict[str, Any]) -> bytes:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, kind, [size]) for name, kind, size in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [size]) for name, size in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def manifest_of(graphs: dict[str, bytes], /, **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "format": FORMAT,
        "version": "test-1",
        "engine": "onnx",
        "schema": schema_hash(),
        "graphs": {name: graph_of(f"{name}.onnx", data) for name, data in graphs.items()},
        "tasks": TASKS,
        "lanes": LANE_NAMES,
        "thresholds": Thresholds(
            task=dict.fromkeys(TASKS, 0.5),
            certified={
                "docstring": Certificate(gain_max=0.3, alpha=0.1, delta=0.05, trials=90, failures=2, upper=0.07)
            },
        ),
        "training": Training(sha256="0" * 64, rows=1, seed=1, made="2026-11-21", sources=()),
        "metrics": {},
    }
    return Manifest(**{**fields, **changes})


def write(folder: Path, graphs: dict[str, bytes] | None = None, **changes: Any) -> Path:
    """A classifier in `folder`; `changes` are fields of its manifest."""
    graphs = graphs or {ASK: ask_graph(), LANES: lanes_graph()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in graphs.items():
        (folder / f"{name}.onnx").write_bytes(data)
    (folder / MANIFEST).write_bytes(dump(manifest_of(graphs, **changes)))
    return folder
