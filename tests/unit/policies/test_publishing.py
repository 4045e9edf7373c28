"""Which calls carry text outward, and what becomes of secrets and masks among their arguments."""

import json

import pytest

from policies import load, publishing
from policies.engine import Situation, drive, judge
from policies.facts import Command, Facts
from policies.leaks import Detectors
from policies.model import Redact
from policies.secrets import MASK
from policies.verdict import Caller, ToolCall
from tests.support.shell import parser

TOKEN = "ghp_" + "a1B2c3D4e" * 4
FOUND = "[secret:github_token:0123abcd]"


def call(name="bash", /, *, custom=False, **arguments):
    raw = arguments["text"] if custom else json.dumps(arguments)
    return ToolCall("1", name, raw.encode(), custom=custom)


def verdict(made, redact="{}", rules=""):
    policy = load.load([("p", f"version: 1\nextends: safe-default\nredact: {redact}\n{rules}")])
    caller = Caller(cwd="/workspace", home="/home/user")
    return drive(judge(policy, made, caller, Situation(mask_key=b"k")), lambda need: parser().parse(need.text))


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (Facts("shell", "bash", effects=("publish",)), True),
        (Facts("fetch", "fetch", effects=("network",)), True),
        (Facts("shell", "bash", commands=(Command("git", subcommand="commit"),)), True),
        (Facts("shell", "bash", commands=(Command("git", subcommand="status"),)), False),
        (Facts("mcp", "create_issue", "github"), True),
        (Facts("mcp", "createPullRequest", "forge"), True),
        (Facts("mcp", "slack_post_message", "chat"), True),
        (Facts("mcp", "get_issue", "github"), False),
        (Facts("mcp", "list_comments", "github"), False),
        (Facts("mcp", "assign", "jira"), True),
        (Facts("mcp", "write_file", "filesystem"), False),
        (Facts("write", "Write"), False),
    ],
)
def test_what_carries_text_outward(facts, wanted):
    assert publishing.sends(facts) is wanted


@pytest.mark.parametrize(
    "made",
    [
        call(command=f"git commit -m 'the key is {TOKEN}'"),
        call(command=f"git tag -a v1 -m {TOKEN}"),
        call(command=f"gh pr create --title x --body {TOKEN}"),
        call(command=f"npm publish --tag {TOKEN}"),
        call("mcp__github__create_issue", title="x", body=f"a\n{TOKEN}"),
        call("mcp__slack__post_message", name=TOKEN),
    ],
)
def test_secrets_do_not_get_published(made):
    told = verdict(made)
    assert told.decision == "deny"
    assert "redact/publish" in [match.rule for match in told.rules]
    assert TOKEN not in told.reason
    assert verdict(made, "{publish: ask}").decision in ("ask", "deny")
    assert "redact/publish" not in [match.rule for match in verdict(made, "{publish: off}").rules]


def test_words_of_the_team_do_not_get_published():
    words = "{teams: [{words: [bluebird], name: code, action: off}]}"
    assert verdict(call(command="git commit -m 'move bluebird_api'"), words).decision == "deny"
    off = "{teams: [{words: [bluebird], name: code, publish: off}]}"
    assert "redact/publish" not in [m.rule for m in verdict(call(command="git commit -m bluebird"), off).rules]


def test_masked_by_rule_and_judged_again():
    rules = (
        "rules:\n  git:\n    - {id: commits, allow: {program: git, subcommand: commit, paths: './**'}}\n"
        "profiles: {default: {rules: [safety, git]}}\n"
    )
    told = verdict(call(command=f"git commit -m 'use {TOKEN}'"), "{publish: mask}", rules)
    assert told.decision == "allow"
    assert told.arguments is not None
    (mask,) = MASK.findall(told.arguments.decode())
    assert json.loads(told.arguments)["command"] == f"git commit -m 'use {mask}'"
    assert verdict(call(command=f"rm -rf src; git commit -m {TOKEN}"), "{publish: mask}", rules).decision == "deny"


def test_a_mask_among_the_arguments_is_a_fact_and_is_asked_about():
    told = verdict(call("Write", file_path="/workspace/a", content=f"k={FOUND}"))
    assert told.facts.masked == (FOUND,)
    assert "redact/masked" in [match.rule for match in told.rules]
    assert told.floor
    assert verdict(call("Write", file_path="/workspace/a", content=FOUND), "{masked: deny}").decision == "deny"
    off = verdict(call("Write", file_path="/workspace/a", content=FOUND), "{masked: off}")
    assert "redact/masked" not in [match.rule for match in off.rules]
    looked = verdict(call("Read", file_path=f"/workspace/{FOUND}"))
    assert "redact/masked" not in [match.rule for match in looked.rules]


def test_rules_may_speak_of_masks():
    rules = (
        "rules:\n  m:\n    - {id: no-masks, deny: {tool: write, masked: true}}\n"
        "    - {id: by-cel, deny: {tool: edit}, when: 'size(call.masked) > 0'}\nprofiles: {default: {rules: [m]}}\n"
    )
    assert "no-masks" in [m.rule for m in verdict(call("Write", file_path="a", content=FOUND), rules=rules).rules]
    assert "no-masks" not in [m.rule for m in verdict(call("Write", file_path="a", content="x"), rules=rules).rules]
    edit = call("Edit", file_path="a", old_string="x", new_string=FOUND)
    assert "by-cel" in [m.rule for m in verdict(edit, rules=rules).rules]


def test_masks_are_seen_through_escapes():
    raw = json.dumps({"x": FOUND}).replace("[secret", "\\u005bsecret").encode()
    assert publishing.masks(ToolCall("1", "t", raw)) == (FOUND,)
    assert publishing.masks(call(custom=True, text=f"a {FOUND} b")) == (FOUND,)
    assert publishing.masks(call(command="ls")) == ()


def test_custom_tools_take_text():
    detectors = Detectors(Redact(publish="mask"))
    made = call("say", custom=True, text=f"key {TOKEN}")
    shown = publishing.masked(made, detectors, b"k")
    assert shown is not None
    assert TOKEN.encode() not in shown
    assert publishing.found(made, Detectors(Redact())) == publishing.Found("deny", "github_token")
    assert publishing.masked(made, Detectors(Redact()), b"k") is None
