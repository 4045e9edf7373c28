import pytest

from tests.support.shell import clear, effects, facts, one


@pytest.mark.parametrize(
    "text",
    [
        "cat a b",
        "head -n 5 a",
        "tail -f a",
        "wc -l a",
        "ls -la src",
        "sort -n a",
        "uniq -c a",
        "cut -d, -f1 a",
        "grep -rn x src",
        "rg -n x src",
        "jq .a b.json",
        "diff a b",
        "stat a",
        "du -sh .",
        "date +%s",
        "ps aux",
        "tree -L 2",
        "file a",
        "xxd a",
        "less a",
        "openssl version",
        "fd x src",
        "bat a",
    ],
)
def test_readers(text):
    assert clear(text), facts(text)


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("sort -o b a", ("/repo/b",)),
        ("uniq a b", ("/repo/b",)),
        ("xxd -r a b", ("/repo/b",)),
        ("tree -o b", ("/repo/b",)),
        ("yq -i .a b", ("/repo/b",)),
        ("less -o b a", ("/repo/b",)),
        ("openssl enc -in a -out b", ("/repo/b",)),
    ],
)
def test_readers_that_write(text, writes):
    assert one(text).writes == writes


@pytest.mark.parametrize(
    "text",
    [
        "sort --compress-program ./x a",
        "rg --pre ./x a",
        "rg --hostname-bin ./x a",
        "ag --pager ./x a",
        "less +!x a",
        "diff --diff-program ./x a b",
        "fd -x rm",
    ],
)
def test_readers_that_run(text):
    assert "exec_data" in effects(text)


def test_patterns_are_no_paths():
    assert one("grep /etc/shadow a").reads == ("/repo/a",)
    assert one("grep -e x -f pats a").reads == ("/repo/pats", "/repo/a")
    assert one("rg x").reads == ("/repo",)


def test_secrets():
    assert "secrets" in effects("jq -n env")
    assert "/etc/shadow" in facts("getent shadow").reads
    assert "destructive" in effects("journalctl --vacuum-time=1s")
