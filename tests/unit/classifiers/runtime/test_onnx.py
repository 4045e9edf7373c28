"""The graphs run, in any locale, and wrong ones are refused when they are loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from classifiers.artefact import ASK, LANES, TASKS, ArtefactError
from classifiers.features.schema import TRAJECTORY
from classifiers.features.text import read
from classifiers.runtime.onnx import OnnxScorer, options
from classifiers.runtime.store import load
from tests.support.artefacts import ASK_LANES, WORDS, ask_graph, lanes_graph, write

ZERO = [0.0] * len(TRAJECTORY)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return OnnxScorer(load(write(tmp_path_factory.mktemp("model"))))


@pytest.mark.parametrize(("word", "task"), WORDS.items())
def test_words_speak_for_their_tasks(scorer, word, task):
    scores = scorer.ask(read(f"please {word.upper()} it"))
    assert TASKS[max(range(8), key=scores.task.__getitem__)] == task
    assert sum(scores.task) == pytest.approx(1.0, abs=1e-5)
    assert scores.lanes == pytest.approx(ASK_LANES)


def test_the_session_moves_the_lanes(scorer):
    ask = scorer.ask(read("fix it"))
    failed = [2.0 if name == "cycles_failed" else 0.0 for name in TRAJECTORY]
    assert scorer.lanes(ask, ZERO) == pytest.approx(ASK_LANES)
    assert scorer.lanes(ask, failed) == pytest.approx((0.4, 0.7, 0.8))


def test_odd_asks_run(scorer):
    for ask in ("", "\x00", "😀" * 50, "\ud800", "x" * 100_000, "修复" * 5000, "a\nb\tc"):
        assert len(scorer.ask(read(ask)).task) == len(TASKS)


@pytest.mark.parametrize(
    ("graphs", "problem"),
    [
        ({ASK: b"nonsense", LANES: lanes_graph()}, "'ask' .* does not load"),
        ({ASK: lanes_graph(), LANES: lanes_graph()}, "'ask' .* other inputs or outputs"),
        ({ASK: ask_graph(), LANES: ask_graph()}, "'lanes' .* other inputs or outputs"),
        ({ASK: ask_graph(), LANES: lanes_graph(bias=3.0)}, "output lanes .* no row of probabilities"),
        ({ASK: ask_graph(), LANES: lanes_graph(bias=float("nan"))}, "output lanes .* no row of probabilities"),
        ({ASK: ask_graph(outputs=7), LANES: lanes_graph()}, "does not run|no row of probabilities"),
        ({ASK: ask_graph(), LANES: lanes_graph(width=5)}, "does not run"),
    ],
)
def test_wrong_graphs_are_refused(tmp_path, graphs, problem):
    with pytest.raises(ArtefactError, match=problem):
        OnnxScorer(load(write(tmp_path, graphs)))


def test_one_thread_and_no_arena():
    chosen = options()
    assert (chosen.intra_op_num_threads, chosen.inter_op_num_threads) == (1, 1)
    assert not chosen.enable_cpu_mem_arena


def test_it_loads_without_a_locale_and_without_training_tools(tmp_path):
    """A slim container has the locale C and nothing of the extra `train`."""
    write(tmp_path)
    program = (
        "import sys; from pathlib import Path\n"
        "for name in ('sklearn', 'skl2onnx', 'onnx', 'gateway'): sys.modules[name] = None\n"
        "from classifiers.runtime import onnx, store; from classifiers.features.text import read\n"
        f"s = onnx.OnnxScorer(store.load(Path({str(tmp_path)!r}))); print(len(s.ask(read('ÜBER fix')).task))\n"
        "assert not [m for m in sys.modules if m.startswith(('classifiers.training', 'scipy'))]\n"
    )
    clean = {"PATH": os.environ["PATH"], "LC_ALL": "C", "LANG": "", "PYTHONPATH": str(Path(__file__).parents[4])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "8", done.stderr[-500:]
