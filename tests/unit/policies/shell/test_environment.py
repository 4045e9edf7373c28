import pytest

from policies.shell.environment import changes_programs, is_secret


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "LD_PRELOAD",
        "DYLD_INSERT_LIBRARIES",
        "GIT_SSH_COMMAND",
        "PAGER",
        "NODE_OPTIONS",
        "PYTHONPATH",
        "BASH_ENV",
        "IFS",
        "EDITOR",
        "RUSTC_WRAPPER",
        "npm_config_registry",
        "http_proxy",
    ],
)
def test_variables_that_choose_programs(name):
    assert changes_programs(name, "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LC_ALL", "C"),
        ("CI", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("PAGER", "cat"),
        ("GIT_AUTHOR_NAME", "x"),
        ("FOO", "x"),
    ],
)
def test_variables_that_do_not(name, value):
    assert not changes_programs(name, value)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("GITHUB_TOKEN", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("DB_PASSWORD", True),
        ("OPENAI_API_KEY", True),
        ("TOKENIZERS_PARALLELISM", False),
        ("KEYBOARD", False),
        ("AUTHOR", False),
        ("PATH", False),
    ],
)
def test_secrets_by_name(name, answer):
    assert is_secret(name) is answer
