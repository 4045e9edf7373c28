import msgspec
import pytest

from classifiers.training.rows import OutcomeRow, TaskRow, lines, parse


def test_rows_survive_their_lines() -> None:
    tasks = [TaskRow(text="schließe\ndas", task="question", source="s", group="g", lang="de")]
    outcomes = [OutcomeRow(text="t", family="f", source="s", group="g", pair="a > b", local=0.0, frontier=1.0)]
    assert parse(TaskRow, b"\n".join(lines(tasks)).decode()) == tasks
    assert parse(OutcomeRow, b"\n".join(lines(outcomes)).decode() + "\n\n") == outcomes


def test_a_line_that_is_no_row_is_an_error() -> None:
    with pytest.raises(msgspec.MsgspecError):
        parse(TaskRow, '{"text": "only"}')
