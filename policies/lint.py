"""What is not wrong in a policy and yet not what its writer meant: rules that cannot match, rules that are hidden by
stronger ones, text where a fact exists, allows that are wider than they look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from policies import toolmap
from policies.compiled import CompiledRule, Policy
from policies.globs import Words, is_glob
from policies.leaks import entries
from policies.matchers import COMMAND_KEYS, KINDS
from policies.model import Matcher, Redact

Level = Literal["error", "warning"]
_ONLY_WRITE = frozenset({"write", "delete"})
_ONLY_READ = frozenset({"read", "search", "list"})
_BASES = frozenset(
    {"sh", "bash", "zsh", "python", "python3", "node", "perl", "ruby", "env", "sudo", "xargs", "ssh", "eval"}
)
WORD_CHARS_MIN = 4
"""Shorter words of the team stand in ordinary text."""
_SETS = ("program", "subcommand", "flags", "operands", "reads", "writes", "paths", "hosts", "tool", "effects")


@dataclass(frozen=True, slots=True)
class Advice:
    """`error`: the rule can never do what it says; `warning`: it may surprise."""

    level: Level
    rule: str
    message: str


def lint(policy: Policy) -> list[Advice]:
    """In the order of the rules; the gateway's own rules and those of a bundled base are left out."""
    skip = policy.borrowed
    rules = [rule for rule in policy.rules.values() if rule.owner != "self_protection" and rule.id not in skip]
    found = [advice for rule in rules for advice in _rule(rule)]
    found += _shadowed(rules)
    found += _unused(policy)
    found += _leaks(policy.file.redact)
    return found


def _leaks(redact: Redact) -> Iterator[Advice]:
    if "results" not in redact.texts:
        yield Advice("warning", "redact.texts", "results of tools are not looked at, and secrets come from there")
    if "own" in redact.secrets and "cloud" not in redact.secrets:
        yield Advice("warning", "redact.secrets", "speaks of own servers only: nothing is kept from cloud models")
    for team in redact.teams:
        for word in team.words:
            if len(word) < WORD_CHARS_MIN:
                yield Advice("warning", f"words {team.name}", f"{word!r} is so short that it will be met by chance")
    for entry in entries(redact):
        if set(entry.action.values()) == {"off"} and entry.publish in (None, "off"):
            yield Advice("warning", entry.name, "is found, and nothing happens anywhere")
        if not entry.match:
            yield Advice("warning", entry.name, "without `match` examples: nothing proves that it is found")
    for pattern in redact.patterns:
        if pattern.regex.startswith("^") or pattern.regex.endswith("$"):
            yield Advice("warning", pattern.name, "^ and $ are the ends of a whole text, not of a line: write (?m)")


def _rule(rule: CompiledRule) -> Iterator[Advice]:
    assert rule.source is not None
    matcher = rule.source.allow or rule.source.ask or rule.source.deny
    assert matcher is not None
    for piece in _pieces(matcher):
        yield from _impossible(rule, piece)
        yield from _textual(rule, piece)
    if rule.decision == "allow":
        yield from _wide(rule, matcher)
    if not rule.source.match and rule.decision == "deny" and rule.source.when is None:
        yield Advice("warning", rule.id, "a deny without `match` examples: nothing proves that it denies anything")


def _pieces(matcher: Matcher) -> Iterator[Matcher]:
    yield matcher
    for child in (*(matcher.any or ()), *(matcher.all or ()), matcher.not_, matcher.except_):
        if child is not None:
            yield from _pieces(child)


def _impossible(rule: CompiledRule, matcher: Matcher) -> Iterator[Advice]:
    kinds = _kinds(matcher)
    speaks_of_commands = [key for key in COMMAND_KEYS if getattr(matcher, key) is not None]
    if kinds is not None and speaks_of_commands and not kinds & {"shell", "other"}:
        yield Advice(
            "error", rule.id, f"{speaks_of_commands[0]} speaks of commands, and {', '.join(sorted(kinds))} runs none"
        )
    if kinds and kinds <= _ONLY_WRITE and matcher.reads is not None:
        yield Advice("error", rule.id, f"{', '.join(sorted(kinds))} reads nothing: use writes or paths")
    if kinds and kinds <= _ONLY_READ and matcher.writes is not None:
        yield Advice("error", rule.id, f"{', '.join(sorted(kinds))} writes nothing: use reads or paths")
    if matcher.mcp is not None and kinds is not None and "mcp" not in kinds:
        yield Advice("error", rule.id, "mcp and a tool of another kind exclude each other")
    for flag in (*(matcher.flags or ()), *(matcher.no_flags or ())):
        if not flag.startswith(("-", "*", "+", "/", "?", "[", "{")):
            yield Advice("error", rule.id, f"the flag {flag!r} has no dash and matches no flag")
        if flag.startswith("--") and "=" in flag:
            yield Advice("error", rule.id, f"flags are known without their value: write {flag.partition('=')[0]!r}")
        if (
            flag.startswith("-")
            and not flag.startswith("--")
            and len(flag) > 2
            and flag[1:].isalpha()
            and flag.islower() is False
        ):
            yield Advice("warning", rule.id, f"short flags are split: {flag!r} is matched as one long flag only")
    for program in matcher.program or ():
        if "/" in program or " " in program:
            yield Advice(
                "error", rule.id, f"the program {program!r}: programs are known by their last name, without arguments"
            )
    for host in (*(matcher.hosts or ()), *(matcher.hosts_in or ())):
        if "://" in host or host.endswith("/") or "/" in host:
            yield Advice("error", rule.id, f"the host {host!r}: hosts are names, without scheme and path")
    for name in matcher.tool or ():
        if name not in KINDS and not is_glob(name) and name not in toolmap.TOOLS and "__" not in name:
            yield Advice("warning", rule.id, f"no harness that is known has a tool named {name!r}")


