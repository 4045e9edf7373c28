"""Profiles: who gets which, what they inherit, and that narrowing never widens."""

import pytest

from policies.compiled import Guard, strictest, subagent
from policies.verdict import Caller
from tests.support.desk import Desk

TEXT = """
profiles:
  default: {rules: [base]}
  ci: {match: {tag: ci}, rules: [base, ci]}
  bot: {match: {key: "bot-*", harness: codex}, rules: []}
  reviewer: {match: {role: [review*], subagent: true}, inherit: default, narrow_only: true, default: deny, rules: [look]}
  subagent: {inherit: default, narrow_only: true, strip: ["mcp__*__delete*"], rules: [nofetch]}
rules:
  base:
    - {id: edit, allow: {tool: [edit, write], paths_in: workspace}}
    - {id: read, allow: {tool: read, paths_in: workspace}}
    - {id: fetch, allow: {tool: fetch, hosts: "*"}}
    - {id: mcp, allow: {mcp: "*"}}
  ci: [{id: ci-no-edit, deny: {tool: edit}}]
  look: [{id: look, allow: {tool: read, paths_in: workspace}}]
  nofetch: [{id: no-fetch, ask: {tool: fetch}}]
taint: {enabled: false}
"""
EDIT, READ = ("Edit", {"file_path": "a"}), ("Read", {"file_path": "a"})
FETCH, DELETE = ("WebFetch", {"url": "https://a.b"}), ("mcp__x__delete_all", {})


@pytest.fixture(scope="module")
def desk():
    return Desk(TEXT)


def test_who_gets_which(desk):
    name = lambda **who: desk.policy.profile(Caller(**who)).name  # noqa: E731
    assert name() == "default"
    assert name(tags=("x", "ci")) == "ci"
    assert name(key_id="bot-1", harness="codex") == "bot"
    assert name(key_id="bot-1", harness="opencode") == "default"
    assert name(agent="review-code") == "reviewer"
    assert name(agent="other") == "subagent"
    assert name(parent="s1") == "subagent"


def test_rules_of_profiles(desk):
    assert desk.decision(*EDIT) == "allow"
    assert desk.decision(*EDIT, tags=("ci",)) == "deny"
    assert desk.decision(*EDIT, key_id="bot-1", harness="codex") == "ask"


def test_a_layer_that_narrows_passes_what_it_does_not_speak_of(desk):
    assert desk.decision(*EDIT, agent="x") == "allow"
    assert desk.decision(*FETCH, agent="x") == "ask"
    assert desk.decision(*FETCH) == "allow"


def test_a_layer_with_a_default_allows_only_what_it_names(desk):
    assert desk.decision(*READ, agent="review") == "allow"
    assert desk.decision(*EDIT, agent="review") == "deny"


def test_stripped_tools_are_denied(desk):
    assert desk.decision(*DELETE, agent="x") == "deny"
    assert desk.decision(*DELETE) == "allow"
    assert desk.policy.profile(Caller(agent="x")).strip == ("mcp__*__delete*",)


def test_a_subagent_is_never_wider_than_its_parent():
    """Even where somebody writes a wider profile for it."""
    desk = Desk(
        "profiles:\n  default: {rules: []}\n  wide: {match: {role: '*'}, rules: [all], default: allow, mode: auto}\nrules: {all: [{id: a, allow: {tool: edit, paths_in: any}}]}"
    )
    assert desk.decision(*EDIT) == "ask"
    assert desk.decision(*EDIT, agent="x") == "ask"
    assert desk.verdict(*EDIT, agent="x").mode == "manual"


def test_a_narrow_profile_has_no_wider_mode():
    desk = Desk(
        "defaults: {bypass: allowed}\nprofiles:\n  default: {mode: plan}\n  subagent: {inherit: default, narrow_only: true, mode: bypass}"
    )
    assert desk.policy.profiles["subagent"].mode == "plan"


@pytest.mark.parametrize("mode", ["auto", "manual", "dont_ask", "plan"])
def test_what_one_mode_does_not_lift_is_not_lifted(mode):
    """accept_edits is no wider and no narrower than auto: neither may lift what the other would not."""
    desk = Desk(
        f"profiles:\n  default: {{mode: {mode}}}\n"
        "  subagent: {inherit: default, narrow_only: true, mode: accept_edits}\n"
        "  apart: {match: {role: apart}, mode: accept_edits}"
    )
    assert desk.decision(*EDIT, agent="x") != "allow"
    assert desk.decision(*EDIT, agent="apart") != "allow"


def test_without_profiles_all_sets_hold():
    desk = Desk("rules: {a: [{id: a, deny: {tool: read}}], b: [{id: b, deny: {tool: edit}}]}")
    assert desk.decision(*READ) == desk.decision(*EDIT) == "deny"


def test_words():
    assert strictest([]) == "allow"
    assert strictest(["allow", "deny", "ask"]) == "deny"
    assert subagent(Caller(agent=""))
    assert not subagent(Caller())


def test_tools_of_a_policy():
    text = "tools:\n  read: {names: [peek], path_arg: where}\n  fetch: {names: [grab], url_arg: at}\n  write: {names: [put], path_arg: where}\nrules: {a: [{id: r, allow: {tool: read, paths_in: workspace}}]}"
    desk = Desk(text)
    assert desk.decision("peek", {"where": "a"}) == "allow"
    assert desk.decision("peek", {"where": "/etc/x"}) == "ask"
    assert desk.verdict("grab", {"at": "https://a.b"}).facts.hosts == ("a.b",)
    assert desk.verdict("put", {"where": "b"}).facts.writes == ("/repo/b",)
    assert desk.verdict("peek", {}).checkpoint == "input_validation"


GUARD = Guard(files=("/etc/interlock.yaml",), private=("/state/**",), hosts=("127.0.0.1:4242",), pids=(77,))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Edit", {"file_path": "/etc/interlock.yaml"}),
        ("Read", {"file_path": "/state/keys.sqlite"}),
        ("Write", {"file_path": "/state/x"}),
        ("WebFetch", {"url": "http://127.0.0.1:4242/admin/v1/approvals"}),
        ("mcp__fs__write", {"path": "/etc/interlock.yaml"}),
        ("unheard_of", {"where": "/state/x"}),
        ("Write", {"file_path": "/mine/x"}),
    ],
)
def test_the_gateway_protects_itself(tool, arguments):
    desk = Desk(
        "defaults: {decision: allow, bypass: allowed}\nprofiles: {default: {mode: bypass, default: allow}}\nprotect: {paths: [/mine/**]}",
        guard=GUARD,
    )
    verdict = desk.verdict(tool, arguments)
    assert verdict.decision == "deny"
    assert verdict.rules[0].rule.startswith("self_protection/")
    assert desk.decision("Read", {"file_path": "/etc/interlock.yaml"}) == "allow"
