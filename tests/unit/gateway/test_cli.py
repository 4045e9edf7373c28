"""The command line as a whole: help without running commands, typos, exit codes."""

import subprocess
import sys

import click
from click.testing import CliRunner

from gateway.cli import main


def test_help_lists_every_command_without_importing_one():
    code = (
        "import sys; from gateway.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "loaded = [m for m in sys.modules if m.startswith('gateway.') and m != 'gateway.cli']\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("config", "init", "list"):
        assert f"\n  {name} " in done.stdout
    assert "_configuration" not in done.stdout


def test_version():
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("interlock, version ")


def test_a_typo_is_usage_with_the_nearest_name():
    result = CliRunner().invoke(main, ["confg"])
    assert result.exit_code == 2
    assert "Did you mean config?" in result.output
    assert "Known: " in CliRunner().invoke(main, ["zzzzzz"]).output


def test_helpers_are_no_commands():
    assert CliRunner().invoke(main, ["_configuration"]).exit_code == 2


def test_every_command_has_one_line_of_help():
    for name in main.list_commands(click.Context(main)):
        assert main._help(name).endswith("."), name


def test_commands_are_found_by_file_name():
    context = click.Context(main)
    assert all(main.get_command(context, name) is not None for name in ("config", "init", "list"))
    assert main.get_command(context, "nope") is None
