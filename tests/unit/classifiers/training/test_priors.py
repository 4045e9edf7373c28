import pytest

from classifiers.artefact import TASKS
from classifiers.training.priors import PRIORS


@pytest.mark.parametrize("task", TASKS)
def test_a_dearer_lane_is_never_set_below_a_cheaper_one(task: str) -> None:
    prior = PRIORS[task]
    assert 0 < prior.local <= prior.mid <= prior.frontier < 1
    assert prior.why
    assert prior.gain == pytest.approx(prior.frontier - prior.local)


def test_the_routing_table_follows_from_the_gains() -> None:
    gains = {task: prior.gain for task, prior in PRIORS.items()}
    assert max(gains["boilerplate"], gains["docstring"], gains["test_scaffold"]) < gains["single_file_edit"]
    assert max(gains, key=gains.__getitem__) == "novel_reasoning"
