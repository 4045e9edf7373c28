"""`interlock audit`."""

import json

import pytest
from click.testing import CliRunner

from gateway.cli.audit import COMMAND
from policies import audit


@pytest.fixture
def log(tmp_path):
    head, out = audit.GENESIS, []
    for number, decision in enumerate(("allow", "deny", "ask"), 1):
        record = {
            "kind": "decision",
            "at": 60.0 * number,
            "decision": decision,
            "tool": "Bash",
            "reason": f"r{number}",
            "session": f"s{number}",
        }
        made = audit.chained(record, number, head)
        out.append(made.line)
        head = made.head
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(out))
    return path, head


def run(*words):
    return CliRunner().invoke(COMMAND, [str(word) for word in words])


def test_verify(log):
    path, head = log
    assert run("verify", path).exit_code == 0
    assert f"3 lines, 0 findings, head {head}" in run("verify", "--state-dir", path.parent).stdout
    assert run("verify", path, "--head", head).exit_code == 0
    assert "lines are missing" in run("verify", path, "--head", "0" * 64).stderr


def test_verify_a_log_that_was_touched(log):
    path, _ = log
    path.write_bytes(path.read_bytes().replace(b"r2", b"r9"))
    result = run("verify", path)
    assert result.exit_code == 1
    assert f"{path}:2: was changed" in result.stderr
    told = json.loads(run("verify", path, "--json").stdout)
    assert (told["ok"], told["lines"], len(told["findings"])) == (False, 3, 1)


def test_several_logs_are_verified_and_shown_together(log):
    path, head = log
    other = path.with_name("audit-1.jsonl")
    other.write_bytes(path.read_bytes())
    assert run("verify", "--state-dir", path.parent).stdout.count("3 lines, 0 findings") == 2
    assert run("verify", "--state-dir", path.parent, "--head", head).exit_code == 2
    lines = run("show", "--state-dir", path.parent).stdout.splitlines()
    assert [line[-2:] for line in lines] == ["r1", "r1", "r2", "r2", "r3", "r3"]
    other.write_bytes(other.read_bytes().replace(b"r2", b"r9"))
    told = json.loads(run("verify", "--state-dir", path.parent, "--json").stdout)
    assert sorted(found["ok"] for found in told) == [False, True]


def test_no_log(tmp_path):
    result = run("verify", "--state-dir", tmp_path)
    assert result.exit_code == 1
    assert "there is no audit log" in result.stderr


def test_show(log):
    path, _ = log
    assert run("show", path).stdout.splitlines()[0] == "1970-01-01 00:01:00  allow  Bash  r1"
    assert run("show", path, "--limit", "1").stdout.splitlines() == ["1970-01-01 00:03:00  ask    Bash  r3"]
    assert "r2" in run("show", path, "--decision", "deny").stdout
    assert len(run("show", path, "--session", "s3", "--json").stdout.splitlines()) == 1
