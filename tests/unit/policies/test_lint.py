"""What lint finds, and what it leaves alone."""

import pytest

from policies.lint import lint
from policies.load import load
from tests.support.desk import policy


def said(rules, more=""):
    return [
        f"{advice.level} {advice.rule}: {advice.message}" for advice in lint(policy(f"rules: {{b: [{rules}]}}\n{more}"))
    ]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("{id: r, deny: {tool: write, program: rm}, match: []}", "error r: program speaks of commands"),
        ("{id: r, deny: {tool: write, reads: /x}}", "error r: write reads nothing"),
        ("{id: r, allow: {tool: read, writes: /x}}", "error r: read writes nothing"),
        ("{id: r, deny: {tool: read, mcp: gh}}", "exclude each other"),
        ("{id: r, deny: {program: git, flags: force}}", "has no dash"),
        ("{id: r, deny: {program: git, flags: '--output=x'}}", "without their value: write '--output'"),
        ("{id: r, deny: {program: /usr/bin/git}}", "known by their last name"),
        ("{id: r, deny: {program: 'git push'}}", "without arguments"),
        ("{id: r, deny: {hosts: 'https://x.y/'}}", "hosts are names"),
        ("{id: r, deny: {tool: Reed}}", "no harness that is known"),
        ("{id: r, deny: {args: {command: {regex: 'rm -rf'}}}}", "use program, flags"),
        ("{id: r, deny: {args: {file_path: '*.env'}}}", "use reads, writes or paths"),
        ("{id: r, deny: {tool: write}}", "without `match` examples"),
        ("{id: r, allow: {}}", "allows every call"),
        ("{id: r, allow: {program: python, effects: exec_data}}", "run any code"),
        ("{id: r, allow: {program: '*', effects: network}}", "every program to have the effects network"),
        ("{id: r, allow: {tool: write, paths_in: any}}", "writes anywhere"),
        ("{id: r, allow: {tool: fetch, hosts: '*'}}", "allows every host"),
        (
            "{id: r, allow: {program: git, subcommand: push}}, {id: s, ask: {program: git}}",
            "r: never decides: the rule s (ask)",
        ),
        ("{id: r, ask: {program: rm}}, {id: s, deny: {program: r*}}", "r: never decides: the rule s (deny)"),
    ],
)
def test_found(rule, what):
    assert any(what in sentence for sentence in said(rule)), said(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "{id: r, deny: {tool: write, paths: '**/x'}, match: [{tool: Write, arguments: {file_path: x}}]}",
        "{id: r, allow: {program: git, subcommand: [status], no_flags: ['-c', '--output']}}",
        "{id: r, allow: {program: git}}, {id: s, ask: {program: git, subcommand: push}}",
        "{id: r, allow: {program: git}}, {id: s, ask: {program: git}, when: 'now.hour > 20'}",
        "{id: r, allow: {tool: mcp__gh__list}}",
        "{id: r, allow: {program: git, subcommand: [status]}}, {id: s, allow: {program: git, subcommand: [log]}}",
    ],
)
def test_left_alone(rule):
    assert said(rule) == []


def test_profiles():
    text = "profiles: {default: {rules: [b]}, lost: {rules: [b]}, sub: {match: {subagent: true}, inherit: default, narrow_only: true, rules: [c]}}"
    rules = "{id: r, allow: {tool: plan}}], c: [{id: s, allow: {tool: ask}}], d: [{id: t, allow: {tool: list}}"
    found = said(rules, text)
    assert any("t: no profile uses the rule set d" in line for line in found)
    assert any("profile lost: has no match" in line for line in found)
    assert any("s: an allow in sub, which only narrows" in line for line in found)


def test_a_base_is_not_blamed():
    held = load([("p", "version: 1\nextends: safe-default\nprofiles: {default: {rules: [safety]}}")])
    assert lint(held) == []


@pytest.mark.parametrize(
    ("redact", "what"),
    [
        ("{texts: [user]}", "warning redact.texts: results of tools are not looked at"),
        ("{secrets: {own: mask}}", "warning redact.secrets: speaks of own servers only"),
        ("{teams: [{words: [ab], match: [ab]}]}", "warning words word: 'ab' is so short"),
        ("{teams: [{words: acme, action: off, match: [acme]}]}", "warning word: is found, and nothing happens"),
        ("{teams: [{words: acme}]}", "warning word: without `match` examples"),
        ("{patterns: [{name: p, regex: '^x$', match: [x]}]}", "warning p: ^ and $ are the ends of a whole text"),
    ],
)
def test_what_is_odd_about_leaks(redact, what):
    assert any(line.startswith(what) for line in said("", f"redact: {redact}\n")), said("", f"redact: {redact}\n")


def test_leaks_left_alone():
    redact = "{secrets: {cloud: mask, own: ask}, teams: [{words: acme, action: off, publish: deny, match: [acme]}]}"
    assert said("", f"redact: {redact}\n") == []
