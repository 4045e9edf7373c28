"""docs/reference/policies.md from the language, the tool map, the facts and the policies that come along."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from policies import (
    bundled,
    checking,
    conditions,
    lint,
    matchers,
    model,
    modes,
    secrets,
    toolmap,
    tools,
    validate,
)
from policies.compiled import Guard, protection
from policies.document import DEPTH_MAX, TEXT_CHARS_MAX
from policies.facts import Command, Effect, Facts
from policies.load import load
from policies.model import PolicyFile
from policies.points import POINTS
from scripts.pages.markdown import doc, table
from scripts.pages.settings import default, spell

INTRO = """
# Policies

The language of tool-call policies: every key, every fact, every default, from the code itself. How to write one is in
[write a policy](../how-to/write-a-policy.md), what a gate can and cannot do in
[permissions](../explanation/permissions.md).

Deny wins over ask, ask wins over allow; of the commands of one call the strictest holds; a call or a command that no
rule matches gets the profile's default. What could not be read is never allowed.
"""
CHECKPOINTS = (
    ("`input_validation`", "JSON, size, depth, double keys, encoding, invisible characters, what was not offered"),
    ("`mode`", "the profile's mode, and what it denies before any rule is asked"),
    ("`rules`", "every rule that matches, self-protection, parts that could not be read, taint, secrets, the breaker"),
    ("`hooks`", "`pre_tool_use` hooks in their order; a rewrite is judged from the start, by all other hooks too"),
    ("`classifier`", "what is still at ask in mode auto: approved by the model, or left at ask"),
    ("`approval`", "a grant for exactly this call, else a human"),
)  # fmt: skip
EFFECTS: dict[Effect, str] = {
    "network": "opens connections",
    "write_outside": "writes outside the workspace and the folders for temporary files",
    "privilege": "runs as another user or with more rights",
    "exec_data": "runs text as a program",
    "destructive": "cannot be undone",
    "persistence": "outlives the session: profiles, hooks, services, CI files, configuration of agents",
    "publish": "others can see it",
    "install": "brings in foreign code",
    "project_code": "runs what the workspace says, whose own effects are not seen",
    "secrets": "shows credentials that are no file",
}
MODELS = (
    ("Top level", PolicyFile), ("defaults", model.Defaults), ("workspace", model.Workspace),
    ("tools.KIND[]", model.ToolEntry),
    ("profiles.NAME", model.Profile), ("profiles.NAME.match", model.ProfileMatch), ("rules.NAME", model.RuleSet),
    ("rules.NAME[]", model.Rule), ("matcher", model.Matcher), ("matcher.args.PATH", model.ArgTest),
    ("matcher.mcp", model.Mcp),
    ("match[]", model.Example), ("protect", model.Protect), ("hooks[]", model.Hook), ("auto_approve", model.AutoApprove),
    ("deny_limit", model.DenyLimit), ("taint", model.Taint), ("redact", model.Redact), ("redact.teams[]", model.Words),
    ("redact.patterns[]", model.LeakPattern),
)  # fmt: skip

FIGURES = Path(__file__).with_name("policy_figures.txt")


def page() -> str:
    parts = [INTRO.strip(), "## Checkpoints", table(["checkpoint", "what it looks at"], CHECKPOINTS)]
    parts += ["## Language", *language(), "## Facts", *facts(), "## Conditions", conditions_table()]
    parts += ["## Modes", table(["mode", "meaning"], [[f"`{name}`", text] for name, text in modes.MEANING.items()])]
    parts += ["## Tools", *tool_map(), "## Self-protection", *own_rules(), "## Hooks", *hook_points()]
    parts += ["## Secrets", secret_kinds(), "## Policies that come along", *policies_that_come()]
    parts += ["## Bounds", bounds(), "## Lines of `policy check --file`", check_lines(), "## Figures", *figures()]
    return "\n\n".join(parts)


def figures() -> Iterator[str]:
    """As `scripts.policy_figures --write` printed them."""
    head, _, told = FIGURES.read_text().partition("\n\n")
    yield (
        "What `safe-default` says of commands that nobody looked at while rules and parsers were written (half of each set, "
        "by digest; `own` cases are ours). `tests/integration/test_policy_corpora.py` holds the limits: no deny case "
        "allowed, 97 % of them denied, at most 0.5 % of what changes something allowed, at most 5 % of what is harmless not."
    )
    yield f"Measured {head}:"
    yield "```text\n" + told.strip() + "\n```"


def language() -> Iterator[str]:
    for path, held in MODELS:
        yield f"### {path}"
        text = doc(held)
        if text:
            yield text
        rows = [
            [f"`{field.alias or name}`", spell(field.annotation), default(field), field.description or ""]
            for name, field in held.model_fields.items()
        ]
        yield table(["key", "type", "default", "meaning"], rows)


def facts() -> Iterator[str]:
    yield doc(Facts)
    yield "A call has these facts: " + ", ".join(f"`{field.name}`" for field in dataclasses.fields(Facts)) + "."
    yield doc(Command)
    yield "A command has these: " + ", ".join(f"`{field.name}`" for field in dataclasses.fields(Command)) + "."
    assert set(EFFECTS) == set(get_args(Effect))
    yield table(["effect", "meaning"], [[f"`{name}`", text] for name, text in EFFECTS.items()])
    harmless = ", ".join(f"`{name}`" for name in matchers.HARMLESS_ENV.globs)
    yield f"Variables that an allow rule need not name: {harmless}."
    yield "Writing to these files is `persistence`: " + ", ".join(f"`{glob}`" for glob in tools.PERSISTENT) + "."


def conditions_table() -> str:
    rows = [[f"`{name}`", text] for name, (text, _) in conditions.VARIABLES.items()]
    return table(["name in `when:`", "holds"], rows)


def tool_map() -> Iterator[str]:
    yield doc(toolmap) or ""
    kinds: dict[str, list[str]] = {}
    for name, spec in toolmap.TOOLS.items():
        kinds.setdefault(spec.kind, []).append(name)
    rows = [[f"`{kind}`", ", ".join(f"`{name}`" for name in sorted(names))] for kind, names in sorted(kinds.items())]
    yield table(["kind", "tools"], rows)
    yield (
        "`mcp__server__tool`, `server__tool` and tools in a namespace of their own are kind `mcp`; any other name is "
        "kind "
        "`other`. A call inside a call (`tool_call`, `batch`, `use_mcp_tool`) is judged by its inner name and arguments."
    )


def own_rules() -> Iterator[str]:
    rules = protection(PolicyFile(version=1), Guard(hosts=("host:port",), pids=(0,)))
    yield (
        "These rules are in every policy, deny, and cannot be "
        "lifted: " + ", ".join(f"`{rule.id}`" for rule in rules) + "."
    )
    yield doc(Guard)


def hook_points() -> Iterator[str]:
    points = ", ".join(f"`{point}`" for point in POINTS)
    yield f"Asked or told at {points}: see [hooks](hooks.md)."


def secret_kinds() -> str:
    names = ", ".join(f"`{name}`" for name in secrets.PATTERNS)
    return (
        f"Found in tool results and in calls that publish: {names}. Cards are checked with Luhn's sum; an "
        f"assigned secret must look random."
    )


def policies_that_come() -> Iterator[str]:
    for name in bundled.NAMES:
        held = load([(name, bundled.text(name))])
        yield f"### {name}"
        yield held.file.description
        used = {rule.id: rule for layer in held.profiles["default"].layers for rule in layer.index.rules}
        rows = [
            [f"`{rule.id}`", rule.decision, rule.owner, rule.message or "-"]
            for rule in used.values()
            if rule.owner != "self_protection"
        ]
        yield table(["rule", "decision", "set", "message"], rows)
        profile = held.profiles["default"]
        yield (
            f"Default `{profile.layers[0].default}`, mode `{profile.mode}`, parts that cannot be read: "
            f"`{held.file.defaults.on_parse_error}`."
        )


def bounds() -> str:
    rows = [
        ["a policy file", f"{TEXT_CHARS_MAX} characters, {DEPTH_MAX} levels"],
        ["arguments of a call", f"{validate.ARGUMENT_BYTES_MAX} bytes, {validate.DEPTH_MAX} levels"],
        ["a tool's name", f"{validate.NAME_CHARS_MAX} characters"],
        ["commands in one call", str(tools.COMMANDS_MAX)],
        ["calls inside calls", f"{tools.INNER_DEPTH_MAX} levels"],
        ["a condition", f"{conditions.SOURCE_CHARS_MAX} characters"],
        ["a line of `policy check`", f"{checking.LINE_BYTES_MAX} bytes"],
    ]
    return table(["what", "at most"], rows)


def check_lines() -> str:
    keys = ", ".join(f"`{name}`" for name in sorted(checking.INPUT_KEYS))
    return (
        f"In: one JSON object per line with `tool` and `arguments`; it may hold {keys}. Out: `id`, `decision`, "
        f"`rules`, `facts`, "
        "`reason`, `latency_us`, `checkpoint`, in the order of the lines. A line that is no call is denied at "
        "`input_validation`. "
        f"`policy lint` knows two levels, {' and '.join(get_args(lint.Level))}; errors make its exit code 1."
    )
