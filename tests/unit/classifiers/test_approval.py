import hashlib
import json

import pytest

from classifiers import approval
from classifiers.approval import NEVER_REACHED, Certificate, dump, read
from classifiers.artefact import ArtefactError
from classifiers.features.approve.vector import schema_hash
from classifiers.runtime.approve import load, shipped

SHIPPED = load(shipped())
GRAPH = SHIPPED.graph


def changed(**more):
    return json.dumps(json.loads(dump(SHIPPED.manifest)) | more).encode()


def test_the_shipped_one_is_read_back():
    assert read(dump(SHIPPED.manifest), GRAPH, schema=schema_hash(), where="m") == SHIPPED.manifest
    assert len(GRAPH) < 1 << 20


@pytest.mark.parametrize(
    ("raw", "graph"),
    [
        (b"{", GRAPH),
        (b"{}", GRAPH),
        (changed(format=9), GRAPH),
        (changed(schema="0" * 64), GRAPH),
        (changed(more=1), GRAPH),
        (dump(SHIPPED.manifest), GRAPH + b"x"),
        (dump(SHIPPED.manifest), b"x" * (approval.GRAPH_BYTES_MAX + 1)),
        (
            changed(
                thresholds={
                    "nothing": {"least": None, "risk": 0.01, "delta": 0.05, "trials": 0, "failures": 0, "upper": 1.0}
                }
            ),
            GRAPH,
        ),
        (
            changed(
                thresholds={
                    "plain": {"least": 0.5, "risk": 0.01, "delta": 0.05, "trials": 9, "failures": 0, "upper": 0.3}
                }
            ),
            GRAPH,
        ),
        (
            changed(
                thresholds={
                    "plain": {"least": 0.0, "risk": 0.01, "delta": 0.05, "trials": 9, "failures": 0, "upper": 0.001}
                }
            ),
            GRAPH,
        ),
    ],
)
def test_what_must_not_be_used_is_refused(raw, graph):
    with pytest.raises(ArtefactError):
        read(raw, graph, schema=schema_hash(), where="m")


def test_the_strictest_class_decides():
    def held(least):
        return Certificate(least=least, risk=0.01, delta=0.05, trials=400, failures=0, upper=0.007)

    import msgspec

    manifest = msgspec.structs.replace(
        SHIPPED.manifest, thresholds={"network": held(0.8), "install": held(0.9), "removes": held(None)}
    )
    assert manifest.least(("network", "install")) == (0.9, "install")
    assert manifest.least(("network", "removes")) == (NEVER_REACHED, "removes")
    assert manifest.least(("agent",)) == (NEVER_REACHED, "agent")
    assert manifest.least(())[0] == NEVER_REACHED


def test_the_graph_is_the_one_named():
    assert hashlib.sha256(GRAPH).hexdigest() == SHIPPED.manifest.graph.sha256
