"""What a trained classifier is on disk: a folder of ONNX graphs and one manifest that says what they are. Pure.

Training writes it (`classifiers.training`), serving reads it (`classifiers.runtime`); this module is all that the two share
beside the features. Knows no ONNX and touches no file: bytes come in, a `Manifest` or an `ArtefactError` comes out.

The folder holds `manifest.json` and one file per graph. There are two graphs, because a turn that brings only a tool result
must not pay for reading the ask again:

| graph | inputs | outputs |
|---|---|---|
| `ask` | `tokens` string[L], `chars` int32[C] (`features.text.Reading`) | `task` float[8], `ask_lanes` float[3] |
| `lanes` | `task` float[8], `ask_lanes` float[3], `trajectory` float[T] (see `features.schema`) | `lanes` float[3] |

All tensors have one dimension: there is no batch. `task` are calibrated probabilities in the order of `Manifest.tasks`,
`ask_lanes` and `lanes` success probabilities in the order of `Manifest.lanes`, from the ask alone and with what the session
showed so far. `gain` is computed by the reader: frontier - local. Tokenising and lower-casing are done outside, in the
features, so that a graph needs no locale (skl2onnx's StringNormalizer does; reference: sklearn-onnx, `lowercase=True`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
ASK: Final = "ask"
LANES: Final = "lanes"
INPUTS: Final[dict[str, tuple[str, ...]]] = {ASK: ("tokens", "chars"), LANES: ("task", "ask_lanes", "trajectory")}
OUTPUTS: Final[dict[str, tuple[str, ...]]] = {ASK: ("task", "ask_lanes"), LANES: ("lanes",)}

TASKS: Final = (
    "boilerplate",
    "docstring",
    "test_scaffold",
    "single_file_edit",
    "multi_file_refactor",
    "novel_reasoning",
    "long_running",
    "question",
)
LANE_NAMES: Final = ("local", "mid", "frontier")

MANIFEST_BYTES_MAX: Final = 1 << 20
GRAPH_BYTES_MAX: Final = 64 << 20
"""A linear model over 50,000 n-grams has about 3 MB."""

RETRAIN: Final = "train it again with `interlock classifier train`, or remove the setting to use the one that ships"
REINSTALL: Final = "install the package again, or train one with `interlock classifier train`"


class ArtefactError(Exception):
    """A classifier that must not be used: `problem` says what is wrong with which file, `cure` what to do about it."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure


class Graph(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ONNX file. `file` is a plain name beside the manifest; `sha256` lower-case hex of its bytes."""

    file: str
    sha256: str


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where training rows came from. `licence` is an SPDX id; `sha256` of the files read, in the order of `digest`."""

    name: str
    licence: str
    rows: int
    sha256: str


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`sha256` names the assembled rows (`digest` of their lines). `made` is the day (ISO), `tools` versions by package."""

    sha256: str
    rows: int
    seed: int
    made: str
    sources: tuple[Source, ...]
    tools: dict[str, str] = {}


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was proven on a calibration fold for one task: where the predicted gain is at most `gain_max`, `failures` of
    `trials` cases failed, and the Clopper-Pearson upper bound of that rate at confidence 1 - `delta` is `upper`, no more
    than the asked-for risk `alpha`. A failure is one that money could have avoided: the local lane failed and the frontier
    lane succeeded; where both fail, nothing is lost by the local one. `gain_max` None: nothing could be certified, so one
    abstains, and the other fields tell what was tried."""

    gain_max: float | None
    alpha: float
    delta: float
    trials: int
    failures: int
    upper: float


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`task`: smallest probability at which a label is given; below it there is no task and the rules are asked.
    `certified`: by task, with "*" for a request without one."""

    task: dict[str, float]
    certified: dict[str, Certificate] = {}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`version` is shown with every decision. `schema` is the hash of the features it was trained on. `metrics` are free:
    data set to name to figure. `licence` is the artefact's own."""

    format: int
    version: str
    engine: Literal["onnx"]
    schema: str
    graphs: dict[str, Graph]
    tasks: tuple[str, ...]
    lanes: tuple[str, ...]
    thresholds: Thresholds
    training: Training
    metrics: dict[str, dict[str, float]]
    licence: str = "Apache-2.0"


def digest(parts: Iterable[bytes]) -> str:
    """Lower-case hex SHA-256 over the parts, each preceded by its length (8 bytes, big endian): no two lists are equal."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()


def graph_of(file: str, data: bytes) -> Graph:
    return Graph(file=file, sha256=hashlib.sha256(data).hexdigest())


def dump(manifest: Manifest) -> bytes:
    """The manifest as it is written: sorted, indented, one newline at the end, so that a diff of two is readable."""
    return json.dumps(msgspec.to_builtins(manifest), indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def read(raw: bytes, *, schema: str, where: str = MANIFEST) -> Manifest:
    """The manifest, if this program can use what it describes. `schema` is the hash of the features compiled in.
    ArtefactError otherwise."""
    if len(raw) > MANIFEST_BYTES_MAX:
        raise ArtefactError(f"{where} is longer than {MANIFEST_BYTES_MAX} bytes", RETRAIN)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArtefactError(f"{where} is not a manifest: {error}", RETRAIN) from error
    problem = _mismatch(manifest, schema)
    if problem:
        raise ArtefactError(f"{where}: {problem}", RETRAIN)
    return manifest


def _mismatch(manifest: Manifest, schema: str) -> str:
    if manifest.format != FORMAT:
        return f"its format is {manifest.format}, this version reads {FORMAT}"
    if manifest.schema != schema:
        return f"it was trained on features {manifest.schema[:12]}, this version computes {schema[:12]}"
    if manifest.tasks != TASKS:
        return f"its tasks are {_listed(manifest.tasks)}, expected {_listed(TASKS)}"
    if manifest.lanes != LANE_NAMES:
        return f"its lanes are {_listed(manifest.lanes)}, expected {_listed(LANE_NAMES)}"
    if set(manifest.graphs) != set(INPUTS):
        return f"its graphs are {_listed(sorted(manifest.graphs))}, expected {_listed(sorted(INPUTS))}"
    bad = [g.file for g in manifest.graphs.values() if not _plain(g.file)]
    if bad:
        return f"a graph's file must be a plain name beside the manifest, not {bad[0]!r}"
    return _thresholds(manifest.thresholds)


def _thresholds(thresholds: Thresholds) -> str:
    missing = [task for task in TASKS if not 0.0 <= thresholds.task.get(task, -1.0) <= 1.0]
    if missing:
        return f"there is no threshold in [0, 1] for {_listed(missing)}"
    unknown = sorted(set(thresholds.certified) - {*TASKS, "*"})
    return f"certificates for unknown tasks {_listed(unknown)}" if unknown else ""


def _plain(name: str) -> bool:
    return bool(name) and name.replace("-", "").replace("_", "").replace(".", "").isalnum() and not name.startswith(".")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def verify(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """The graphs are the ones the manifest speaks of. `files`: bytes by name. ArtefactError otherwise."""
    for name, graph in manifest.graphs.items():
        data = files.get(graph.file)
        if data is None:
            raise ArtefactError(f"the file {graph.file} of graph {name!r} is missing", REINSTALL)
        if len(data) > GRAPH_BYTES_MAX:
            raise ArtefactError(f"{graph.file} is longer than {GRAPH_BYTES_MAX} bytes", RETRAIN)
        if hashlib.sha256(data).hexdigest() != graph.sha256:
            raise ArtefactError(f"{graph.file} is not the file its manifest names (digest differs)", REINSTALL)
