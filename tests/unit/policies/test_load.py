"""Policies load or say everything that is wrong with file, line, place, value and cure."""

import pytest

from policies import bundled
from policies.compiled import Guard
from policies.errors import PolicyError
from policies.load import load
from tests.support.desk import Desk, policy

RULE = "rules: {base: [{id: a, deny: {tool: write}}]}\n"


def sentences(text, *more):
    with pytest.raises(PolicyError) as caught:
        load([("p.yaml", text), *more])
    return "\n".join(problem.sentence() for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml: a policy is a mapping"),
        ("- 1", "a policy is a mapping"),
        ("rules: {}", "version is missing"),
        ("version: 2", "p.yaml:1: version: 2 is not accepted"),
        ("version: 1\nruels: {}", "p.yaml:2: ruels: the key ruels is not known, did you mean rules?"),
        (
            "version: 1\ndefaults: {decision: maybe}",
            "defaults.decision: 'maybe' is not accepted; accepted: 'allow', 'ask' or 'deny'",
        ),
        (
            "version: 1\nrules:\n  b:\n    - id: a\n      deny: {progam: x}",
            "p.yaml:5: rules.b[0].deny.progam: the key progam is not known, did you mean program?",
        ),
        (
            "version: 1\nrules:\n  b:\n    - id: a\n      deny: {reads: relative}",
            "p.yaml:5: rules.b[0].deny.reads: 'relative' is not accepted; write it as /absolute",
        ),
        ("version: 1\nrules: {b: [{id: a, deny: {args: {x: {regex: '('}}}}]}", "RE2"),
        ("version: 1\nrules: {b: [{id: a, deny: {args: {'x[': y}}}]}", "'x[' is not accepted"),
        ("version: 1\nrules: {b: [{id: a}]}", "the rule a has no decision; give exactly one of allow, ask, deny"),
        ("version: 1\nrules: {b: [{id: a, allow: {}, deny: {}}]}", "allow and deny"),
        ("version: 1\nrules: {b: [{id: a, allow: {tool: read}, floor: true}]}", "floor has no meaning"),
        ("version: 1\nrules: {b: [{id: a, allow: {unknown: true}}]}", "never allowed"),
        ("version: 1\nrules: {b: [{id: a, deny: {program: []}}]}", "an empty list matches nothing"),
        ("version: 1\nrules: {b: [{id: 'a b', deny: {}}]}", "rules.b[0].id: 'a b' is not accepted"),
        (
            "version: 1\nrules: {b: [{id: a, deny: {}}, {id: a, deny: {}}]}",
            "the rule a stands twice, first at p.yaml:2",
        ),
        ("version: 1\nrules: {b: [{id: a, deny: {hosts: $ok}}]}", "no variable is named $ok"),
        ("version: 1\nvars: {okay: x}\nrules: {b: [{id: a, deny: {hosts: $oka}}]}", "did you mean okay?"),
        (
            "version: 1\nrules: {b: [{id: a, deny: {}, when: 'sesion.taint'}]}",
            "the unknown name sesion, did you mean session?",
        ),
        ("version: 1\nrules: {b: [{id: a, deny: {}, when: '1 +'}]}", "not a CEL expression"),
        ("version: 1\nprofiles: {default: {rules: [nope]}}", "no rule set is named 'nope'"),
        ("version: 1\nprofiles: {a: {inherit: b}, b: {inherit: a}}", "inherit from each other"),
        ("version: 1\nprofiles: {a: {inherit: zz}}", "no profile is named 'zz'"),
        ("version: 1\nprofiles: {a: {narrow_only: true}}", "without inherit"),
        ("version: 1\nprofiles: {default: {mode: bypass}}", "the mode bypass is forbidden"),
        ("version: 1\nworkspace: {roots: [repo]}", "'repo' is not absolute; begin it with /"),
        ("version: 1\nhooks: [{on: stop}]", "exactly one of command, http and model"),
        ("version: 1\nhooks: [{on: stop, model: m}]", "has criteria"),
        ("version: 1\nhooks: [{on: nowhere, http: 'http://x'}]", "hooks[0].on: 'nowhere' is not accepted"),
        ("version: 1\nauto_approve: {never: [zz]}", "no rule is named 'zz'"),
        (
            "version: 1\nrules: {b: {owners: [a@x], signed: required, rules: []}}",
            "rules.b.signed: signature not verified",
        ),
        ("version: 1\nrules: {b: {signed: required, rules: []}}", "a signed rule set has owners"),
        ("version: 1\nextends: safe-defualt", "is not a bundled policy, did you mean safe-default?"),
        ("version: 1\ntools: {shel: {names: [x]}}", "tools.shel"),
        ("version: 1\ndefaults: {ask_timeout_s: 0}", "0 is not accepted; accepted: greater than 0"),
    ],
)
def test_what_is_said(text, said):
    assert said in sentences(text)


