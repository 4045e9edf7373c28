"""A policy made ready to judge: rules compiled and indexed, profiles resolved to layers. A value; it knows no call."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from policies import conditions, matchers, points, toolmap
from policies.globs import Words
from policies.leaks import Detectors
from policies.matchers import COMMAND_KEYS, KINDS, Test
from policies.model import AskForm, Hook, Matcher, PolicyFile, Profile, Redact, Refusal, Rule
from policies.points import Points
from policies.toolmap import Spec
from policies.verdict import Caller, Decision, Mode
from policies.view import EFFECTS, HOSTS, READS, WRITES, View

NARROW: dict[Mode, int] = {"plan": 0, "dont_ask": 1, "manual": 2, "accept_edits": 3, "auto": 4, "bypass": 5}
"""Modes from the narrowest to the widest."""
STRICT: dict[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}


def strictest(decisions: Iterable[Decision]) -> Decision:
    """`allow` for none."""
    return max(decisions, key=STRICT.__getitem__, default="allow")


def narrowest(modes: Collection[Mode]) -> Mode:
    return min(modes, key=NARROW.__getitem__) if len(modes) != 1 else next(iter(modes))


@dataclass(frozen=True, slots=True)
class Guard:
    """The gateway that protects itself: its files (path globs), its addresses (`host:port`), its process ids.
    Everything in `private` may not even be read (keys, approvals, audit log)."""

    files: tuple[str, ...] = ("**/interlock.yaml",)
    private: tuple[str, ...] = ("~/.local/state/interlock/**",)
    hosts: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """`kinds` and `programs` are what the index may rely on; None means any."""

    id: str
    decision: Decision
    test: Test
    kinds: frozenset[str] | None = None
    programs: frozenset[str] | None = None
    when: str | None = None
    floor: bool = False
    message: str = ""
    alternative: str = ""
    refusal: Refusal | None = None
    ask_form: AskForm | None = None
    ask_timeout_s: float | None = None
    owner: str = ""
    source: Rule | None = None
    needs: int = 0
    """Bits of what a view must have for the rule to match at all (see policies.view): tried before the test."""

    def condition(self) -> conditions.Condition | None:
        return None if self.when is None else _condition(self.when)


@functools.lru_cache(maxsize=1024)
def _condition(source: str) -> conditions.Condition:
    return conditions.compiled(source)


class Index:
    """Rules by what they can match, so that a call meets few of them."""

    __slots__ = ("_by_program", "_rest", "rules")

    def __init__(self, rules: Iterable[CompiledRule]) -> None:
        self.rules = tuple(rules)
        self._by_program: dict[str, list[CompiledRule]] = {}
        self._rest: dict[str, list[CompiledRule]] = {kind: [] for kind in KINDS}
        for rule in self.rules:
            if rule.programs is not None:
                for program in rule.programs:
                    self._by_program.setdefault(program, []).append(rule)
                continue
            for kind in rule.kinds if rule.kinds is not None else KINDS:
                self._rest[kind].append(rule)

    def near(self, view: View) -> list[CompiledRule]:
        """Rules that may match one command, or a call without commands."""
        rest = self._rest[view.facts.kind]
        named = self._by_program.get(view.command.program) if view.command is not None else None
        return named + rest if named else rest

    def whole(self, kind: str) -> list[CompiledRule]:
        """Rules that may match a call as a whole beyond what they match in its commands."""
        return self._rest[kind]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One set of rules that is judged by itself. `default` is the decision when no rule matches a part."""

    index: Index
    default: Decision


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A profile with everything it inherits. The strictest of its layers holds."""

    name: str
    modes: tuple[Mode, ...]
    """All of them hold: what one does not lift is not lifted."""
    layers: tuple[Layer, ...]
    strip: tuple[str, ...]
    prompts: bool = False
    """The harness asks its user by itself."""
    strip_denied: bool = False

    @property
    def mode(self) -> Mode:
        """The narrowest, for people."""
        return narrowest(self.modes)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """`digest` names the texts it was made of; it stands in every verdict."""

    file: PolicyFile
    digest: str
    profiles: Mapping[str, Resolved]
    order: tuple[tuple[str, Profile], ...]
    tools: Mapping[str, Spec]
    hooks: tuple[Hook, ...]
    rules: Mapping[str, CompiledRule]
    guard: Guard
    borrowed: frozenset[str] = frozenset()
    """Rules that came with a bundled policy this one extends."""
    at: Points = points.NONE
    """The same hooks by point."""
    leaks: Detectors = field(default_factory=lambda: Detectors(Redact()))
    """What must not reach a model, and what happens where it would."""

    @property
    def strips(self) -> bool:
        """Some profile takes tools out of requests."""
        return any(profile.strip or profile.strip_denied for profile in self.profiles.values())

    @property
    def scores(self) -> bool:
        """Whether a classifier may be asked at all: else nobody need load one."""
        return self.file.auto_approve is not None and any("auto" in held.modes for held in self.profiles.values())

    def profile(self, caller: Caller) -> Resolved:
        """The profile of a caller: the first that matches, for a sub-agent else `subagent`, else `default`."""
        for name, profile in self.order:
            if profile.match is not None and _fits(profile, caller):
                return self.profiles[name]
        if subagent(caller) and "subagent" in self.profiles:
            return self.profiles["subagent"]
        return self.profiles["default"]

    def refusal(self, harness: str) -> str | None:
        """The form the policy gives for a harness; None leaves it to the shipped table."""
        table = self.file.defaults.refusal
        return table.get(harness) or table.get("*")


def subagent(caller: Caller) -> bool:
    return caller.agent is not None or caller.parent is not None


def _fits(profile: Profile, caller: Caller) -> bool:
    match = profile.match
    assert match is not None
    if match.subagent is not None and match.subagent is not subagent(caller):
        return False
    pairs = ((match.key, (caller.key_id,)), (match.harness, (caller.harness,)), (match.tag, caller.tags))
    if any(globs is not None and not any(value in Words(globs) for value in values) for globs, values in pairs):
        return False
    return match.role is None or (caller.agent is not None and caller.agent in Words(match.role))


def compile_policy(file: PolicyFile, guard: Guard, digest: str, borrowed: frozenset[str] = frozenset()) -> Policy:
    sets = {name: [compile_rule(rule, name) for rule in held.rules] for name, held in file.rules.items()}
    own = protection(file, guard)
    profiles = dict(file.profiles)
    profiles.setdefault("default", Profile())
    resolved: dict[str, Resolved] = {}
    for name in profiles:
        resolved[name] = _resolve(name, profiles, sets, file, own)
    rules = {rule.id: rule for rules in (*sets.values(), own) for rule in rules}
    hooks = tuple(
        hook if hook.id else hook.model_copy(update={"id": f"hook-{index}"}) for index, hook in enumerate(file.hooks, 1)
    )
    order = tuple(profiles.items())
    at, found = points.resolved(hooks), Detectors(file.redact)
    return Policy(file, digest, resolved, order, _tools(file), hooks, rules, guard, borrowed, at, found)


def _resolve(
    name: str,
    profiles: Mapping[str, Profile],
    sets: Mapping[str, list[CompiledRule]],
    file: PolicyFile,
    own: list[CompiledRule],
) -> Resolved:
    profile = profiles[name]
    chosen = sets if profile.rules is None and profile.inherit is None else profile.rules or ()
    rules = [rule for set_name in chosen for rule in sets[set_name]]
    if profile.strip:
        rules.append(_strip(name, profile.strip))
    if profile.inherit is None:
        layer = Layer(Index([*own, *rules]), profile.default or file.defaults.decision)
        mode = profile.mode or file.defaults.mode
        return Resolved(name, (mode,), (layer,), profile.strip, profile.prompts, profile.strip_denied)
    base = _resolve(profile.inherit, profiles, sets, file, own)
    strip = tuple(dict.fromkeys((*base.strip, *profile.strip)))
    prompts = profile.prompts if "prompts" in profile.model_fields_set else base.prompts
    denied = profile.strip_denied or base.strip_denied
    if profile.narrow_only:
        # Without a default of its own, a layer that only narrows lets pass what it does not speak of.
        layer = Layer(Index(rules), profile.default or "allow")
        own_mode = (profile.mode,) if profile.mode else ()
        modes = tuple(dict.fromkeys((*base.modes, *own_mode)))
        return Resolved(name, modes, (*base.layers, layer), strip, prompts and base.prompts, denied)
    last = base.layers[-1]
    layer = Layer(Index([*last.index.rules, *rules]), profile.default or last.default)
    modes = (profile.mode,) if profile.mode else base.modes
    return Resolved(name, modes, (*base.layers[:-1], layer), strip, prompts, denied)


def _strip(name: str, globs: tuple[str, ...]) -> CompiledRule:
    words = Words(globs)
    message = "This tool is not available here."
    return CompiledRule(f"profile/{name}/strip", "deny", lambda view: view.tool in words, floor=True, message=message)


def compile_rule(rule: Rule, owner: str = "") -> CompiledRule:
    decision: Decision = "allow" if rule.allow is not None else "ask" if rule.ask is not None else "deny"
    matcher = rule.allow or rule.ask or rule.deny
    assert matcher is not None
    return CompiledRule(
        rule.id,
        decision,
        matchers.compiled(matcher, allow=decision == "allow"),
        _kinds(matcher),
        _programs(matcher),
        rule.when,
        rule.floor,
        rule.message,
        rule.alternative,
        rule.refusal,
        rule.ask_form,
        rule.ask_timeout_s,
        owner,
        rule,
        _needs(matcher, decision == "allow"),
    )


def _needs(matcher: Matcher, allow: bool) -> int:
    """What must be there, at least one of each: a test that no value can pass is not worth running."""
    bits = 0
    for key, bit in (("reads", READS), ("writes", WRITES), ("hosts", HOSTS), ("hosts_in", HOSTS)):
        if getattr(matcher, key) is not None:
            bits |= bit
    if matcher.effects is not None and not allow:
        bits |= EFFECTS
    for child in matcher.all or ():
        bits |= _needs(child, allow)
    if matcher.any:
        every = READS | WRITES | HOSTS | EFFECTS
        for child in matcher.any:
            every &= _needs(child, allow)
        bits |= every
    return bits


def _kinds(matcher: Matcher) -> frozenset[str] | None:
    if matcher.mcp is not None:
        return frozenset({"mcp"})
    if any(getattr(matcher, key) is not None for key in COMMAND_KEYS):
        return frozenset({"shell", "other"})
    if matcher.tool is not None and all(name in KINDS for name in matcher.tool):
        return frozenset(matcher.tool)
    return None


def _programs(matcher: Matcher) -> frozenset[str] | None:
    """Names of which a command must have one; None when there is no such list."""
    if matcher.program is not None:
        return Words(matcher.program).exact()
    if not matcher.any:
        return None
    lists = [_programs(child) for child in matcher.any]
    return None if any(held is None for held in lists) else frozenset().union(*(held for held in lists if held))


def _tools(file: PolicyFile) -> dict[str, Spec]:
    out: dict[str, Spec] = {}
    for kind, entries in file.tools.items():
        for entry in entries:
            for name in entry.names:
                reads = entry.path_arg if kind in {"read", "search", "list"} else ()
                writes = entry.path_arg if kind not in {"read", "search", "list"} else ()
                need = tuple(
                    tuple(arg.partition("[")[0] for arg in group)
                    for group in (entry.arg, entry.path_arg, entry.url_arg)
                    if group
                )
                base = toolmap.TOOLS.get(name)
                known = base.known if base is not None else ()
                out[name] = Spec(
                    kind, entry.arg, reads, writes, entry.url_arg, entry.cwd_arg, need=need, known=known,
                    effects=("network",) if kind == "fetch" else (),
                )  # fmt: skip
    return out


_PYTHONS = [
    "python",
    "python2",
    "python3",
    *(f"python3.{minor}" for minor in range(8, 20)),
    "pypy",
    "pypy3",
    "uv",
    "uvx",
    "pipx",
]


def protection(file: PolicyFile, guard: Guard) -> list[CompiledRule]:
    """The rules that no policy can leave out: the gateway's files, addresses, process and its commands for people."""
    files = (*guard.files, *guard.private, *file.protect.paths)
    said = "This belongs to the gateway that judges tool calls; ask the user to do it."
    foreign = {"tool": ["mcp", "other"], "reads": files}
    out = [_own("self_protection/files", {"any": [{"writes": files}, foreign]}, said)]
    if guard.private:
        out.append(_own("self_protection/private", {"paths": guard.private}, said))
    hosts = (*guard.hosts, *file.protect.hosts)
    if hosts:
        out.append(_own("self_protection/hosts", {"hosts": hosts}, said))
        words = [f"*{host}*" for host in guard.hosts if ":" in host]
        if words:
            out.append(_own("self_protection/addresses", {"tool": "shell", "operands": words}, said))
    out.append(
        _own("self_protection/commands", {"any": [
            {"program": ["interlock"], "subcommand": ["approvals", "key", "serve", "disconnect"]},
            {"program": ["interlock"], "operands": ["approvals"]},
            {"program": _PYTHONS, "operands": ["approvals"], "flags": ["-m"]},
        ]}, said)
    )  # fmt: skip
    processes: list[dict[str, object]] = [
        {"program": ["pkill", "killall", "skill", "killall5"], "operands": ["*interlock*", "gateway*", "uvicorn*"]}
    ]
    if guard.pids:
        processes.append({"program": ["kill", "gdb", "strace", "renice"], "operands": [str(pid) for pid in guard.pids]})
    out.append(_own("self_protection/process", {"any": processes}, said))
    return out


def _own(name: str, matcher: dict[str, object], message: str) -> CompiledRule:
    rule = Rule.model_validate({"id": name, "deny": matcher, "floor": True, "message": message})
    return compile_rule(rule, "self_protection")
