from dataclasses import replace

import numpy as np

from classifiers.runtime.approve import ApprovalScorer, Stored, load, shipped
from classifiers.training.approve.fit import fit
from classifiers.training.approve.graph import graph_of_model


def test_the_graph_says_what_the_model_says(rows):
    model = replace(fit(rows, 7), slope=0.8, shift=-0.3)
    graph = graph_of_model(model)
    assert graph == graph_of_model(model)
    scorer = ApprovalScorer(Stored(load(shipped()).manifest, graph, "test"))
    told = [scorer.score(row.vector, sorted(row.crosses)) for row in rows.rows[:300]]
    assert np.allclose(told, model.scores(rows)[:300], atol=1e-4)
    assert max(told) - min(told) > 0.2
