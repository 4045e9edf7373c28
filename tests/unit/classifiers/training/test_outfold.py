import numpy as np

from classifiers.training.assemble import Rows
from classifiers.training.generate import heldout
from classifiers.training.outfold import BLIND, Held
from classifiers.training.train import Trained


def test_what_is_kept_holds_no_text(trained: Trained, rows: Rows) -> None:
    data = trained.held.dump()
    held = Held.load(data)
    words = {str(value) for value in vars(held).values() if value.dtype.kind == "U" for value in value.tolist()}
    assert not words & {row.text for row in (*rows.tasks, *rows.outcomes)}


def test_it_comes_back_as_it_was(trained: Trained) -> None:
    held = Held.load(trained.held.dump())
    assert held.group.tolist() == trained.held.group.tolist()
    assert np.abs(held.lanes - trained.held.lanes).max() < 1e-3


def test_every_outcome_row_is_predicted_once(trained: Trained, rows: Rows) -> None:
    assert len(trained.held.lanes) == len(rows.outcomes)
    assert (trained.held.lanes > 0).all()


def test_whole_families_are_left_out_and_the_blind_test_is_there(trained: Trained) -> None:
    sources = trained.held.task_source.tolist()
    assert {"terse", "polite", "ticket", "story", "spec", "mix"} <= set(sources)
    assert sources.count(BLIND) == len(heldout())
    assert "aider" not in sources  # one task only: no test of telling tasks apart
