from tests.support.shell import clear, facts, one


def test_paths_that_are_certain_are_read():
    assert "/repo/.env" in facts("git show HEAD:.env").reads
    assert facts("git diff --no-index /etc/a b").reads == ("/etc/a", "/repo/b")
    assert "/x" in facts("git -C /x status").reads


def test_output_to_a_file_is_a_write():
    assert one("git log --output=x").writes == ("/repo/x",)


def test_a_log_alone_is_nothing():
    assert clear("git log -p")
