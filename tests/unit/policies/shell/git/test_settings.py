from tests.support.shell import effects, facts


def test_settings_that_name_programs():
    assert {"exec_data", "persistence"} <= effects("git config core.hooksPath x")
    assert "exec_data" in effects("git -c core.pager=./x log")
    assert "exec_data" not in effects("git -c color.ui=never log")


def test_an_alias_is_read_as_the_command_it_is():
    assert "destructive" in facts("git -c alias.a='!rm -rf src' a").effects


def test_secrets():
    assert "secrets" in effects("git credential fill")
    assert "secrets" in effects("git config --get credential.helper")


def test_settings_of_a_clone_in_both_spellings():
    for option in ("-c core.fsmonitor=./x", "--config core.fsmonitor=./x", "--config=core.fsmonitor=./x"):
        assert "exec_data" in effects(f"git clone {option} https://h.example/a")


def test_the_file_that_is_written():
    assert facts("git config user.name x").writes == ("/repo/.git/config",)
    assert facts("git config --global user.name x").writes == ("~/.gitconfig",)
    assert facts("git config --system user.name x").writes == ("/etc/gitconfig",)
    assert facts("git config -f /srv/x user.name y").writes == ("/srv/x",)
    assert facts("git config --file x user.name").writes == ()
