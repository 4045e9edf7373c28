"""Runs the auto-approval model with onnxruntime. Needs numpy and onnxruntime: imported by whoever has a policy that asks.

Blocking, about 30 µs a score; call it from one thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import numpy as np
import onnxruntime

from classifiers.approval import GRAPH_BYTES_MAX, GRAPH_FILE, MANIFEST, RETRAIN, Manifest, read
from classifiers.artefact import REINSTALL, ArtefactError
from classifiers.features.approve.vector import NAMES, schema_hash
from classifiers.runtime.onnx import options

SHIPPED: Final = "approval_model"
"""Folder inside the package `classifiers`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A verified model; `where` for messages."""

    manifest: Manifest
    graph: bytes
    where: str


def shipped() -> Traversable:
    return resources.files("classifiers").joinpath(SHIPPED)


def load(folder: Traversable) -> Stored:
    """Blocking. ArtefactError with problem and cure if it must not be used."""
    raw, graph = _bytes(folder, MANIFEST), _bytes(folder, GRAPH_FILE)
    return Stored(read(raw, graph, schema=schema_hash(), where=str(folder)), graph, str(folder))


class ApprovalScorer:
    """One session. ArtefactError if the graph is not what the manifest promises."""

    def __init__(self, stored: Stored) -> None:
        self.manifest = stored.manifest
        self.version = stored.manifest.version
        self._where = stored.where
        try:
            self._session = onnxruntime.InferenceSession(stored.graph, options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own share no base class
            raise ArtefactError(f"the graph of {stored.where} does not load: {error}", RETRAIN) from error
        if {one.name for one in self._session.get_inputs()} != {"features", "pairs"}:
            raise ArtefactError(f"the graph of {stored.where} has other inputs", RETRAIN)
        self.score([0.0] * len(NAMES), [0])

    def score(self, features: Sequence[float], pairs: Sequence[int]) -> float:
        """A probability."""
        fed = {"features": np.array(features, dtype=np.float32), "pairs": np.array(pairs, dtype=np.int64)}
        try:
            (found,) = self._session.run(["score"], fed)
        except Exception as error:
            raise ArtefactError(f"the graph of {self._where} does not run: {error}", RETRAIN) from error
        score = float(found.ravel()[0]) if found.size == 1 else math.nan
        if not math.isfinite(score) or not -1e-4 <= score <= 1.0001:
            raise ArtefactError(f"the score of {self._where} is no probability", RETRAIN)
        return min(1.0, max(0.0, score))


def _bytes(folder: Traversable, name: str) -> bytes:
    try:
        with folder.joinpath(name).open("rb") as file:
            return file.read(GRAPH_BYTES_MAX + 1)
    except OSError as error:
        raise ArtefactError(f"{folder}/{name} cannot be read: {error.strerror or error}", REINSTALL) from error
