import pytest

from tests.support.shell import effects, facts


@pytest.mark.parametrize(
    "text",
    [
        "shutdown now",
        "reboot",
        "killall x",
        "pkill x",
        "kill -9 -1",
        "systemctl stop x",
        "service x stop",
        "crontab -r",
        "userdel x",
        "launchctl unload x",
        "hg purge",
    ],
)
def test_destruction(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("systemctl enable x", "persistence"),
        ("crontab a", "persistence"),
        ("at now <<< ls", "persistence"),
        ("useradd x", "privilege"),
        ("modprobe x", "privilege"),
        ("sysctl -w a=b", "privilege"),
        ("printenv", "secrets"),
        ("pbpaste", "secrets"),
        ("hg push", "publish"),
        ("claude -p x", "exec_data"),
        ("defaults write x", "persistence"),
        ("xdg-open a", "exec_data"),
    ],
)
def test_effects(text, effect):
    assert effect in effects(text)


@pytest.mark.parametrize("text", ["systemctl status x", "crontab -l", "sysctl a", "hg status", "service x status"])
def test_looking(text):
    assert not effects(text)


def test_a_signal_is_doubt():
    assert facts("kill 123").unknown
    assert "persistence" in effects("echo '* * * * * x' | crontab -")
    assert "destructive" in effects("at now <<< 'rm -rf x'")
