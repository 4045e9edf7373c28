import pytest

from tests.support.shell import effects, facts, one


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("cp a b", ("/repo/a",), ("/repo/b",)),
        ("cp -t d a b", ("/repo/a", "/repo/b"), ("/repo/d",)),
        ("mv a b", ("/repo/a",), ("/repo/b", "/repo/a")),
        ("ln -s a b", ("/repo/a",), ("/repo/b",)),
        ("rm a", (), ("/repo/a",)),
        ("mkdir -p a/b", (), ("/repo/a/b",)),
        ("tee a b", (), ("/repo/a", "/repo/b")),
        ("dd if=a of=b", ("/repo/a",), ("/repo/b",)),
        ("chmod +x a", (), ("/repo/a",)),
        ("install -m 755 a b", ("/repo/a",), ("/repo/b",)),
        ("tar czf a.tgz b", ("/repo/b",), ("/repo/a.tgz",)),
        ("tar xzf a.tgz -C d", ("/repo/a.tgz",), ("/repo/d",)),
        ("tar tf a.tgz", ("/repo/a.tgz",), ()),
        ("tar -xf a.tgz", ("/repo/a.tgz",), ("/repo",)),
        ("unzip -d d a.zip", ("/repo/a.zip",), ("/repo/d",)),
        ("zip a.zip b", ("/repo/b",), ("/repo/a.zip",)),
        ("rsync a b", ("/repo/a",), ("/repo/b",)),
        ("gzip a", ("/repo/a",), ("/repo/a",)),
        ("split a b", ("/repo/a",), ("/repo/b",)),
    ],
)
def test_paths(text, reads, writes):
    found = one(text)
    assert (found.reads, found.writes) == (reads, writes)
    assert not found.unknown


@pytest.mark.parametrize(
    "text",
    [
        "rm -r a",
        "rm *",
        "rm /etc/hosts",
        "rm ~",
        "shred a",
        "truncate -s 0 a",
        "dd if=a of=/dev/sda",
        "mkfs.ext4 /dev/sda",
        "mv a /dev/null",
        "mv /etc/x y",
        "rsync -a --delete a b",
        "tar cf a --remove-files b",
        "zip -m a b",
        "chmod -R 777 /",
        "wipefs -a x",
    ],
)
def test_destruction(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    "text",
    [
        "rm a b",
        "rm -f a",
        "rmdir a",
        "cp -r a b",
        "chmod -R 755 src",
        "dd if=a of=b",
        "rsync -a a b",
        "truncate -s +1 a",
    ],
)
def test_no_destruction(text):
    assert "destructive" not in effects(text)


def test_programs_that_tar_runs():
    assert "destructive" in effects("tar cf a --checkpoint=1 '--checkpoint-action=exec=rm -rf x' b")
    assert "exec_data" in effects("tar xf a --to-command=./x")
    assert facts("tar -I ./x -xf a").commands[0].program


def test_rights():
    assert "privilege" in effects("chmod u+s a")
    assert "privilege" in effects("chown x a")
    assert "privilege" in effects("mount a b")
