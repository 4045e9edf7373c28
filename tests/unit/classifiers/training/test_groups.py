import msgspec
import pytest

from classifiers.training.groups import SplitError, folds, refuse_random, topics
from classifiers.training.sources import dcrouter


def test_no_group_stands_on_both_sides() -> None:
    groups = [f"g{i % 7}" for i in range(50)]
    seen = []
    for train, test in folds(groups):
        refuse_random([groups[i] for i in train], [groups[i] for i in test])
        seen += list(test)
    assert sorted(seen) == list(range(50))


def test_one_group_cannot_be_held_out() -> None:
    with pytest.raises(SplitError, match="1 group"):
        folds(["a"] * 9)


def test_a_random_split_is_refused() -> None:
    with pytest.raises(SplitError, match="split by group"):
        refuse_random(["a", "b"], ["b", "c"])


def test_items_that_read_alike_share_a_topic(data_dir) -> None:  # type: ignore[no-untyped-def]
    _, outcomes = dcrouter(data_dir)
    twins = [*outcomes, *(msgspec.structs.replace(row, text=row.text.upper()) for row in outcomes)]
    found = topics(twins, 1)
    assert [row.group for row in found[: len(outcomes)]] == [row.group for row in found[len(outcomes) :]]
    assert len({row.group for row in found}) > 2
