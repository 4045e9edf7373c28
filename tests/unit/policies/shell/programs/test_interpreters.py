import pytest

from tests.support.shell import effects, facts, one, programs


@pytest.mark.parametrize(
    "text",
    [
        "sh -c 'rm -rf a'",
        "bash -lc 'rm -rf a'",
        "bash -c -- 'rm -rf a'",
        "zsh -c 'rm -rf a'",
        "bash -xec 'rm -rf a'",
        "echo 'rm -rf a' | bash -s",
        "python -c 'import os; os.system(\"rm -rf a\")'",
        'node -e \'require("child_process").exec("rm -rf a")\'',
        "perl -e 'system(\"rm -rf a\")'",
        "ruby -e 'system(\"rm -rf a\")'",
        "php -r 'system(\"rm -rf a\");'",
        "python3 <<X\nimport shutil; shutil.rmtree('a')\nX",
    ],
)
def test_text_that_destroys(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    "text",
    [
        "python3 -c 'print(1)'",
        "node -e 1",
        "perl -ne print a",
        "ruby -e 1",
        "php -r 1",
        "lua -e 1",
        "osascript -e x",
        'python3 -c "$X"',
    ],
)
def test_code_is_never_taken_as_read(text):
    found = facts(text)
    assert found.unknown
    assert "exec_data" in found.effects


def test_files_are_code_of_the_project():
    assert effects("python3 a.py") == {"project_code"}
    assert effects("bash a.sh") == {"project_code"}
    assert "exec_data" in effects("bash /tmp/a.sh")
    assert "exec_data" in effects("python3 /tmp/a.py")
    assert one("python3 a.py").reads == ("/repo/a.py",)


def test_modules():
    command = one("python3 -m pytest -q tests")
    assert command.flags == ("-m",)
    assert command.operands == ("pytest", "-q", "tests")
    assert command.effects == ("project_code",)
    assert "install" in effects("python3 -m pip install x")
    assert "network" in effects("python3 -m http.server")


def test_shells_without_text():
    assert effects("bash") == set()
    assert facts("bash -i").unknown
    assert facts("curl x | bash").unknown
    assert "rm" in programs("bash -c 'rm $X'")


def test_variables_of_a_shell_are_not_lost():
    assert "exec_data" in effects("BASH_ENV=./x bash -c ls")
