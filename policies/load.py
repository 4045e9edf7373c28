"""Policy files to one compiled policy. Text comes in; reading files is the caller's. All problems of all files are
told at once, each with its file, line, place, value and cure.

Later files build on earlier ones: their `defaults` and other settings win where they give them, rule sets of one name
are joined, a profile of the same name replaces the keys it gives. `bypass: forbidden` once said stays said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from policies import bundled, conditions, document, examples, hookcheck, leaks, matchers
from policies.compiled import CompiledRule, Guard, Policy, compile_policy
from policies.document import Document
from policies.errors import Path, PolicyError, Problem, listed, nearest, shown
from policies.globs import Paths
from policies.model import Matcher, PolicyFile, Rule, normalised

Source = tuple[str, str]
"""(name for messages, text)."""
M = TypeVar("M", bound=BaseModel)

_PLAIN = (
    "program", "subcommand", "flags", "no_flags", "only_flags", "operands", "reads", "writes", "paths", "paths_in", "hosts",
    "hosts_in", "tool",
)  # fmt: skip
"""Keys of a matcher that are lists of words, where `$name` may stand."""
_DECISIONS = ("allow", "ask", "deny")
EXTENDS_DEPTH_MAX = 8


def load(
    sources: Sequence[Source],
    *,
    guard: Guard | None = None,
    verified: Collection[str] = (),
    parse: examples.Parse | None = None,
) -> Policy:
    """PolicyError with everything that is wrong. `guard` is the gateway that protects itself. `verified` are the names
    of rule sets whose signature the caller has verified: nobody does so before attestation exists, and a set that says
    `signed: required` is then refused. `parse` gives shfmt's tree of a command; without it, examples that need it are
    left to `policy test`."""
    if not sources:
        sources = [("safe-default", bundled.text("safe-default"))]
    files = list(_files(sources))
    problems = [problem for doc, file in files for problem in _file_problems(doc, file, verified)]
    merged = _merged([file for _, file in files])
    problems += _whole_problems(files, merged)
    if problems:
        raise PolicyError(problems)
    digest = hashlib.sha256("\0".join(text for _, text in _texts(sources)).encode()).hexdigest()[:16]
    given = {name for name, _ in sources}
    bases = [file for doc, file in files if doc.file not in given]
    borrowed = frozenset(rule.id for file in bases for held in file.rules.values() for rule in held.rules)
    policy = compile_policy(_expanded(merged), guard or Guard(), digest, borrowed)
    found = examples.problems(policy, parse)
    if found:
        raise PolicyError([_example_problem(files, rule, message) for rule, message in found])
    return policy


def _texts(sources: Sequence[Source], depth: int = 0) -> Iterator[Source]:
    """Sources with the bundled policies they extend, each once, the base first."""
    seen: set[str] = set()
    for name, text in sources:
        for found in _with_bases(name, text, depth):
            if found[0] not in seen:
                seen.add(found[0])
                yield found


def _with_bases(name: str, text: str, depth: int) -> Iterator[Source]:
    value = document.read(text, name).value
    bases = value.get("extends", ()) if isinstance(value, dict) else ()
    for base in [bases] if isinstance(bases, str) else bases if isinstance(bases, list) else ():
        if depth >= EXTENDS_DEPTH_MAX:
            raise PolicyError([Problem(name, ("extends",), "policies that extend each other", "remove one of them")])
        if base not in bundled.NAMES:
            message = f"{shown(base)} is not a bundled policy{nearest(base, bundled.NAMES)}"
            raise PolicyError([document.read(text, name).problem(("extends",), message, listed(bundled.NAMES))])
        yield from _with_bases(base, bundled.text(base), depth + 1)
    yield name, text


def _files(sources: Sequence[Source]) -> Iterator[tuple[Document, PolicyFile]]:
    problems: list[Problem] = []
    found: list[tuple[Document, PolicyFile]] = []
    for name, text in _texts(sources):
        doc = document.read(text, name)
        if not isinstance(doc.value, dict):
            problems.append(Problem(name, (), "a policy is a mapping", "begin with `version: 1`"))
            continue
        try:
            found.append((doc, PolicyFile.model_validate(normalised(doc.value))))
        except ValidationError as error:
            problems += [_problem(doc, entry) for entry in error.errors()]
    if problems:
        raise PolicyError(problems)
    yield from found


_GENERATED = frozenset({"function-wrap", "function-before", "tuple", "list"})


def _problem(doc: Document, error: Any) -> Problem:
    """A finding of pydantic in our words."""
    path = tuple(part for part in error["loc"] if part not in _GENERATED)
    full, path = path, _as_written(doc, path)
    kind, given, context = error["type"], error.get("input"), error.get("ctx") or {}
    if kind == "extra_forbidden":
        names = _keys_at(full[:-1])
        message = f"the key {path[-1]} is not known{nearest(path[-1], names)}"
        return doc.problem(path, message, listed(names) if names else "remove it")
    if kind == "missing":
        return doc.problem(path[:-1], f"{path[-1]} is missing", f"add {path[-1]}")
    if kind in {"literal_error", "enum"}:
        return doc.problem(path, f"{shown(given)} is not accepted", f"accepted: {context.get('expected', '')}")
    text = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return doc.problem(path, f"{shown(given)} is not accepted", f"accepted: {text}")


def _as_written(doc: Document, path: Path) -> Path:
    """Without the parts that short forms do not have in the text: `rules.base.rules[0]` was `rules.base[0]`."""
    if len(path) > 2 and path[0] == "rules" and path[2] == "rules" and (*path[:2], "rules") not in doc.lines:
        return (*path[:2], *path[3:])
    if len(path) > 2 and path[0] == "tools" and path[2] == 0 and (*path[:2], 0) not in doc.lines:
        return (*path[:2], *path[3:])
    return path


def _keys_at(path: Path) -> list[str]:
    """Keys of the model at a path, for a cure; [] where the path does not lead to a model."""
    held: Any = PolicyFile
    for part in path:
        held = _below(_bare(held), part)
    model = _bare(held)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _below(held: Any, part: str | int) -> Any:
    """The type of what stands under a key or an index."""
    if isinstance(held, type) and issubclass(held, BaseModel):
        for name, field in held.model_fields.items():
            if part in {name, field.alias}:
                return field.annotation
        return None
    inner = get_args(held)
    if not inner:
        return None
    return inner[1] if get_origin(held) is dict else inner[0]


def _bare(held: Any) -> Any:
    """Without Annotated and without `| None`."""
    while get_origin(held) in {Annotated, Union, UnionType}:
        held = next(inner for inner in get_args(held) if inner is not type(None))
    return held


def _file_problems(doc: Document, file: PolicyFile, verified: Collection[str]) -> Iterator[Problem]:
    for root in file.workspace.roots:
        if not root.startswith("/"):
            yield doc.problem(("workspace", "roots"), f"{shown(root)} is not absolute", "begin it with /")
    for index, hook in enumerate(file.hooks):
        for key, message, cure in hookcheck.problems(hook):
            yield doc.problem(("hooks", index, *([key] if key else ())), message, cure)
    for name, rule_set in file.rules.items():
        if rule_set.signed == "required" and name not in verified:
            cure = "remove `signed: required`, or wait until this gateway verifies signatures"
            yield doc.problem(("rules", name, "signed"), "signature not verified", cure)
        if rule_set.signed == "required" and not rule_set.owners:
            yield doc.problem(("rules", name), "a signed rule set has owners", "add owners")
        for index, rule in enumerate(rule_set.rules):
            yield from _rule_problems(doc, _rule_path(doc, name, index), rule)


def _rule_path(doc: Document, name: str, index: int) -> Path:
    """Where a rule stands: below `rules` of its set, or in the set itself when that is a plain list."""
    long = ("rules", name, "rules")
    return (*long, index) if long in doc.lines else ("rules", name, index)


def _rule_problems(doc: Document, path: Path, rule: Rule) -> Iterator[Problem]:
    decisions = [name for name in ("allow", "ask", "deny") if getattr(rule, name) is not None]
    if len(decisions) != 1:
        message = f"the rule {rule.id} has {' and '.join(decisions) or 'no decision'}"
        yield doc.problem(path, message, "give exactly one of allow, ask, deny")
        return
    if rule.floor and rule.allow is not None:
        yield doc.problem((*path, "floor"), "floor has no meaning beside allow", "remove it")
    if rule.when is not None:
        found = conditions.check(rule.when)
        if found:
            yield doc.problem((*path, "when"), found[0], found[1])
    matcher = getattr(rule, decisions[0])
    yield from _matcher_problems(doc, (*path, decisions[0]), matcher, rule.allow is not None)


def _matcher_problems(doc: Document, path: Path, matcher: Matcher, allow: bool) -> Iterator[Problem]:
    if allow and matcher.unknown:
        yield doc.problem((*path, "unknown"), "what could not be read is never allowed", "use ask or deny")
    for key in ("any", "all"):
        for index, child in enumerate(getattr(matcher, key) or ()):
            yield from _matcher_problems(doc, (*path, key, index), child, allow)
    for key in ("not", "except"):
        child = getattr(matcher, key + "_")
        if child is not None:
            yield from _matcher_problems(doc, (*path, key), child, allow)
    bare = matcher.model_copy(update={"any": None, "all": None, "not_": None, "except_": None})
    for key in bare.model_fields_set:
        value = getattr(bare, key, None)
        if value is None or key in {"any", "all", "not_", "except_"}:
            continue
        yield from _value_problems(doc, (*path, key), key, value, allow)


def _value_problems(doc: Document, path: Path, key: str, value: Any, allow: bool) -> Iterator[Problem]:
    names = [name for name in value if not name.startswith("$")] if key in _PLAIN else value
    if key in _PLAIN and not value and key != "only_flags":
        yield doc.problem(path, "an empty list matches nothing", "name something or remove the key")
        return
    for name in names if isinstance(names, tuple | list | dict) else ():
        one = {name: names[name]} if isinstance(names, dict) else (name,)
        try:
            matchers.compiled(Matcher().model_copy(update={key: one}), allow=allow)
            if key in {"reads", "writes", "paths", "paths_in"}:
                Paths(matchers.regions([name]))
        except ValueError as error:
            yield doc.problem(path, f"{shown(name)} is not accepted", str(error))


def _merged(files: Sequence[PolicyFile]) -> PolicyFile:
    merged = files[0]
    for file in files[1:]:
        merged = _over(merged, file)
    return merged


def _over(base: PolicyFile, file: PolicyFile) -> PolicyFile:
    rules = dict(base.rules)
    for name, added in file.rules.items():
        held = rules.get(name)
        rules[name] = added if held is None else added.model_copy(update={"rules": (*held.rules, *added.rules)})
    profiles = dict(base.profiles)
    for name, profile in file.profiles.items():
        profiles[name] = _updated(profiles[name], profile) if name in profiles else profile
    tools = dict(base.tools)
    for kind, entries in file.tools.items():
        tools[kind] = (*tools.get(kind, ()), *entries)
    defaults = _updated(base.defaults, file.defaults)
    if any("bypass" in each.model_fields_set and each.bypass == "forbidden" for each in (base.defaults, file.defaults)):
        defaults = defaults.model_copy(update={"bypass": "forbidden"})
    update: dict[str, Any] = {
        "rules": rules,
        "profiles": profiles,
        "tools": tools,
        "defaults": defaults,
        "vars": base.vars | file.vars,
        "hooks": (*base.hooks, *file.hooks),
        "workspace": _updated(base.workspace, file.workspace),
        "protect": base.protect.model_copy(
            update={"paths": base.protect.paths + file.protect.paths, "hosts": base.protect.hosts + file.protect.hosts}
        ),
        "taint": _updated(base.taint, file.taint),
        "redact": _updated(base.redact, file.redact).model_copy(
            update={
                "teams": base.redact.teams + file.redact.teams,
                "patterns": base.redact.patterns + file.redact.patterns,
                "kinds": base.redact.kinds | file.redact.kinds,
                "allow": base.redact.allow + file.redact.allow,
            }
        ),
        "deny_limit": _updated(base.deny_limit, file.deny_limit),
        "auto_approve": file.auto_approve or base.auto_approve,
    }
    return file.model_copy(update=update)


def _updated(base: M, over: M) -> M:
    given = {name: getattr(over, name) for name in over.model_fields_set}
    return base.model_copy(update=given)


def _whole_problems(files: Sequence[tuple[Document, PolicyFile]], merged: PolicyFile) -> Iterator[Problem]:
    yield from _double_ids(files)
    for where, message in leaks.problems(merged.redact):
        holder = next((d for d, file in reversed(files) if "redact" in file.model_fields_set), files[-1][0])
        yield holder.problem(("redact",), f"{where}: {message}", "mend the entry or its example")
    doc, _ = files[-1]
    for message, cure in hookcheck.whole(merged):
        holder = next((d for d, file in reversed(files) if file.hooks), doc)
        yield holder.problem(("hooks",), message, cure)
    for name, profile in merged.profiles.items():
        holder = next((d for d, file in reversed(files) if name in file.profiles), doc)
        path: Path = ("profiles", name)
        for wanted in profile.rules or ():
            if wanted not in merged.rules:
                message = f"no rule set is named {shown(wanted)}{nearest(wanted, merged.rules)}"
                yield holder.problem((*path, "rules"), message, listed(merged.rules))
        if profile.inherit is not None:
            yield from _inherit_problems(holder, path, name, merged)
        elif profile.narrow_only:
            yield holder.problem((*path, "narrow_only"), "narrow_only has no meaning without inherit", "add inherit")
        mode = profile.mode or merged.defaults.mode
        if mode == "bypass" and merged.defaults.bypass == "forbidden":
            cure = "choose another mode, or say `bypass: allowed` under defaults"
            yield holder.problem((*path, "mode"), "the mode bypass is forbidden", cure)
    rule_ids = {rule.id for rule_set in merged.rules.values() for rule in rule_set.rules}
    for wanted in merged.auto_approve.never if merged.auto_approve else ():
        if wanted not in rule_ids:
            holder = next((d for d, file in reversed(files) if file.auto_approve), doc)
            message = f"no rule is named {shown(wanted)}{nearest(wanted, rule_ids)}"
            yield holder.problem(("auto_approve", "never"), message, "name a rule of this policy")
    yield from _var_problems(files, merged)


def _double_ids(files: Sequence[tuple[Document, PolicyFile]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for doc, file in files:
        for name, rule_set in file.rules.items():
            for index, rule in enumerate(rule_set.rules):
                path = _rule_path(doc, name, index)
                if rule.id in first:
                    message = f"the rule {rule.id} stands twice, first at {first[rule.id]}"
                    yield doc.problem((*path, "id"), message, "rename one")
                first.setdefault(rule.id, f"{doc.file}:{doc.line(path)}")


def _inherit_problems(doc: Document, path: Path, name: str, merged: PolicyFile) -> Iterator[Problem]:
    seen, current = {name}, merged.profiles[name].inherit
    while current is not None:
        if current in seen:
            yield doc.problem((*path, "inherit"), "profiles that inherit from each other", "break the circle")
            return
        if current not in merged.profiles and current != "default":
            message = f"no profile is named {shown(current)}{nearest(current, merged.profiles)}"
            yield doc.problem((*path, "inherit"), message, listed(merged.profiles))
            return
        seen.add(current)
        current = merged.profiles[current].inherit if current in merged.profiles else None


def _var_problems(files: Sequence[tuple[Document, PolicyFile]], merged: PolicyFile) -> Iterator[Problem]:
    for doc, file in files:
        for name, rule_set in file.rules.items():
            for index, rule in enumerate(rule_set.rules):
                for wanted in _vars_of(rule.allow or rule.ask or rule.deny):
                    if wanted not in merged.vars:
                        message = f"no variable is named ${wanted}{nearest(wanted, merged.vars)}"
                        cure = listed(merged.vars) if merged.vars else "add it under vars"
                        yield doc.problem(_rule_path(doc, name, index), message, cure)


def _vars_of(matcher: Matcher | None) -> Iterator[str]:
    if matcher is None:
        return
    for key in _PLAIN:
        for word in getattr(matcher, key) or ():
            if word.startswith("$"):
                yield word[1:]
    for child in (*(matcher.any or ()), *(matcher.all or ()), matcher.not_, matcher.except_):
        yield from _vars_of(child)


def _expanded(file: PolicyFile) -> PolicyFile:
    """`$name` replaced by its list, everywhere a matcher takes one."""
    rules = {}
    for name, rule_set in file.rules.items():
        done = tuple(
            rule.model_copy(
                update={key: _filled(held, file.vars) for key in _DECISIONS if (held := getattr(rule, key))}
            )
            for rule in rule_set.rules
        )
        rules[name] = rule_set.model_copy(update={"rules": done})
    return file.model_copy(update={"rules": rules})


def _filled(matcher: Matcher, known: dict[str, tuple[str, ...]]) -> Matcher:
    update: dict[str, Any] = {}
    for key in _PLAIN:
        words = getattr(matcher, key)
        if words and any(word.startswith("$") for word in words):
            update[key] = tuple(_words(words, known))
    for key in ("any", "all"):
        children = getattr(matcher, key)
        if children:
            update[key] = tuple(_filled(child, known) for child in children)
    for key in ("not_", "except_"):
        child = getattr(matcher, key)
        if child is not None:
            update[key] = _filled(child, known)
    return matcher.model_copy(update=update)


def _words(words: Iterable[str], known: dict[str, tuple[str, ...]]) -> Iterator[str]:
    for word in words:
        if word.startswith("$"):
            yield from known.get(word[1:], ())
        else:
            yield word


def _example_problem(files: Sequence[tuple[Document, PolicyFile]], rule: CompiledRule, message: str) -> Problem:
    for doc, file in files:
        for name, rule_set in file.rules.items():
            for index, held in enumerate(rule_set.rules):
                if held.id == rule.id:
                    return doc.problem(_rule_path(doc, name, index), message, "mend the rule or the example")
    return Problem("", (), message)
