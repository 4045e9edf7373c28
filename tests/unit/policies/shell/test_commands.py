import pytest

from tests.support.shell import facts, one


@pytest.mark.parametrize(
    "text",
    [
        "\\rm -rf a",
        "r''m -rf a",
        "/bin/rm -rf a",
        "/usr//bin/rm -rf a",
        "$'\\x72m' -rf a",
        "/opt/homebrew/bin/rm -rf a",
    ],
)
def test_one_program_by_many_names(text):
    command = one(text)
    assert command.program == "rm"
    assert "destructive" in command.effects


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("./ls", "project_code"),
        ("bin/ls a", "project_code"),
        ("/tmp/ls", "exec_data"),
        ("~/bin/ls", "exec_data"),
        ("node_modules/.bin/jest", "project_code"),
        ("/usr/bin/../../tmp/ls", "exec_data"),
    ],
)
def test_programs_by_path_are_code_of_somebody(text, effect):
    command = one(text)
    assert effect in command.effects
    assert command.reads


def test_a_program_that_is_not_constant():
    found = facts("$X a")
    assert found.commands[0].program == ""
    assert found.unknown
    assert "exec_data" in found.effects


def test_capitals_are_the_same_program_on_some_machines():
    found = facts("GIT reset --hard")
    assert "destructive" in found.effects
    assert found.unknown


def test_strangers_are_marked_and_their_paths_are_reads():
    command = one("frobnicate ~/.ssh/id_rsa --key=/etc/x plain")
    assert command.known is False
    assert set(command.reads) == {"~/.ssh/id_rsa", "/etc/x"}
    assert not command.unknown


def test_strangers_that_say_they_destroy():
    assert "destructive" in one("frobnicate volumes delete x").effects


def test_variables_in_front_are_facts_and_code():
    command = one("LD_PRELOAD=./x.so ls")
    assert command.assigns == (("LD_PRELOAD", "./x.so"),)
    assert "exec_data" in command.effects
    assert one("LC_ALL=C ls").effects == ()


def test_variables_set_before_poison_what_follows():
    assert facts("PATH=./bin; ls").unknown
    assert facts("export GIT_PAGER=./x && git log").unknown
    assert not facts("FOO=1; ls").unknown


def test_secrets_of_the_environment():
    assert "secrets" in one('echo "$GITHUB_TOKEN"').effects
    assert "secrets" in facts('curl -H "x: $API_KEY" a.example').effects
    assert "secrets" not in facts('MY_TOKEN=a; echo "$MY_TOKEN"').effects


def test_subcommands():
    command = one("git stash drop")
    assert (command.subcommand, command.operands) == ("stash", ("drop",))
    assert facts("git $X").unknown
    assert facts("git frobnicate").unknown


def test_words_that_are_not_known():
    assert facts("cat $X").unknown
    assert not facts('echo "$X"').unknown


@pytest.mark.parametrize(
    "text",
    ["frobnicate rm -rf src", "frobnicate --level 3 git reset --hard", "A-B=2 rm -rf src", "kafka-delete-records x"],
)
def test_strangers_may_be_wrappers(text):
    found = facts(text)
    assert "destructive" in found.effects


@pytest.mark.parametrize("text", ["frobnicate test x", "frobnicate make", "frobnicate a b c d e f rm -rf x"])
def test_words_of_strangers_are_no_commands(text):
    assert len(facts(text).commands) == 1