def _kinds(matcher: Matcher) -> set[str] | None:
    if matcher.tool is None or any(name not in KINDS for name in matcher.tool):
        return None
    return set(matcher.tool)


def _textual(rule: CompiledRule, matcher: Matcher) -> Iterator[Advice]:
    """A test of raw text where a fact says the same and cannot be written around."""
    better = {"command": "program, flags, operands, reads, writes", "cmd": "program, flags, operands, reads, writes"}
    better |= dict.fromkeys(("file_path", "filePath", "filepath", "path"), "reads, writes or paths") | {"url": "hosts"}
    for path in matcher.args or {}:
        name = path.removeprefix("$").lstrip(".")
        if name in better:
            yield Advice(
                "warning", rule.id, f"text of the argument {name} can be written in many ways: use {better[name]}"
            )


def _wide(rule: CompiledRule, matcher: Matcher) -> Iterator[Advice]:
    if not matcher.model_fields_set or all(
        getattr(matcher, key, None) is None for key in (*_SETS, "mcp", "args", "any", "all", "paths_in")
    ):
        yield Advice("warning", rule.id, "allows every call that has no effect, no write and no host")
    programs = set(matcher.program or ())
    if programs & _BASES and "exec_data" in (matcher.effects or ()):
        names = ", ".join(sorted(programs & _BASES))
        yield Advice("warning", rule.id, f"allows {names} to run any code: name what may be run")
    if "*" in programs and matcher.effects:
        yield Advice("warning", rule.id, f"allows every program to have the effects {', '.join(matcher.effects)}")
    if any(glob in {"*", "**", "/**"} for glob in (*(matcher.writes or ()), *(matcher.paths or ()))) or "any" in (
        matcher.paths_in or ()
    ):
        yield Advice("warning", rule.id, "allows writes anywhere")
    if "*" in (matcher.hosts or ()):
        yield Advice("warning", rule.id, "allows every host")


def _shadowed(rules: list[CompiledRule]) -> Iterator[Advice]:
    """Rules whose every call is met by a stronger rule of the same set: they can never decide."""
    strength = {"allow": 0, "ask": 1, "deny": 2}
    for rule in rules:
        for other in rules:
            if other is rule or strength[other.decision] < strength[rule.decision] or other.when is not None:
                continue
            if other.decision == rule.decision and (
                rules.index(other) > rules.index(rule) or _same(rule, other) is False
            ):
                continue
            if _covers(other, rule):
                yield Advice(
                    "warning", rule.id, f"never decides: the rule {other.id} ({other.decision}) meets every call of it"
                )
                break


def _same(rule: CompiledRule, other: CompiledRule) -> bool:
    return _matcher(rule) == _matcher(other) and rule.when == other.when


def _matcher(rule: CompiledRule) -> Matcher:
    assert rule.source is not None
    found = rule.source.allow or rule.source.ask or rule.source.deny
    assert found is not None
    return found


def _covers(strong: CompiledRule, weak: CompiledRule) -> bool:
    """Whether every call of `weak` is surely one of `strong`: each key of `strong` is no narrower than that of `weak`.
    Only plain matchers are compared; for others the answer is no."""
    wide, narrow = _matcher(strong), _matcher(weak)
    keys = [key for key in type(wide).model_fields if getattr(wide, key) is not None]
    if not keys and strong.decision != "allow":
        return True
    for key in keys:
        if key not in ("program", "subcommand", "tool", "flags", "hosts"):
            return False
        held = getattr(narrow, key)
        if held is None or not all(_inside(word, getattr(wide, key)) for word in held):
            return False
        if key in ("flags", "hosts") and narrow.program is None:
            return False
    return bool(keys)


def _inside(word: str, globs: tuple[str, ...]) -> bool:
    return word in globs or (not is_glob(word) and word in Words(globs)) or "*" in globs


def _unused(policy: Policy) -> Iterator[Advice]:
    used = {rule.id for profile in policy.profiles.values() for layer in profile.layers for rule in layer.index.rules}
    for rule in policy.rules.values():
        if rule.id not in used and rule.id not in policy.borrowed:
            yield Advice("error", rule.id, f"no profile uses the rule set {rule.owner}")
    bases = {profile.inherit for profile in policy.file.profiles.values()}
    for name, profile in policy.file.profiles.items():
        if profile.match is None and name not in {"default", "subagent"} and name not in bases:
            yield Advice("error", f"profile {name}", "has no match and nobody inherits from it: it is never used")
        if profile.narrow_only and profile.default is None:
            for rule_set in profile.rules or ():
                for held in policy.file.rules[rule_set].rules:
                    if held.allow is not None:
                        yield Advice(
                            "warning", held.id, f"an allow in {name}, which only narrows, without a default of its own"
                        )
