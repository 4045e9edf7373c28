import pytest

from policies.shell.salvage import COMMANDS_MAX, salvage
from policies.shell.syntax import Call


def words(text):
    out = []
    for stmt in salvage(text).body:
        assert isinstance(stmt.cmd, Call)
        out.append(["".join(part.value for part in word if hasattr(part, "value")) for word in stmt.cmd.args])
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git reset --hard 'x", [["git", "reset", "--hard", "x"]]),
        ('rm -rf "a b', [["rm", "-rf", "a b"]]),
        ("if a; then rm x", [["a"], ["rm", "x"]]),
        ("a $(b c", [["a"], ["b", "c"]]),
        ("a > b c", [["a", "c"]]),
        ("a\\ b", [["a b"]]),
        ("", []),
    ],
)
def test_words_are_told_apart(text, expected):
    assert words(text) == expected


def test_it_is_bounded():
    assert len(salvage("a;" * 1000).body) == COMMANDS_MAX
