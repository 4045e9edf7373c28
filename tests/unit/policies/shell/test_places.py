import pytest

from policies.shell.places import is_device, is_system, runs_later


@pytest.mark.parametrize(
    "path",
    [
        "~/.bashrc",
        "/root" + "/.bashrc",
        "/home/u/.zshrc",
        "/repo/.git/hooks/pre-commit",
        "./.git/config",
        "/etc/cron.d/x",
        "/etc/systemd/system/x.service",
        "~/.ssh/authorized_keys",
        "/repo/.github/workflows/ci.yml",
        "/repo/.envrc",
        "~/.claude/settings.json",
        "/repo/.vscode/tasks.json",
        "~/Library/LaunchAgents/x.plist",
        "/repo/.husky/pre-push",
        "./x/.npmrc",
    ],
)
def test_what_runs_later(path):
    assert runs_later(path)


@pytest.mark.parametrize(
    "path", ["/repo/src/a.py", "/repo/bashrc", "./.gitignore", "~/notes", "/repo/.github/README.md", "/etc/motd"]
)
def test_what_does_not(path):
    assert not runs_later(path)


def test_devices():
    assert is_device("/dev/sda1")
    assert is_device("/dev/nvme0n1")
    assert not is_device("/dev/null")
    assert not is_device("/dev/stdout")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", True),
        ("/etc", True),
        ("/etc/hosts", True),
        ("/usr/bin/x", True),
        ("~", True),
        ("/home/u", True),
        ("/*", True),
        ("/home/u/x", False),
        ("/var/www", False),
        ("/repo", False),
        ("/tmp/x", False),
        ("./x", False),
    ],
)
def test_the_system(path, answer):
    assert is_system(path) is answer
