"""`interlock policy`: each command, its lines and its exit codes."""

import json

import pytest
from click.testing import CliRunner

from gateway.cli.policy import COMMAND
from policies import audit
from policies.secrets import mask
from policies.verdict import Caller, ToolCall
from tests.support.desk import Desk

RULES = "version: 1\nrules:\n  b:\n    - {id: read, allow: {tool: read, paths_in: workspace}}\n    - {id: no-env, deny: {reads: '**/.env'}, match: [{tool: Read, arguments: {file_path: .env}}]}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("INTERLOCK_CONFIG", raising=False)
    (tmp_path / "p.yaml").write_text(RULES)
    return tmp_path


def run(*words, **more):
    return CliRunner().invoke(COMMAND, list(words), **more)


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_check_one_call(here):
    result = run("check", "-p", "p.yaml", "--tool", "Read", "--arg", "file_path=a", "--cwd", "/w/x")
    assert result.exit_code == 0
    [told] = lines(result)
    assert (told["decision"], told["rules"], told["facts"]["reads"]) == ("allow", ["read"], ["/w/x/a"])
    assert isinstance(told["latency_us"], int)
    explained = run("check", "-p", "p.yaml", "--tool", "Read", "--arg", "file_path=.env", "--explain").stdout
    assert explained.startswith("deny: rule no-env")
    assert "rule read: allow" in explained


def test_arguments_may_be_json(here):
    [told] = lines(
        run("check", "-p", "p.yaml", "--tool", "read_files", "--arg", 'paths=["/w/x/a","/w/x/.env"]', "--cwd", "/w/x")
    )
    assert told["decision"] == "deny"
    assert run("check", "--tool", "Read", "--arg", "nothing").exit_code == 2
    assert run("check").exit_code == 2
    assert run("check", "--tool", "x", "--file", "p.yaml").exit_code == 2


def test_check_a_file_in_order_with_broken_lines(here):
    calls = [
        '{"id":"a","tool":"Read","arguments":{"file_path":"a"},"cwd":"/w/x"}',
        "{broken",
        '{"id":"c","tool":"Read","arguments":{"file_path":"a","file_path":"b"}}',
        "",
        '{"id":"e","tool":"Read","arguments":{"file_path":".env"},"cwd":"/w/x","session":"s"}',
        "null",
    ]
    (here / "calls.jsonl").write_text("\n".join(calls) + "\n")
    result = run("check", "--file", "calls.jsonl", "--policy", "p.yaml")
    assert result.exit_code == 0
    told = lines(result)
    assert [line["id"] for line in told] == ["a", 2, "c", 4, "e", 6]
    assert [line["decision"] for line in told] == ["allow", "deny", "deny", "deny", "deny", "deny"]
    assert [line["checkpoint"] for line in told] == ["rules", *["input_validation"] * 3, "rules", "input_validation"]
    assert all({"id", "decision", "rules", "facts", "reason", "latency_us"} <= line.keys() for line in told)


def test_standard_input_and_bundled_names(here):
    result = run(
        "check", "--file", "-", "-p", "read-only", input='{"id":1,"tool":"Edit","arguments":{"file_path":"a"}}\n'
    )
    assert lines(result)[0]["decision"] == "deny"


def test_policies_that_cannot_be_used(here):
    (here / "bad.yaml").write_text("version: 1\nx: 1\ny: 2\n")
    result = run("check", "-p", "bad.yaml", "--tool", "Read")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2
    assert "bad.yaml:2: x: the key x is not known" in result.stderr
    assert "bundled: read-only" in run("lint", "nope").stderr
    (here / "latin.yaml").write_bytes(b"\xff")
    assert "not UTF-8" in run("lint", "latin.yaml").stderr


def test_lint(here):
    assert run("lint", "p.yaml").exit_code == 0
    (here / "q.yaml").write_text("version: 1\nrules: {b: [{id: r, deny: {program: git, flags: force}}]}")
    result = run("lint", "q.yaml")
    assert result.exit_code == 1
    assert "error: r: the flag 'force'" in result.stdout
    (here / "w.yaml").write_text("version: 1\nrules: {b: [{id: r, deny: {tool: write}}]}")
    assert run("lint", "w.yaml").exit_code == 0
    assert run("lint", "w.yaml", "--strict").exit_code == 1
    assert json.loads(run("lint", "q.yaml", "--json").stdout)[0]["level"] == "error"


def test_test(here):
    assert "1 examples, 0 failed" in run("test", "-p", "p.yaml").stdout
    good = '{"tool":"Read","arguments":{"file_path":"a"},"expect":"allow"}\n\n{broken\n'
    (here / "good.jsonl").write_text(good)
    assert run("test", "good.jsonl", "-p", "p.yaml").exit_code == 0
    (here / "bad.jsonl").write_text(
        '{"tool":"Read","arguments":{"file_path":"a"},"expect":"deny"}\n{"tool":"Read","arguments":{}}\n'
    )
    result = run("test", "bad.jsonl", "-p", "p.yaml")
    assert result.exit_code == 1
    assert "bad.jsonl:1: allow, deny was expected" in result.stderr
    assert 'bad.jsonl:2: no "expect"' in result.stderr


