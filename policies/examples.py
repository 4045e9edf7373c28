"""`match` and `not_match`: examples inside a rule, checked when the policy is loaded. They ask whether the rule speaks
of a call, not what is decided about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from policies import commands, engine, ruling, toolmap, tools, validate
from policies.compiled import CompiledRule, Policy
from policies.model import Example
from policies.verdict import Caller, NeedParse, ToolCall
from policies.view import View, view

Parse = Callable[[str], "bytes | None"]
"""shfmt's syntax tree of a command as JSON, None when it cannot be parsed."""

HOME, CWD = "/home/user", "/workspace"
"""Where examples are played when the policy names no roots."""


class Unparsed(Exception):
    """The example needs the second parser, and there is none here."""


def call_of(example: Example, policy: Policy) -> tuple[ToolCall, Caller]:
    roots = policy.file.workspace.roots
    raw = json.dumps(example.arguments, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return ToolCall("example", example.tool, raw), Caller(cwd=example.cwd or (roots[0] if roots else CWD), home=HOME)


def problems(policy: Policy, parse: Parse | None) -> list[tuple[CompiledRule, str]]:
    """(rule, what is wrong) of every example that does not hold."""
    return [
        (rule, message)
        for rule, example, wanted in every(policy)
        if (message := _wrong(policy, rule, example, wanted, parse))
    ]


def every(policy: Policy) -> Iterator[tuple[CompiledRule, Example, bool]]:
    """(rule, example, whether it must match) of the whole policy."""
    for rule in policy.rules.values():
        if rule.source is not None:
            yield from ((rule, example, True) for example in rule.source.match)
            yield from ((rule, example, False) for example in rule.source.not_match)


def _wrong(policy: Policy, rule: CompiledRule, example: Example, wanted: bool, parse: Parse | None) -> str:
    try:
        found = matches(policy, rule, example, parse)
    except Unparsed:
        return ""
    if found is wanted:
        return ""
    text = example.arguments.get("command") or f"{example.tool} {json.dumps(example.arguments)}"
    return f"the rule {rule.id} {'does not match' if wanted else 'matches'} its example {text!r}"


def matches(policy: Policy, rule: CompiledRule, example: Example, parse: Parse | None = None) -> bool:
    """Whether the rule speaks of the example. Unparsed when that cannot be told without the second parser."""
    call, caller = call_of(example, policy)
    read = validate.read(call)
    if read.problem:
        return False
    place = engine.place(policy, caller)
    reading = tools.facts(call, read.value, tools.Reader(place, commands.understand, policy.tools))
    answer: bytes | None = None
    while True:
        try:
            need = reading.send(answer)
        except StopIteration as stop:
            whole = view(stop.value, place, read.value, toolmap.qualified(call.name, call.namespace))
            return _speaks(rule, whole)
        answer = _tree(need, parse)


def _tree(need: NeedParse, parse: Parse | None) -> bytes | None:
    if parse is None:
        raise Unparsed(need.text)
    return parse(need.text)


def _speaks(rule: CompiledRule, whole: View) -> bool:
    """An allow rule must cover every command; another needs to meet one."""

    def context() -> dict[str, object]:
        return {"session": {}, "caller": {}, "call": {}, "shell": {}, "now": {}}

    parts = whole.parts or (whole,)
    hit = [ruling.hits(rule, part, context) is not None for part in parts]
    if rule.decision == "allow":
        return all(hit)
    return any(hit) or ruling.hits(rule, whole, context) is not None
