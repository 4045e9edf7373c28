"""The model as one ONNX graph without an operator that needs a locale or a random number."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from classifiers.features.approve.vector import NAMES
from classifiers.training.approve.fit import LINEAR_CLIP, Model
from classifiers.training.graph import Graph, tree_attributes


def graph_of_model(model: Model) -> bytes:
    """`features`, `pairs` -> `score`."""
    graph = Graph()
    weights = graph.constant("weights", model.weights)
    total = graph.node("ReduceSum", [graph.node("Gather", [weights, "pairs"], "picked", axis=0)], "total", keepdims=1)
    count = graph.node("Cast", [graph.node("Shape", ["pairs"], "count_whole")], "count", to=TensorProto.FLOAT)
    mean = graph.node("Div", [total, graph.node("Sqrt", [count], "length")], "scaled")
    raw = graph.node("Add", [mean, graph.constant("bias", [model.bias])], "linear_raw")
    low, high = (
        graph.constant(name, np.float32(value)) for name, value in (("low", -LINEAR_CLIP), ("high", LINEAR_CLIP))
    )
    linear = graph.node("Clip", [raw, low, high], "linear")
    wide = graph.node("Concat", ["features", linear], "wide_flat", axis=0)
    row = graph.node("Reshape", [wide, graph.constant("row", [1, -1], np.int64)], "wide")
    odds = graph.node("TreeEnsembleRegressor", [row], "odds", domain="ai.onnx.ml", **tree_attributes(model.trees))
    flat = graph.node("Reshape", [odds, graph.constant("flat", [-1], np.int64)], "odds_flat")
    sloped = graph.node("Mul", [flat, graph.constant("slope", [model.slope])], "sloped")
    graph.node("Sigmoid", [graph.node("Add", [sloped, graph.constant("shift", [model.shift])], "shifted")], "score")
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, [len(NAMES)]),
        helper.make_tensor_value_info("pairs", TensorProto.INT64, ["P"]),
    ]
    return graph.model("approve", inputs, [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1])])
