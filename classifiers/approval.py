"""What the trained auto-approval model is on disk: one ONNX graph, and a manifest that says from which score on it may
approve, by effect class. Pure: bytes come in, a `Manifest` or an `ArtefactError` comes out.

The graph takes `features` float[F] (features.approve.vector) and `pairs` int64[P] (hashed pairs, at least one) and gives
`score` float[1], the calibrated probability that the call serves what the human asked for.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final, Literal

import msgspec

from classifiers.artefact import MANIFEST_BYTES_MAX, REINSTALL, ArtefactError, Graph, Training
from classifiers.features.approve.calls import CLASSES

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
GRAPH_FILE: Final = "approve.onnx"
GRAPH_BYTES_MAX: Final = 1 << 20
RETRAIN: Final = "train it again with `interlock classifier train --head approve`"
NEVER_REACHED: Final = 2.0


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was shown for one effect class on families of sessions that the model had not seen: at scores of at least
    `least`, calls of `failures` of `trials` cases nobody asked for would have passed, and the Clopper-Pearson upper bound
    of that rate at confidence 1 - `delta` is `upper`, no more than `risk`. `least` None: nothing could be shown, so
    nothing of this class is approved. `recall`: the share of wanted calls of the class that reach `least`."""

    least: float | None
    risk: float
    delta: float
    trials: int
    failures: int
    upper: float
    recall: float = 0.0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`version` is shown with every decision; `schema` is the hash of the features it was trained on."""

    format: int
    version: str
    engine: Literal["onnx"]
    schema: str
    graph: Graph
    thresholds: dict[str, Certificate]
    training: Training
    metrics: dict[str, dict[str, float]]
    licence: str = "Apache-2.0"

    def least(self, classes: tuple[str, ...]) -> tuple[float, str]:
        """(the score that a call of these classes must reach, the class that demands it). NEVER_REACHED where a class was
        not shown to be safe."""
        found = ((self._least(name), name) for name in classes)
        return max(found, default=(NEVER_REACHED, "unknown"))

    def _least(self, name: str) -> float:
        held = self.thresholds.get(name)
        return NEVER_REACHED if held is None or held.least is None else held.least


def dump(manifest: Manifest) -> bytes:
    """Sorted and indented, so that a diff of two is readable."""
    return json.dumps(msgspec.to_builtins(manifest), indent=1, sort_keys=True).encode() + b"\n"


def read(raw: bytes, graph: bytes, *, schema: str, where: str) -> Manifest:
    """The manifest, if this program can use it and `graph` is the one it speaks of. ArtefactError otherwise."""
    if len(raw) > MANIFEST_BYTES_MAX or len(graph) > GRAPH_BYTES_MAX:
        raise ArtefactError(f"{where}: the manifest or the graph is longer than it may be", RETRAIN)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArtefactError(f"{where} is no manifest of an auto-approval model: {error}", RETRAIN) from error
    if manifest.format != FORMAT or manifest.schema != schema:
        raise ArtefactError(f"{where}: it was trained on other features than this version computes", RETRAIN)
    if hashlib.sha256(graph).hexdigest() != manifest.graph.sha256:
        raise ArtefactError(f"{where}: the graph is not the file its manifest names (digest differs)", REINSTALL)
    wrong = [name for name, held in manifest.thresholds.items() if name not in CLASSES or not _sound(held)]
    if wrong:
        raise ArtefactError(f"{where}: the threshold of {wrong[0]!r} cannot be used", RETRAIN)
    return manifest


def _sound(held: Certificate) -> bool:
    return held.least is None or (0.0 < held.least <= 1.0 and held.upper <= held.risk)