def test_all_problems_at_once():
    text = "version: 1\nx: 1\ny: 2\ndefaults: {decision: z}\n"
    assert len(sentences(text).splitlines()) == 3
    assert len(sentences(text, ("q.yaml", "version: 3")).splitlines()) == 4


def test_a_verified_signature_lets_a_set_load():
    text = "version: 1\nrules: {b: {owners: [a@x], signed: required, rules: [{id: a, deny: {tool: write}}]}}"
    held = load([("p", text)], verified={"b"})
    assert held.rules["a"].decision == "deny"


def test_later_files_build_on_earlier_ones():
    first = (
        "a",
        "version: 1\ndefaults: {decision: deny, ask: hold}\nvars: {v: [x]}\nprofiles: {default: {mode: plan, rules: [base]}}\n"
        + RULE,
    )
    second = (
        "b",
        "version: 1\ndefaults: {decision: ask}\nrules: {base: [{id: b, deny: {tool: edit}}]}\nprofiles: {default: {mode: auto}}\nprotect: {paths: [/x]}",
    )
    held = load([first, second])
    assert (held.file.defaults.decision, held.file.defaults.ask) == ("ask", "hold")
    assert [rule.id for rule in held.profiles["default"].layers[0].index.rules if rule.owner == "base"] == ["a", "b"]
    assert held.profiles["default"].mode == "auto"
    assert held.file.vars == {"v": ("x",)}
    assert held.file.protect.paths == ("/x",)


def test_bypass_once_forbidden_stays_forbidden():
    first = ("a", "version: 1\ndefaults: {bypass: forbidden}")
    assert "forbidden" in sentences(
        "version: 1", first, ("b", "version: 1\ndefaults: {bypass: allowed, mode: bypass}\nprofiles: {default: {}}")
    )
    assert load([("b", "version: 1\ndefaults: {bypass: allowed, mode: bypass}")]).profiles["default"].mode == "bypass"


def test_extends_brings_the_base_and_marks_it_borrowed():
    held = load([("p", "version: 1\nextends: safe-default\nrules: {team: [{id: mine, deny: {tool: fetch}}]}")])
    assert "no-secrets" in held.borrowed
    assert "mine" not in held.borrowed
    assert held.profiles["default"].layers[0].default == "ask"


def test_variables_reach_nested_matchers():
    text = (
        "vars: {ok: [a.b, c.d]}\nrules: {b: [{id: r, deny: {tool: fetch, not: {hosts_in: $ok}, except: {hosts: $ok}}}]}"
    )
    desk = Desk(text)
    assert desk.decision("WebFetch", {"url": "https://x.y/"}) == "deny"
    assert desk.decision("WebFetch", {"url": "https://a.b/"}) == "ask"


def test_examples_are_checked():
    good = "rules: {b: [{id: r, deny: {reads: '**/.env'}, match: [{tool: Read, arguments: {file_path: .env}}], not_match: [{tool: Read, arguments: {file_path: a}}]}]}"
    assert policy(good)
    bad = good.replace("file_path: a}", "file_path: x/.env}")
    assert "the rule r matches its example" in sentences("version: 1\n" + bad)
    worse = good.replace("{file_path: .env}", "{file_path: b}")
    assert "the rule r does not match its example" in sentences("version: 1\n" + worse)


def test_nothing_given_is_safe_default():
    assert load([]).rules.keys() == load([("safe-default", bundled.text("safe-default"))]).rules.keys()


def test_the_digest_names_the_texts():
    assert policy(RULE).digest == policy(RULE).digest
    assert policy(RULE).digest != policy(RULE + " ").digest


def test_the_guard_is_in_every_policy():
    held = load([("p", "version: 1\n" + RULE)], guard=Guard(hosts=("127.0.0.1:4242",)))
    assert "self_protection/hosts" in held.rules
