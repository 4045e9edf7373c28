"""The scorer and the session trees as two ONNX graphs, one dimension each, with no operator that needs a locale.

The text half is written node by node: skl2onnx would put its own tokeniser and a StringNormalizer into the graph, which
wants en_US.UTF-8 and refuses to load in a slim container (routing.md 0, point 6), and would tokenise differently. The
trees become one operator each. Weights are float16 in the file and cast once, when the session is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from classifiers.artefact import LANE_NAMES, TASKS
from classifiers.features.schema import TRAJECTORY
from classifiers.training.priors import P_MAX, P_MIN
from classifiers.training.scorer import Scorer
from classifiers.training.session import SessionTrees
from classifiers.training.text import CHAR_GRAMS, WORD_GRAMS

OPSET: Final = 17
OPSET_ML: Final = 3
IR_VERSION: Final = 8
"""Old enough for any onnxruntime of the last years, new enough for all operators used."""


class Graph:
    """Collects nodes and constants; names are given by the caller so that the graph can be read in a viewer."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Any, kind: Any = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=kind), name))
        return name

    def weights(self, name: str, value: Any) -> str:
        """float16 in the file, float32 in use. The cast is constant and folded when the session is made."""
        half = self.constant(f"{name}_half", value, np.float16)
        return self.node("Cast", [half], name, to=TensorProto.FLOAT)

    def node(self, kind: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], name=f"n_{output}", domain=domain, **attributes)
        )
        return output

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> bytes:
        graph = helper.make_graph(self.nodes, name, list(inputs), list(outputs), self.constants)
        made = helper.make_model(
            graph,
            producer_name="interlock",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)],
        )
        onnx.checker.check_model(made)
        data: bytes = made.SerializeToString(deterministic=True)
        return data


def _floats(name: str, size: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [size])


def ask_graph(scorer: Scorer) -> bytes:
    """`tokens`, `chars` -> `task`, `ask_lanes`. See artefact."""
    graph = Graph()
    bias = graph.constant("bias", np.r_[scorer.task_b, scorer.family_b, scorer.residual_b])
    graph.node("Add", [_linear(graph, scorer), bias], "scores")
    sizes = graph.constant("sizes", [len(TASKS), len(scorer.families), 2], np.int64)
    graph.nodes.append(
        helper.make_node("Split", ["scores", sizes], ["task_raw", "family_raw", "residual"], name="n_split", axis=0)
    )
    graph.node("Softmax", ["task_raw"], "task", axis=0)
    _lanes(graph, scorer)
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.STRING, ["L"]),
        helper.make_tensor_value_info("chars", TensorProto.INT32, ["C"]),
    ]
    return graph.model("ask", inputs, [_floats("task", len(TASKS)), _floats("ask_lanes", len(LANE_NAMES))])


def _linear(graph: Graph, scorer: Scorer) -> str:
    """Both readings: n-gram counts, logged, weighted, each half scaled to length 1, times the weights. The halves go through
    every node together: on so few numbers a node costs more than its arithmetic."""
    texts = scorer.texts
    words, signs = _pool(texts.words, words=True), _pool(texts.chars, words=False)
    counts = [_counts(graph, "tokens", words[1], WORD_GRAMS), _counts(graph, "chars", signs[1], CHAR_GRAMS)]
    both = graph.node("Concat", counts, "counts", axis=0)
    flat = graph.constant("flat", [-1], np.int64)
    found = graph.node("Reshape", [graph.node("NonZero", [both], "nonzero"), flat], "found")

    def present(value: str, output: str, axis: int = 0) -> str:
        """Only the n-grams that stand in the ask: a few hundred of many thousand, so everything below is short."""
        return graph.node("Gather", [value, found], output, axis=axis)

    logged = graph.node("Log", [present(both, "present")], "logged")
    raised = graph.node("Add", [logged, graph.constant("one", [1.0])], "raised")
    halves = graph.constant("idf", _halves(texts.word_idf[words[0]], texts.char_idf[signs[0]]))
    weighted = graph.node("Mul", [present(halves, "idfs", axis=1), raised], "weighted")
    length = graph.node("ReduceL2", [weighted], "length", axes=[1], keepdims=0)
    safe = graph.node("Max", [length, graph.constant("tiny", [1e-9])], "safe")
    table = np.hstack([scorer.task, scorer.family, scorer.residual])
    ordered = np.r_[words[0], len(texts.words) + signs[0]]
    rows = present(graph.weights("weights", table[ordered]), "rows")
    products = graph.node("MatMul", [weighted, rows], "products")
    return graph.node("MatMul", [graph.node("Reciprocal", [safe], "shares"), products], "linear")


def _halves(words: Any, signs: Any) -> Any:
    """[2, V]: what an n-gram weighs, in the row of its half; 0 in the other."""
    table = np.zeros((2, len(words) + len(signs)))
    table[0, : len(words)], table[1, len(words) :] = words, signs
    return table


def _counts(graph: Graph, source: str, pool: dict[str, Any], lengths: tuple[int, int]) -> str:
    return graph.node(
        "TfIdfVectorizer",
        [source],
        f"{source}_counts",
        mode="TF",
        min_gram_length=lengths[0],
        max_gram_length=lengths[1],
        max_skip_count=0,
        **pool,
    )


