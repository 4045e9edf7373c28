"""`interlock approvals`."""

import json

import pytest
from click.testing import CliRunner

from gateway.adapters.approvals import ApprovalFile
from gateway.adapters.judging import APPROVALS
from gateway.adapters.system import SystemClock
from gateway.cli.approvals import COMMAND
from tests.unit.gateway.adapters.test_approvals import wanted


@pytest.fixture
def file(tmp_path):
    made = ApprovalFile(tmp_path / APPROVALS, SystemClock())
    yield made
    made.close()


@pytest.fixture
def run(tmp_path):
    return lambda *words: CliRunner().invoke(COMMAND, [*words, "--state-dir", str(tmp_path)])


def test_nothing_was_ever_asked(run):
    result = run("list")
    assert result.exit_code == 1
    assert "no call has ever waited" in result.stderr


def test_list_show_grant(run, file):
    asked, _ = file.request(wanted(shown="bash\ncommand: git push\\u202e"), open_s=600, open_max=9)
    listed = run("list").stdout
    assert asked.id in listed
    assert "git push" in listed
    assert [row["id"] for row in json.loads(run("list", "--json").stdout)] == [asked.id]
    shown = run("show", asked.id).stdout
    assert "  command: git push\\u202e" in shown
    assert "no rule" in shown
    granted = run("grant", asked.id, "--uses", "3", "--for", "60", "--note", "go")
    assert granted.exit_code == 0, granted.output
    assert "granted for 3 calls" in granted.stdout
    held = file.find(asked.id)
    assert (held.state, held.uses_left, held.note) == ("granted", 3, "go")
    assert held.decided_by.endswith("(command line)")
    assert "3 left" in run("show", asked.id).stdout
    assert run("list").stdout == "Nothing waits.\n"
    assert asked.id in run("list", "--state", "all").stdout


def test_deny_stands(run, file):
    asked, _ = file.request(wanted(), open_s=600, open_max=9)
    assert run("deny", asked.id, "--note", "no").stdout == f"{asked.id} denied\n"
    again = run("grant", asked.id)
    assert again.exit_code == 1
    assert "denied already" in again.stderr
    assert json.loads(run("show", asked.id, "--json").stdout)["state"] == "denied"


def test_an_unknown_id(run, file):
    file.request(wanted(), open_s=600, open_max=9)
    for words in (("show", "apr_x"), ("grant", "apr_x"), ("deny", "apr_x")):
        result = run(*words)
        assert result.exit_code == 1
        assert "no approval has the id" in result.stderr
