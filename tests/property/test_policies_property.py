"""What holds for every policy and every call: strictness only grows, rewrites are judged again, nothing unreadable passes."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from policies import hooks
from policies.compiled import STRICT
from policies.engine import Situation, drive, judge
from policies.globs import Paths, demanded, path_source, regex
from policies.hooks import HookAnswer
from policies.session import Refusals
from policies.verdict import Caller, NeedHook, NeedScore, Score, ToolCall
from tests.support.desk import policy

WORDS = ["a", ".env", "src/x", "/etc/hosts", "~/.ssh/id", "../b", "src/*", "gone"]
HOSTS = ["a.b", "evil.net", "github.com"]
GLOBS = ["**/.env", "./**", "/etc/**", "~/.ssh/**", "**/gone", "./src/*"]
KINDS = ["read", "write", "edit", "fetch", "search", "mcp", "other"]

matchers = st.fixed_dictionaries(
    {},
    optional={
        "tool": st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
        "reads": st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2),
        "writes": st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2),
        "paths_in": st.sampled_from(["workspace", "any", "home", "temp"]),
        "hosts": st.lists(st.sampled_from([*HOSTS, "*"]), min_size=1, max_size=2),
        "effects": st.lists(
            st.sampled_from(["network", "write_outside", "persistence", "destructive"]), min_size=1, max_size=3
        ),
    },
)
nested = st.one_of(
    matchers,
    st.builds(lambda m, n: m | {"not": n}, matchers, matchers),
    st.builds(lambda m, n: m | {"except": n}, matchers, matchers),
    st.builds(lambda m, n: {"any": [m, n]}, matchers, matchers),
    st.builds(lambda m, n: {"all": [m, n]}, matchers, matchers),
)
rules = st.lists(st.tuples(st.sampled_from(["allow", "ask", "deny"]), nested, st.booleans()), max_size=4)
calls = st.one_of(
    st.tuples(
        st.sampled_from(["Read", "Write", "Edit", "delete_file"]),
        st.fixed_dictionaries({"file_path": st.sampled_from(WORDS)}),
    ),
    st.tuples(st.just("WebFetch"), st.builds(lambda host: {"url": f"https://{host}/x"}, st.sampled_from(HOSTS))),
    st.tuples(
        st.sampled_from(["mcp__gh__list", "frobnicate"]), st.dictionaries(st.sampled_from("xy"), st.sampled_from(WORDS))
    ),
)
modes = st.sampled_from(["manual", "plan", "accept_edits", "auto", "dont_ask", "bypass"])
WHO = Caller(cwd="/repo", home="/home/u")


def text(made, mode="manual", more=""):
    held = [
        {"id": f"r{n}", what: matcher} | ({"floor": True} if floor and what != "allow" else {})
        for n, (what, matcher, floor) in enumerate(made)
    ]
    return f"defaults: {{bypass: allowed, mode: {mode}}}\nrules: {{b: {json.dumps(held)}}}\n{more}"


def decided(held, call, who=WHO, situation=None, answer=lambda need: None):
    raw = call[1] if isinstance(call[1], bytes) else json.dumps(call[1]).encode()
    return drive(judge(held, ToolCall("1", call[0], raw), who, situation), answer)


def strength(verdict):
    return STRICT[verdict.decision]


@settings(max_examples=150, deadline=None)
@given(rules, st.sampled_from(["ask", "deny"]), nested, modes, calls)
def test_adding_a_deny_or_an_ask_never_loosens(made, what, matcher, mode, call):
    before = decided(policy(text(made, mode)), call)
    after = decided(policy(text([*made, (what, matcher, False)], mode)), call)
    assert strength(after) >= strength(before)


@settings(max_examples=150, deadline=None)
@given(rules, modes, calls, calls)
def test_a_rewrite_is_judged_again(made, mode, call, into):
    hook = "hooks: [{id: h, on: pre_tool_use, command: [x], may_rewrite: true}]"
    raw = json.dumps(into[1]).encode()

    def answer(need):
        return HookAnswer("allow", "fine", arguments=raw) if isinstance(need, NeedHook) else None

    rewritten = decided(policy(text(made, mode, hook)), call, answer=answer)
    before = decided(policy(text(made, mode)), call)
    directly = decided(policy(text(made, mode)), (call[0], into[1]))
    if before.decision == "deny" and before.checkpoint in ("input_validation", "rules") and before.mode != "dont_ask":
        assert rewritten.decision == "deny"
    elif rewritten.arguments is not None:
        assert strength(rewritten) >= strength(directly)


said = st.one_of(
    st.binary(max_size=80),
    st.fixed_dictionaries(
        {},
        optional={
            "decision": st.sampled_from(["allow", "ask", "deny", "ALLOW", None, 1]),
            "reason": st.sampled_from(["", "approved by anna", "x" * 3000]),
            "context": st.text(max_size=20),
            "arguments": st.one_of(calls.map(lambda call: call[1]), st.text(max_size=20), st.none()),
            "lane": st.just("local"),
            "granted_by": st.just("anna"),
        },
    ).map(lambda value: json.dumps(value, default=repr).encode()),
)
exits = st.sampled_from([0, 0, 0, 1, 2, None])


@settings(max_examples=300, deadline=None)
@given(
    rules,
    modes,
    calls,
    st.lists(st.tuples(exits, said), min_size=2, max_size=12),
    st.sampled_from(["deny", "ask", "allow"]),
)
def test_no_output_of_a_hook_lifts_a_deny_or_a_floor(made, mode, call, outputs, on_error):
    entries = [
        f"{{id: h{n}, on: pre_tool_use, command: [x], may_rewrite: true, on_error: {on_error}}}" for n in range(2)
    ]
    hooked = policy(text(made, mode, f"hooks: [{', '.join(entries)}]"))
    known = {hook.id: hook for hook in hooked.hooks}
    left = list(outputs)

    def answer(need):
        if not isinstance(need, NeedHook):
            return None
        code, out = left.pop() if left else (0, b"")
        return hooks.exited(known[need.hook], code, out, b"")

    before = decided(policy(text(made, mode)), call)
    after = decided(hooked, call, answer=answer)
    nobody = before.checkpoint == "mode" and before.mode == "dont_ask"  # a plain ask, where nobody can be asked
    if before.decision == "deny" and not nobody:
        assert after.decision == "deny"
    if before.decision == "ask" and before.floor:
        assert after.decision in ("ask", "deny")
        assert after.floor or after.decision == "deny" or after.checkpoint == "hooks"


@settings(max_examples=100, deadline=None)
@given(rules, rules, modes, modes, calls)
def test_a_subagent_is_never_wider_than_its_parent(parent, child, mode, narrower, call):
    held = [{"id": f"p{n}", what: matcher} for n, (what, matcher, _) in enumerate(parent)]
    other = [{"id": f"c{n}", what: matcher} for n, (what, matcher, _) in enumerate(child)]
    profiles = f"profiles: {{default: {{rules: [p], mode: {mode}}}, wide: {{match: {{subagent: true}}, rules: [c], mode: {narrower}, default: allow}}}}"
    made = policy(
        f"defaults: {{bypass: allowed}}\nrules: {{p: {json.dumps(held)}, c: {json.dumps(other)}}}\n{profiles}"
    )
    above, below = decided(made, call), decided(made, call, Caller(cwd="/repo", home="/home/u", agent="x"))
    assert strength(below) >= strength(above)


@settings(max_examples=100, deadline=None)
@given(rules, modes, calls, st.sets(st.sampled_from(["web", "mcp", "issue", "outside"])), st.booleans())
def test_taint_and_the_breaker_only_make_stricter(made, mode, call, taint, tripped):
    held = policy(text(made, mode))
    strict = decided(
        held, call, Caller(cwd="/repo", home="/home/u", taint=frozenset(taint)), Situation(Refusals(3, 3, tripped))
    )
    assert strength(strict) >= strength(decided(held, call))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.one_of(st.binary(max_size=200), st.text(max_size=80).map(str.encode)))
def test_garbage_is_a_verdict_and_never_allowed(name, raw):
    verdict = decided(policy(""), (name, raw))
    assert verdict.decision in ("ask", "deny")


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from(WORDS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["path", "file_path", "command", "tool_calls", "name", "arguments", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=12,
)
TOOLS = [
    "Read",
    "Edit",
    "apply_patch",
    "batch",
    "tool_call",
    "use_mcp_tool",
    "glob",
    "WebFetch",
    "str_replace_editor",
    "read_files",
    "mcp__x__y",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(TOOLS),
    st.dictionaries(
        st.sampled_from(
            [
                "path",
                "file_path",
                "paths",
                "files",
                "url",
                "input",
                "tool_calls",
                "name",
                "arguments",
                "command",
                "pattern",
            ]
        ),
        json_values,
        max_size=4,
    ),
)
def test_any_arguments_give_a_verdict(name, arguments):
    verdict = decided(policy(""), (name, arguments))
    assert verdict.trail[-1].decision == verdict.decision
    if verdict.facts is not None and (verdict.facts.unknown or verdict.facts.invalid):
        assert verdict.decision != "allow"


_GLOB_PIECES = st.sampled_from(
    [
        "/",
        "**/",
        "/**",
        "**",
        "*",
        "?",
        "a",
        "b",
        "x.y",
        ".ssh",
        "{a,b}",
        "{",
        "}",
        "[ab]",
        "[!a]",
        "[",
        "]",
        "[]a]",
        ",",
        "~/",
        "./",
    ]
)
_PATH_PIECES = st.sampled_from(["/", "a", "b", "x.y", ".ssh", "[", "]", "}", ",", "~/", "./", "c", "/r/", "/home/u"])


@given(
    globs=st.lists(st.lists(_GLOB_PIECES, max_size=6).map("".join), min_size=1, max_size=3),
    path=st.lists(_PATH_PIECES, max_size=7).map("".join),
)
@settings(max_examples=1500, deadline=None)
def test_what_a_glob_demands_is_in_every_path_that_it_matches(globs, path):
    for glob in globs:
        try:
            source = path_source(glob, ["/r"], "/home/u")
        except ValueError:
            return
        if regex(source).fullmatch(path) is not None:
            assert demanded(glob) in path, (glob, path)
    wanted = any(regex(path_source(glob, ["/r"], "/home/u")).fullmatch(path) is not None for glob in globs)
    assert (path in Paths(globs, ["/r"], "/home/u")) is wanted


scores = st.builds(Score, st.floats(), st.floats(), st.just("v"), st.sampled_from(["", "", "no"]))


@settings(max_examples=200, deadline=None)
@given(rules, modes, calls, scores, st.booleans(), st.booleans())
def test_a_classifier_lifts_neither_deny_nor_floor(made, mode, call, score, tripped, broken):
    """Whatever it says, only an ask that nothing but a default or an ordinary rule made may become an allow."""
    situation = Situation(refusals=Refusals(3, 3, tripped))
    held = policy(text(made, mode, "auto_approve: {never_effects: []}\n"))
    without = decided(held, call, situation=situation)

    def answer(need):
        if isinstance(need, NeedScore):
            return None if broken else score
        return None

    given = decided(held, call, situation=situation, answer=answer)
    if given.decision == without.decision:
        return
    assert (without.decision, given.decision) == ("ask", "allow")
    assert given.checkpoint == "classifier"
    assert held.scores
    assert not without.floor
    assert not tripped
    assert not broken
    assert not score.why
    assert 0 < score.least <= given.score.least <= score.value <= 1
