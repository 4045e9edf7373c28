"""Which tools a profile takes out of requests: by name alone, and never more than it denies."""

import pytest

from policies.strip import stripped
from policies.verdict import Caller
from tests.support.desk import Desk

RULES = """
rules:
  base:
    - {id: all, allow: {tool: [read, shell, mcp, fetch, delete, other]}}
    - {id: net, deny: {tool: [fetch, 'weird*']}}
    - {id: gh, deny: {mcp: {server: gh, tool: 'delete_*'}}}
    - {id: some, deny: {tool: read, reads: '**/x'}}
    - {id: late, deny: {tool: shell}, when: 'now.hour > 25'}
    - {id: batches, deny: {tool: delete}}
"""


def gone(text, *names, **who):
    held = stripped(Desk(text).policy, Caller(**who))
    return held if held is None else [name for name in names if held(*name)]


def names(*texts):
    return [(text, "") for text in texts]


def test_nothing_is_asked_where_nothing_goes():
    assert stripped(Desk(RULES).policy, Caller()) is None
    assert not Desk(RULES).policy.strips
    assert Desk(RULES + "profiles: {default: {strip: x}}").policy.strips


def test_globs_of_names():
    text = RULES + "profiles: {default: {strip: ['mcp__*__delete*', bash]}}"
    assert gone(text, *names("bash", "bashful", "mcp__gh__delete_x", "mcp__gh__get")) == names(
        "bash", "mcp__gh__delete_x"
    )
    assert gone(text, ("delete_all", "mcp__gh"), ("bash", "functions")) == [
        ("delete_all", "mcp__gh"),
        ("bash", "functions"),
    ]


def test_plain_denials_too():
    text = RULES + "profiles: {default: {strip_denied: true}}"
    offered = names(
        "webfetch", "read", "bash", "weird_tool", "mcp__gh__delete_repo", "mcp__gh__get", "unknown", "batch"
    )
    assert gone(text, *offered) == names("webfetch", "weird_tool", "mcp__gh__delete_repo")


def test_a_subagent_loses_what_the_agent_above_it_loses():
    text = RULES + "profiles: {default: {strip: bash}, subagent: {strip: read}}"
    assert gone(text, *names("bash", "read")) == names("bash")
    assert gone(text, *names("bash", "read"), agent="x") == names("bash", "read")


def test_inherited():
    text = RULES + "profiles: {default: {strip: bash}, k: {match: {key: k1}, inherit: default, strip: read}}"
    assert gone(text, *names("bash", "read"), key_id="k1") == names("bash", "read")


@pytest.mark.parametrize("tool", ["webfetch", "weird_tool", "bash"])
def test_what_goes_is_denied_too(tool):
    arguments = {"webfetch": {"url": "https://x.y"}, "bash": {"command": "ls"}}.get(tool, {})
    assert Desk(RULES + "profiles: {default: {strip_denied: true, strip: bash}}").decision(tool, arguments) == "deny"
