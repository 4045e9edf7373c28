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