def log(path, *calls):
    head, out = audit.GENESIS, []
    for number, (tool, arguments, more) in enumerate(calls, 1):
        call = ToolCall(str(number), tool, json.dumps(arguments).encode())
        verdict = Desk(RULES.removeprefix("version: 1\n")).verdict(tool, arguments)
        record = (
            audit.decision(call, Caller(cwd="/repo", home="/home/u", session="s"), verdict, latency_us=1, mask_key=b"k")
            | more
        )
        made = audit.chained(record, number, head)
        out.append(made.line)
        head = made.head
    path.write_bytes(b"".join(out))


def test_replay(here):
    log(here / "audit.jsonl", ("Read", {"file_path": "a"}, {}), ("Edit", {"file_path": "a"}, {}))
    assert run("replay", "audit.jsonl", "-p", "p.yaml").exit_code == 0
    (here / "q.yaml").write_text("version: 1\ndefaults: {decision: deny}")
    result = run("replay", "audit.jsonl", "-p", "q.yaml")
    assert result.exit_code == 1
    assert "1  Read: allow -> deny" in result.stdout
    assert "2 calls, 2 decided differently" in result.stdout
    assert len(lines(run("replay", "audit.jsonl", "-p", "q.yaml", "--json"))) == 2
    (here / "fixture.jsonl").write_text('{"id":"f","tool":"Read","arguments":{"file_path":"a"},"expect":"deny"}\n')
    assert "f  Read: deny -> allow" in run("replay", "fixture.jsonl", "-p", "p.yaml").stdout
    assert "there is no audit log" in run("replay", "--state-dir", "nowhere").stderr


def test_diff(here):
    (here / "q.yaml").write_text(RULES.replace("tool: read", "tool: [read, list]").replace("no-env", "no-dotenv"))
    result = run("diff", "p.yaml", "q.yaml")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["+ no-dotenv", "- no-env", "~ read"]
    assert run("diff", "p.yaml", "p.yaml").exit_code == 0
    (here / "c.jsonl").write_text('{"id":"x","tool":"LS","arguments":{"path":"."}}\n')
    assert "x  LS: ask -> allow" in run("diff", "p.yaml", "q.yaml", "--calls", "c.jsonl").stdout


def test_suggest(here):
    granted = {"decision": "allow", "checkpoint": "approval", "granted_by": "t1"}
    ask = ("Edit", {"file_path": "a"}, {})
    passed = {"decision": "allow", "checkpoint": "classifier", "granted_by": "classifier v1"}
    long = ("Edit", {"file_path": "a", "new_string": "x" * 5000}, granted)
    edits = (("Edit", {"file_path": name}, granted) for name in "ab")
    log(here / "audit.jsonl", ask, *edits, long, ("Edit", {"file_path": "d"}, passed))
    shown = run("suggest", "audit.jsonl", "-p", "p.yaml").stdout
    assert "learned-edit-Edit" in shown
    assert "# 3 approvals" in shown
    assert shown.count("#   granted: Edit") == 3
    assert shown.count("#   passed by classifier v1: Edit") == 1
    assert "characters more]" in shown
    assert "no habit" in run("suggest", "audit.jsonl", "-p", "p.yaml", "--least", "4").stderr


def test_show(here):
    assert run("show", "strict").stdout.startswith("# strict")


def test_the_policies_of_the_configuration(here):
    (here / "interlock.yaml").write_text("version: 1\npolicies: []\n")
    [told] = lines(run("check", "--tool", "Read", "--arg", "file_path=/w/x/.env", "--cwd", "/w/x"))
    assert told["rules"][0] == "no-secrets"


TOKEN = "ghp_" + "a1B2c3D4e" * 4


def test_what_would_be_kept_of_a_result(here):
    (here / "out.txt").write_text(f"first\n  key: {TOKEN}\n")
    [told] = lines(run("check", "--result", "out.txt"))
    (hit,) = told["found"]
    assert (told["action"], hit["kind"], hit["line"], hit["column"]) == ("mask", "github_token", 2, 8)
    assert told["text"] == f"first\n  key: {hit['mask']}\n"
    [own] = lines(run("check", "--result", "-", "--to", "own", input=TOKEN))
    assert (own["action"], own["text"]) == ("off", TOKEN)


def test_masks_are_those_of_the_gateway_whose_state_is_named(here):
    (here / "mask.key").write_bytes(b"k" * 32)
    masks = [
        lines(run("check", "--result", "-", *more, input=TOKEN))[0]["text"]
        for more in (("--state-dir", str(here)), ("--state-dir", str(here)), ("--state-dir", str(here / "none")))
    ]
    assert masks[0] == masks[1] == mask("github_token", TOKEN, b"k" * 32)
    assert masks[2] != masks[0]


def test_lanes_may_differ(here):
    (here / "q.yaml").write_text("version: 1\nredact: {secrets: {cloud: mask, frontier: deny}}\n")
    told = [
        lines(run("check", "-p", "q.yaml", "--result", "-", "--to", to, input=TOKEN))[0] for to in ("mid", "frontier")
    ]
    assert [one["action"] for one in told] == ["mask", "deny"]
    assert TOKEN not in told[1]["text"]


def test_one_thing_at_a_time(here):
    assert run("check", "--result", "p.yaml", "--tool", "x").exit_code == 2


def test_examples_of_detectors_are_played(here):
    (here / "q.yaml").write_text(
        "version: 1\nredact: {teams: [{words: acme, match: [acme_x], not_match: [acmes, b]}]}\n"
    )
    done = run("test", "-p", "q.yaml")
    assert done.exit_code == 0
    assert done.stdout.startswith("3 examples, 0 failed")
