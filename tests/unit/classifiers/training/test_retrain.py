import json
from pathlib import Path

import pytest

from classifiers.training import retrain
from classifiers.training.retrain import Feedback, Unusable, held_groups, paired, parse, verdict
from classifiers.training.train import Trained, scorer_of
from tests.unit.classifiers.training.conftest import MADE


def _line(**more: object) -> str:
    return json.dumps({"ask": "fix it", "group": "g", "lane": "local", "success": 1.0} | more)


def test_lines_become_rows_and_more_keys_are_ignored() -> None:
    assert parse(_line(propensity=0.5, later="x") + "\n\n") == [Feedback("fix it", "g", "local", 1.0, 0.5)]


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"ask": "x"}', _line(lane="daemon"), _line(success=2), _line(propensity=0), _line(success="yes")],
)
def test_a_wrong_line_is_named(line: str) -> None:
    with pytest.raises(Unusable, match="line 2"):
        parse(_line() + "\n" + line)


def test_a_pair_needs_both_ends() -> None:
    rows = parse(
        "\n".join(
            [_line(pair="a"), _line(pair="a", lane="frontier", success=0), _line(pair="b"), _line(pair="c", lane="mid")]
        )
    )
    (row,) = paired(rows)
    assert (row.local, row.mid, row.frontier) == (1.0, None, 0.0)


def test_the_same_groups_are_held_out_each_time() -> None:
    groups = {f"repo{i}" for i in range(20)}
    assert held_groups(groups) == held_groups(groups | set())
    assert len(held_groups(groups)) == 6


def test_few_pairs_support_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(_line(pair="a") + "\n" + _line(pair="a", lane="frontier"))
    with pytest.raises(Unusable, match="1 pairs of outcomes in 1 groups"):
        retrain.retrain(tmp_path / "log", None, made=MADE)


def _pairs(count: int) -> list[str]:
    """Docstrings gain everything and questions nothing: the opposite of what was set."""
    lines = []
    for i in range(count):
        doc = i % 2 == 0
        ask = f"add a docstring to function {i}" if doc else f"what does function {i} do?"
        common = {"ask": ask, "group": f"repo{i // 2 % 20}", "pair": f"p{i}"}
        lines += [_line(**common, success=float(not doc)), _line(**common, lane="frontier", success=1.0)]
    return lines


def _singles(count: int, propensity: float) -> list[str]:
    return [
        _line(
            ask=f"add a docstring to helper {i}",
            group=f"repo{i % 12}",
            lane=("local", "frontier")[i % 2],
            propensity=propensity,
        )
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def shipped(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    trained.write(folder)
    return folder


def _retrain(lines: list[str], shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> retrain.Outcome:
    monkeypatch.setattr(retrain, "shipped", lambda: shipped)
    (tmp_path / "log").write_text("\n".join(lines))
    return retrain.retrain(tmp_path / "log", None, made=MADE, share=0.12)


def test_a_winner_with_exploration_behind_it_is_promoted(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = _retrain([*_pairs(240), *_singles(480, 0.5)], shipped, tmp_path, monkeypatch)
    assert outcome.promoted, outcome.printed()
    assert "own-ledger" in {source.name for source in outcome.trained.manifest.training.sources}
    assert "promote" in outcome.printed()


def test_without_exploration_nothing_is_promoted(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = _retrain([*_pairs(240), *_singles(480, 1.0)], shipped, tmp_path, monkeypatch)
    assert not outcome.promoted
    assert "explored choices" in outcome.why


def test_the_same_classifier_does_not_beat_itself(trained: Trained) -> None:
    scorer = scorer_of(trained)
    pairs = paired(parse("\n".join(_pairs(60))))
    outcome = verdict(trained, scorer, scorer, pairs, parse("\n".join(_singles(200, 0.5))))
    assert not outcome.promoted
    assert outcome.figures["APGR on held-out pairs"][2:] == (0.0, 0.0)


def test_choices_that_a_stronger_lane_took_over_count_off_policy_too(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paired or not, an explored choice is one; what was chosen without a lot is none."""
    seen: list[int] = []

    def told(trained: Trained, current: object, candidate: object, pairs: object, singles: list[Feedback]) -> None:
        seen.append(len(singles))
        assert all(row.propensity < 1 for row in singles)

    monkeypatch.setattr(retrain, "verdict", told)
    monkeypatch.setattr(retrain, "build", lambda *_, **__: None)
    monkeypatch.setattr(retrain, "scorer_of", lambda _: None)
    drawn = [line.replace('"pair"', '"propensity": 0.8, "pair"') for line in _pairs(120)]
    for lines in (_pairs(120), drawn):
        _retrain(lines, shipped, tmp_path, monkeypatch)
    assert seen[0] == 0
    assert seen[1] > 50
