import msgspec
import pytest

from classifiers.artefact import ArtefactError
from classifiers.features.approve.vector import DIRECTIONS, NAMES
from classifiers.runtime.approve import ApprovalScorer, Stored, load, shipped

SCORER = ApprovalScorer(load(shipped()))


def test_a_score_is_a_probability():
    assert 0.0 <= SCORER.score([0.0] * len(NAMES), [0]) <= 1.0
    assert 0.0 <= SCORER.score([1e9] * len(NAMES), [0, 1, 4095]) <= 1.0


def test_a_danger_never_raises_a_score():
    """The trees are monotone: more of a danger, or less agreement, cannot raise it; checked on the shipped graph."""
    base = [0.5] * len(NAMES)
    for place, way in enumerate(DIRECTIONS):
        if way == 0:
            continue
        seen = []
        for value in (0.0, 0.5, 1.0, 2.0, 5.0):
            row = list(base)
            row[place] = value
            seen.append(SCORER.score(row, [7, 8]))
        assert seen == sorted(seen, reverse=way < 0), NAMES[place]


def test_wrong_graphs_and_inputs_are_refused(tmp_path):
    stored = load(shipped())
    with pytest.raises(ArtefactError):
        ApprovalScorer(Stored(stored.manifest, b"no graph", "m"))
    with pytest.raises(ArtefactError):
        SCORER.score([0.0], [0])
    with pytest.raises(ArtefactError):
        SCORER.score([0.0] * len(NAMES), [4096])
    with pytest.raises(ArtefactError, match="cannot be read"):
        load(tmp_path)
    assert msgspec.structs.asdict(stored.manifest)["version"] == SCORER.version
