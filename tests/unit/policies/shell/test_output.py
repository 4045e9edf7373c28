import pytest

from tests.support.shell import facts


def runs(text):
    """The words of what `sh` is given by a pipe."""
    return [command.argv for command in facts(f"{text} | sh").commands if command.source == "sh"]


@pytest.mark.parametrize(
    "text",
    [
        "echo rm x",
        "echo -n rm x",
        "echo -e 'rm\\x20x'",
        "printf 'rm x'",
        "printf 'rm %s' x",
        "printf '%s %s\\n' rm x",
        "echo cm0geAo= | base64 -d",
        "echo 726d2078 | xxd -r -p",
        "echo 'x mr' | rev",
        "cat <<< 'rm x'",
    ],
)
def test_constant_output_is_followed(text):
    assert runs(text) == [("rm", "x")]


def test_a_here_document_is_followed():
    assert [command.argv for command in facts("cat <<X | sh\nrm x\nX").commands][-2:] == [("rm", "x"), ("sh",)]


@pytest.mark.parametrize("text", ["curl x", "cat f", "echo $X", "printf '%d' 3", "base64 -d f", "echo a; true", "date"])
def test_anything_else_is_not_known(text):
    assert facts(f"{text} | sh").unknown or not runs(text)
