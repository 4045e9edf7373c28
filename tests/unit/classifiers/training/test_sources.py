import shutil
from pathlib import Path

import pytest

from classifiers.training import sources
from classifiers.training.sources import PARTS, SourceError, check, file_digest


def _copy(data_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(data_dir, tmp_path / "data"))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_without_its_licence_is_refused(part: sources.Part, data_dir: Path, tmp_path: Path) -> None:
    root = _copy(data_dir, tmp_path)
    (root / part.notice).unlink()
    with pytest.raises(SourceError, match="missing or is not"):
        check(part, root)


def test_another_licence_than_the_expected_one_is_refused(data_dir: Path, tmp_path: Path) -> None:
    root = _copy(data_dir, tmp_path)
    (root / PARTS[0].notice).write_text("Creative Commons Attribution-ShareAlike 4.0")
    with pytest.raises(SourceError, match="Apache"):
        check(PARTS[0], root)


def test_a_part_without_files_is_refused(data_dir: Path, tmp_path: Path) -> None:
    root = _copy(data_dir, tmp_path)
    shutil.rmtree(root / "routellm" / "mmlu")
    with pytest.raises(SourceError, match="no file"):
        check(PARTS[0], root)


def test_mmlu_is_grouped_by_subject(data_dir: Path) -> None:
    _, outcomes = sources.mmlu(data_dir)
    assert len(outcomes) == 120
    assert {row.group for row in outcomes} == {"mmlu:botany", "mmlu:law", "mmlu:optics"}
    assert {row.local for row in outcomes} == {0.0, 1.0}


def test_mixed_questions_carry_their_task_and_some_teach_the_question(data_dir: Path) -> None:
    tasks, outcomes = sources.dcrouter(data_dir)
    assert {row.family for row in outcomes} == {"trivia_qa", "mbpp", "gsm8k"}
    assert {row.task for row in tasks} == {"question"}
    assert len(tasks) == 40  # of trivia_qa alone


def test_agents_are_grouped_by_repository_and_paired_within_one_harness(data_dir: Path) -> None:
    tasks, outcomes = sources.agents(data_dir)
    assert {row.group for row in outcomes} == {f"swe:org__repo{i}" for i in range(4)}
    assert sum(row.frontier for row in outcomes) == 12
    assert sum(row.local for row in outcomes) == 6
    assert {row.task for row in tasks} == {"single_file_edit"}


def test_exercises_of_unverified_licence_are_left_out(data_dir: Path) -> None:
    tasks, _ = sources.aider(data_dir)
    assert len(tasks) == 6
    assert not any("unknown licence" in row.text for row in tasks)


def test_a_digest_follows_the_content(data_dir: Path, tmp_path: Path) -> None:
    root = _copy(data_dir, tmp_path)
    before = file_digest(check(PARTS[0], root))
    with (root / "routellm" / "mmlu" / "mmlu_law.csv").open("a") as file:
        file.write("one more,True,True\n")
    assert file_digest(check(PARTS[0], root)) != before