def _pool(grams: Sequence[str], *, words: bool) -> tuple[Any, dict[str, Any]]:
    """(order of columns, attributes): pools are grouped by the length of the n-gram, each with where its length
    begins."""
    parts = [gram.split(" ") if words else [ord(sign) for sign in gram] for gram in grams]
    lengths = np.array([len(part) for part in parts])
    ordered = np.argsort(lengths, kind="stable")
    most = int(lengths.max())
    starts = [int(sum(length for length in lengths if length < size)) for size in range(1, most + 1)]
    flat: list[Any] = [unit for each in ordered for unit in parts[each]]
    pool = {"pool_strings": flat} if words else {"pool_int64s": flat}
    return ordered, {"ngram_counts": starts, "ngram_indexes": list(range(len(grams))), **pool}


def _lanes(graph: Graph, scorer: Scorer) -> None:
    """Family weights and residuals to `ask_lanes`, as scorer.lanes_of does it."""
    sharp = graph.node("Mul", ["family_raw", graph.constant("sharpness", [scorer.sharpness])], "family_sharp")
    family = graph.node("Softmax", [sharp], "family", axis=0)
    rates = graph.node("MatMul", [family, graph.constant("rates", scorer.rates)], "rated")
    looks = graph.node("MatMul", [family, graph.constant("bench", scorer.bench[:, None])], "looks")
    which = graph.constant("which", [0, 1, 1], np.int64)
    left = graph.node("Mul", [graph.node("Gather", ["residual", which], "residuals", axis=0), looks], "left")
    parts = graph.node("Add", [rates, left], "gain_mean_mid")
    # columns: local = mean - gain / 2, mid, frontier = mean + gain / 2
    mixing = graph.constant("mixing", [[-0.5, 0.0, 0.5], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    raw = graph.node("MatMul", [parts, mixing], "lanes_raw")
    graph.node(
        "Clip",
        [raw, graph.constant("p_min", np.float32(P_MIN)), graph.constant("p_max", np.float32(P_MAX))],
        "ask_lanes",
    )


def lanes_graph(trees: SessionTrees) -> bytes:
    """`task`, `ask_lanes`, `trajectory` -> `lanes`: log-odds of the ask moved by what the session showed."""
    graph = Graph()
    row = graph.constant("row", [1, -1], np.int64)
    wide = graph.node("Reshape", ["trajectory", row], "wide")
    local, frontier = (_trees(graph, lane, wide, model, base) for lane, (model, base) in trees.models.items())
    both = graph.node("Add", [local, frontier], "move_both")
    moves = [local, graph.node("Mul", [both, graph.constant("half", [0.5])], "move_mid"), frontier]
    flat = graph.constant("flat", [-1], np.int64)
    move = graph.node("Reshape", [graph.node("Concat", moves, "moves_wide", axis=1), flat], "moves")
    one = graph.constant("one", [1.0])
    odds = graph.node("Div", ["ask_lanes", graph.node("Sub", [one, "ask_lanes"], "against")], "odds")
    moved = graph.node("Add", [graph.node("Log", [odds], "log_odds"), move], "moved")
    # The task is an input of every such graph; this one needs it for nothing but says so without dropping it.
    unused = graph.node("Mul", ["task", graph.constant("zero", [0.0])], "task_unused")
    nothing = graph.node("ReduceSum", [unused], "nothing", keepdims=1)
    graph.node("Sigmoid", [graph.node("Add", [moved, nothing], "final")], "lanes")
    inputs = [
        _floats("task", len(TASKS)),
        _floats("ask_lanes", len(LANE_NAMES)),
        _floats("trajectory", len(TRAJECTORY)),
    ]
    return graph.model("lanes", inputs, [_floats("lanes", len(LANE_NAMES))])


def _trees(graph: Graph, lane: str, wide: str, model: Any, base: float) -> str:
    """The trees of one lane, less what they say of an untouched session."""
    output = f"trees_{lane}"
    graph.node("TreeEnsembleRegressor", [wide], output, domain="ai.onnx.ml", **tree_attributes(model))
    return graph.node("Sub", [output, graph.constant(f"base_{lane}", [[base]])], f"move_{lane}")


def tree_attributes(model: Any) -> dict[str, Any]:
    """A fitted HistGradientBoostingClassifier (two classes) as attributes of the operator.

    skl2onnx 1.20 cannot convert those of scikit-learn 1.9 (a boolean where ONNX wants an integer): the trees are read where
    skl2onnx reads them too."""
    trees = [stage[0].nodes for stage in model._predictors]
    at = [(number, place, node) for number, nodes in enumerate(trees) for place, node in enumerate(nodes)]
    leaves = [(number, place, node) for number, place, node in at if node["is_leaf"]]
    return {
        "n_targets": 1,
        "base_values": [float(np.ravel(model._baseline_prediction)[0])],
        "nodes_treeids": [number for number, _, _ in at],
        "nodes_nodeids": [place for _, place, _ in at],
        "nodes_modes": ["LEAF" if node["is_leaf"] else "BRANCH_LEQ" for _, _, node in at],
        "nodes_featureids": [0 if node["is_leaf"] else int(node["feature_idx"]) for _, _, node in at],
        "nodes_values": [0.0 if node["is_leaf"] else float(node["num_threshold"]) for _, _, node in at],
        "nodes_truenodeids": [int(node["left"]) for _, _, node in at],
        "nodes_falsenodeids": [int(node["right"]) for _, _, node in at],
        "target_treeids": [number for number, _, _ in leaves],
        "target_nodeids": [place for _, place, _ in leaves],
        "target_ids": [0] * len(leaves),
        "target_weights": [float(node["value"]) for _, _, node in leaves],
    }
