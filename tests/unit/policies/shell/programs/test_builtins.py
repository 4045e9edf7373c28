import pytest

from tests.support.shell import clear, effects, facts, programs


@pytest.mark.parametrize(
    "text",
    [
        "cd src",
        "pwd",
        "echo $X",
        "printf '%s' $X",
        "test -f a",
        "[ -f a ]",
        "true",
        "type ls",
        "command -v ls",
        "read x",
        "unset FOO",
        "export FOO=1",
        "set -e",
        "hash -r",
        "sleep 1",
        "man ls",
    ],
)
def test_harmless(text):
    assert clear(text)


@pytest.mark.parametrize(
    "text",
    [
        "alias ls=x",
        "hash -p ./x ls",
        "enable -f ./x y",
        "export PATH=./x",
        "declare -x LD_PRELOAD=x",
        "export -f f",
        "printf -v 'a[$(id)]' x",
        "unset 'a[$(id)]'",
        "bind -x x",
        "unset PATH",
    ],
)
def test_doubtful(text):
    assert facts(text).unknown


def test_texts_that_run():
    assert programs("eval 'rm x'") == ["rm"]
    assert programs("trap 'rm x' EXIT")[0] == "rm"
    assert "exec_data" in effects("source x.sh")
    assert "exec_data" in effects(". ./x.sh")
    assert facts('eval "$X"').unknown
    assert "destructive" in effects('eval "rm -rf $X"')


def test_history():
    assert "secrets" in effects("history")
    assert "destructive" in effects("history -c")
