"""Runs the two graphs with onnxruntime: one thread, no arena, no network, no locale. Blocking; call it from one thread.

onnxruntime and numpy are imported with this module and not before (0.3 s, 40 MB): whoever serves imports it after the port
is open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnxruntime

from classifiers.artefact import ASK, INPUTS, LANE_NAMES, LANES, OUTPUTS, RETRAIN, TASKS, ArtefactError
from classifiers.features.schema import TRAJECTORY
from classifiers.features.text import Reading, read
from classifiers.runtime.store import Artefact

Row = tuple[float, ...]
_SIZES: Final = {"task": len(TASKS), "ask_lanes": len(LANE_NAMES), "lanes": len(LANE_NAMES)}
_OUTPUTS: Final = {name: list(names) for name, names in OUTPUTS.items()}
_TYPES: Final = {"tokens": "tensor(string)", "chars": "tensor(int32)"}


@dataclass(frozen=True, slots=True)
class AskScores:
    """Outputs of the `ask` graph: the same for every turn on one ask."""

    task: Row
    lanes: Row


class OnnxScorer:
    """Two sessions. ArtefactError if the graphs are not what the manifest promises."""

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        self.version = artefact.manifest.version
        self.thresholds = artefact.manifest.thresholds
        self._ask = self._session(ASK)
        self._lanes = self._session(LANES)
        self._try()

    def ask(self, reading: Reading) -> AskScores:
        fed = {
            "tokens": np.array(reading.tokens, dtype=np.object_),
            # Surrogates, which JSON may bring alone, pass as they are.
            "chars": np.frombuffer(reading.chars.encode("utf-32-le", "surrogatepass"), dtype=np.int32),
        }
        task, lanes = self._run(self._ask, ASK, fed)
        return AskScores(tuple(task.tolist()), tuple(lanes.tolist()))

    def lanes(self, ask: AskScores, trajectory: Sequence[float]) -> Row:
        fed = {
            "task": np.array(ask.task, dtype=np.float32),
            "ask_lanes": np.array(ask.lanes, dtype=np.float32),
            "trajectory": np.array(trajectory, dtype=np.float32),
        }
        (lanes,) = self._run(self._lanes, LANES, fed)
        return tuple(lanes.tolist())

    def _run(self, session: Any, name: str, fed: dict[str, Any]) -> Any:
        try:
            return session.run(_OUTPUTS[name], fed)
        except Exception as error:
            raise ArtefactError(f"graph {name!r} of {self.artefact.where} does not run: {error}", RETRAIN) from error

    def _session(self, name: str) -> Any:
        try:
            session = onnxruntime.InferenceSession(
                self.artefact.graphs[name], options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own share no base class
            raise ArtefactError(f"graph {name!r} of {self.artefact.where} does not load: {error}", RETRAIN) from error
        names = {one.name for one in session.get_inputs()}, {one.name for one in session.get_outputs()}
        if names[0] != set(INPUTS[name]) or not names[1] >= set(OUTPUTS[name]):
            raise ArtefactError(f"graph {name!r} of {self.artefact.where} has other inputs or outputs", RETRAIN)
        wrong = [one.name for one in session.get_inputs() if one.type != _TYPES.get(one.name, "tensor(float)")]
        if wrong:
            raise ArtefactError(f"graph {name!r} of {self.artefact.where}: input {wrong[0]} has another type", RETRAIN)
        return session

    def _try(self) -> None:
        """One run of both graphs: shapes and ranges are checked once, here, not per request."""
        ask = self.ask(read("add a docstring to parse() in src/main.py"))
        lanes = self.lanes(ask, [0.0] * len(TRAJECTORY))
        for name, row in (("task", ask.task), ("ask_lanes", ask.lanes), ("lanes", lanes)):
            if len(row) != _SIZES[name] or not all(math.isfinite(p) and -1e-4 <= p <= 1.0001 for p in row):
                raise ArtefactError(f"the output {name} of {self.artefact.where} is no row of probabilities", RETRAIN)


def options() -> Any:
    """One thread and no arenas: an ask takes less than a millisecond, and memory that is given back costs less than that."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = 1
    chosen.inter_op_num_threads = 1
    chosen.enable_cpu_mem_arena = False
    chosen.enable_mem_pattern = False
    chosen.log_severity_level = 4
    return chosen
