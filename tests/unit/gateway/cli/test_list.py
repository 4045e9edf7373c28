"""`interlock list`."""

from click.testing import CliRunner

from gateway.cli import main
from gateway.harnesses.registry import all_harnesses
from gateway.providers.registry import all_providers


def test_providers():
    result = CliRunner().invoke(main, ["list", "providers"])
    assert result.exit_code == 0
    rows = result.stdout.splitlines()
    assert [row.split()[0] for row in rows[1:]] == list(all_providers())
    assert rows[0].split() == ["NAME", "DIALECTS", "KEY", "ADDRESS"]


def test_dialects():
    result = CliRunner().invoke(main, ["list", "dialects"])
    assert result.exit_code == 0
    assert result.stdout.startswith("NAME")


def test_harnesses():
    result = CliRunner().invoke(main, ["list", "harnesses"])
    assert result.exit_code == 0
    assert [row.split()[0] for row in result.stdout.splitlines()[1:]] == list(all_harnesses())


def test_unknown_kind_is_usage():
    assert CliRunner().invoke(main, ["list", "trains"]).exit_code == 2
