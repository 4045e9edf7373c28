"""Matchers compiled to functions on views. The same key asks differently by what its rule decides:

- ask, deny: one value that fits is enough, in any command of the call;
- allow: every value must fit, in one command, and the command may do nothing that the matcher does not name (`Cover`).

`not` turns the question round, so that `deny: {program: curl, not: {hosts: x}}` meets a call to x and to another host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, get_args

from policies import jsonpath, overlap
from policies.facts import Kind
from policies.globs import Hosts, Paths, Words, is_glob, regex
from policies.model import ArgTest, Matcher
from policies.view import TEMP, Place, View

Test = Callable[[View], bool]

KINDS = frozenset(get_args(Kind))
COMMAND_KEYS = ("program", "subcommand", "flags", "no_flags", "only_flags", "operands", "env")
"""Keys that speak of one command: a matcher that has one is tried on each command by itself."""
HARMLESS_ENV = Words(
    [
        "CI",
        "NODE_ENV",
        "LANG",
        "LC_*",
        "TZ",
        "TERM",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR*",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "PYTHONHASHSEED",
        "RUST_LOG",
        "RUST_BACKTRACE",
        "CARGO_TERM_COLOR",
        "GIT_TERMINAL_PROMPT",
        "DEBIAN_FRONTEND",
        "CGO_ENABLED",
        "GOOS",
        "GOARCH",
        "DEBUG",
        "VERBOSE",
        "LOG_LEVEL",
        "SEED",
        "TEST_*",
        "PYTEST_TIMEOUT",
        "NPM_CONFIG_COLOR",
        "HUSKY",
    ]
)
"""Variables that an allow rule need not name: they choose a language, a colour, a verbosity, never a program or a
file."""
_SPOKEN = frozenset({"echo", "printf", "test", "[", "true", "false", ":", "exit", "sleep"})
"""Programs for which a word whose value is not known changes nothing but text or a truth value."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What an allow rule names, and thereby covers."""

    program: bool = False
    reads: bool = False
    writes: bool = False
    place: bool = False
    """paths_in: covers the writes of tools that write by trade, not a redirection behind a command."""
    hosts: bool = False
    effects: frozenset[str] = frozenset()
    env: tuple[tuple[str, str], ...] = ()

    def join(self, other: Cover) -> Cover:
        return Cover(
            self.program or other.program,
            self.reads or other.reads,
            self.writes or other.writes,
            self.place or other.place,
            self.hosts or other.hosts,
            self.effects | other.effects,
            self.env + other.env,
        )


def compiled(matcher: Matcher, *, allow: bool) -> Test:
    """ValueError for globs and expressions that cannot be used. Variables (`$name`) are expanded before."""
    return _allow(matcher, Cover()) if allow else _any(matcher, every=False)


def _allow(matcher: Matcher, outer: Cover) -> Test:
    cover = outer.join(_covered(matcher))
    tests = _own(matcher, every=True)
    for child in matcher.all or ():
        cover = cover.join(_covered(child))
        tests.append(_any(child, every=True))
    if matcher.not_ is not None:
        tests.append(_not(_any(matcher.not_, every=False)))
    if matcher.except_ is not None:
        tests.append(_not(_any(matcher.except_, every=False)))
    if matcher.any:
        branches = [_allow(child, cover) for child in matcher.any]
        tests.append(lambda view: any(branch(view) for branch in branches))
    else:
        tests.append(_within(cover))
    return _all(tests)


def _any(matcher: Matcher, *, every: bool) -> Test:
    tests = _own(matcher, every=every)
    if matcher.any:
        either = [_any(child, every=every) for child in matcher.any]
        tests.append(lambda view: any(test(view) for test in either))
    tests += [_any(child, every=every) for child in matcher.all or ()]
    if matcher.not_ is not None:
        tests.append(_not(_any(matcher.not_, every=not every)))
    test = _all(tests)
    if matcher.except_ is not None:
        test = _except(test, matcher.except_, every)
    return _each(test) if any(getattr(matcher, key) is not None for key in COMMAND_KEYS) else test


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    steps = tuple(tests)

    def test(view: View) -> bool:
        for step in steps:  # noqa: SIM110 - a loop is twice as fast as all() over a generator, and this is the hot path
            if not step(view):
                return False
        return True

    return test


def _not(test: Test) -> Test:
    return lambda view: not test(view)


def _each(test: Test) -> Test:
    """One command at a time, when the view is a whole call."""
    return lambda view: any(test(part) for part in view.parts) if view.parts else test(view)


def _except(test: Test, matcher: Matcher, every: bool) -> Test:
    """What the exception names is left out of the view; a view of which nothing remains does not match."""
    scalar = matcher.model_copy(
        update={"reads": None, "writes": None, "paths": None, "paths_in": None, "hosts": None, "hosts_in": None}
    )
    applies = _any(scalar, every=False)
    path_keys = [
        ("reads", matcher.reads),
        ("writes", matcher.writes),
        ("both", matcher.paths),
        ("both", matcher.paths_in),
    ]
    paths = [(name, globs) for name, globs in path_keys if globs]
    hosts = Hosts((*(matcher.hosts or ()), *(matcher.hosts_in or ())))
    if not paths and not hosts.globs:
        return lambda view: test(view) and not applies(view)

    def keep(view: View) -> View:
        reads, writes = view.reads, view.writes
        for name, globs in paths:
            inside = view.place.paths(regions(globs))
            if name != "writes":
                reads = tuple(path for path in reads if path not in inside)
            if name != "reads":
                writes = tuple(path for path in writes if path not in inside)
        rest = tuple(host for host in view.hosts if host not in hosts)
        return replace(view, reads=reads, writes=writes, hosts=rest, parts=tuple(keep(part) for part in view.parts))

    return lambda view: test(view) and (not applies(view) or test(keep(view)))


def regions(globs: Iterable[str]) -> tuple[str, ...]:
    """Words for places, made globs."""
    out: list[str] = []
    for glob in globs:
        out += {"workspace": ["./**"], "temp": [*TEMP], "home": ["~/**"], "any": ["/**", "~/**", "./**", "**"]}.get(
            glob, [glob]
        )
    return tuple(out)


def _own(matcher: Matcher, *, every: bool) -> list[Test]:
    """Tests of the matcher's own keys, cheapest first."""
    tests: list[Test] = []
    if matcher.tool is not None:
        tests.append(_tool(matcher.tool))
    if matcher.mcp is not None:
        tests.append(_mcp(Words(matcher.mcp.server), Words(matcher.mcp.tool)))
    if matcher.unknown is not None:
        tests.append(_unknown(matcher.unknown))
    if matcher.masked is not None:
        tests.append(_masked(matcher.masked))
    tests += _command_tests(matcher, every)
    if matcher.effects is not None and not every:
        wanted = frozenset[str](matcher.effects)
        tests.append(lambda view: any(effect in wanted for effect in view.effects))
    tests += _set_tests(matcher, every)
    for path, test in (matcher.args or {}).items():
        tests.append(_argument(path, test, every))
    return tests


def _tool(names: tuple[str, ...]) -> Test:
    kinds = frozenset(name for name in names if name in KINDS)
    words = Words(name for name in names if name not in KINDS)
    return lambda view: view.facts.kind in kinds or view.tool in words or view.facts.tool in words


def _mcp(servers: Words, tools: Words) -> Test:
    return lambda view: view.facts.kind == "mcp" and view.facts.server in servers and view.facts.tool in tools


def _unknown(wanted: bool) -> Test:
    return lambda view: bool(view.unknown or any(part.unknown for part in view.parts)) is wanted


def _masked(wanted: bool) -> Test:
    return lambda view: bool(view.facts.masked) is wanted


def _command_tests(matcher: Matcher, every: bool) -> list[Test]:
    tests: list[Test] = []
    for key in ("program", "subcommand"):
        globs = getattr(matcher, key)
        if globs is not None:
            tests.append(_word(key, Words(globs)))
    for key, name in (("flags", "flags"), ("operands", "operands")):
        globs = getattr(matcher, key)
        if globs is not None:
            tests.append(_some(name, Words(globs)))
    if matcher.no_flags is not None:
        tests.append(_not(_some("flags", Words(matcher.no_flags))))
    if matcher.only_flags is not None:
        only = Words(matcher.only_flags)
        tests.append(lambda view: view.command is not None and all(flag in only for flag in view.command.flags))
    if matcher.env is not None and not every:
        tests.append(_env([(Words([name]), Words([value])) for name, value in matcher.env.items()]))
    return tests


def _word(key: str, words: Words) -> Test:
    exact = words.exact()
    pool: Any = words if exact is None else exact
    return lambda view: view.command is not None and getattr(view.command, key) in pool


def _some(key: str, words: Words) -> Test:
    def test(view: View) -> bool:
        return view.command is not None and any(word in words for word in getattr(view.command, key))

    return test


def _env(pairs: list[tuple[Words, Words]]) -> Test:
    def test(view: View) -> bool:
        return view.command is not None and any(
            name in names and (value is None or value in values)
            for name, value in view.command.assigns
            for names, values in pairs
        )

    return test


def _set_tests(matcher: Matcher, every: bool) -> list[Test]:
    tests: list[Test] = []
    for key in ("reads", "writes", "paths"):
        globs = getattr(matcher, key)
        if globs is not None:
            tests.append(_paths(key, regions(globs), every))
    if matcher.paths_in is not None:
        tests.append(_paths("paths", regions(matcher.paths_in), every, empty=every))
    return tests + [_hosts(Hosts(globs), every) for globs in (matcher.hosts, matcher.hosts_in) if globs is not None]


PLACES_MAX = 256
"""Workspaces for which a rule keeps its globs at hand; the next one begins anew."""


def _pool(globs: tuple[str, ...]) -> Callable[[Place], Paths]:
    """`place.paths(globs)`, without digesting fifty globs for each call."""
    known: dict[tuple[tuple[str, ...], str | None], Paths] = {}

    def pool(place: Place) -> Paths:
        key = (place.roots, place.home)
        found = known.get(key)
        if found is None:
            if len(known) >= PLACES_MAX:
                known.clear()
            found = known[key] = place.paths(globs)
        return found

    return pool


def _paths(key: str, globs: tuple[str, ...], every: bool, empty: bool = False) -> Test:
    pool_of = _pool(globs)

    def some_in(view: View) -> bool:
        values = view.reads + view.writes if key == "paths" else getattr(view, key)
        if not values:
            return empty
        pool = pool_of(view.place)
        for value in values:  # noqa: SIM110 - see _all
            if value in pool or (is_glob(value) and overlap.may_be(value, globs, view.place.bases())):
                return True
        return False

    def all_in(view: View) -> bool:
        values = view.reads + view.writes if key == "paths" else getattr(view, key)
        if not values:
            return empty
        pool = pool_of(view.place)
        for value in values:  # noqa: SIM110 - see _all
            if value not in pool:
                return False
        return True

    return all_in if every else some_in


def _hosts(hosts: Hosts, every: bool) -> Test:
    quantifier = all if every else any
    return lambda view: bool(view.hosts) and quantifier(host in hosts for host in view.hosts)


def _argument(path: str, test: ArgTest, every: bool) -> Test:
    steps = jsonpath.compiled(path)
    words = Words(test.glob) if test.glob else None
    pattern = regex(test.regex) if test.regex is not None else None

    def fits(value: Any) -> bool:
        text = value if isinstance(value, str) else jsonpath.text(value)
        return (words is None or text in words) and (pattern is None or pattern.search(text) is not None)

    quantifier = all if every else any

    def check(view: View) -> bool:
        values = jsonpath.values(view.args, steps)
        return bool(values) and quantifier(fits(value) for value in values)

    return check


def _covered(matcher: Matcher) -> Cover:
    named = matcher.paths is not None
    hosts = matcher.hosts is not None or matcher.hosts_in is not None
    effects = frozenset[str](matcher.effects or ())
    if hosts:
        effects |= {"network"}
    return Cover(
        any(program != "*" for program in matcher.program or ()),
        matcher.reads is not None or named or matcher.paths_in is not None,
        matcher.writes is not None or named,
        matcher.paths_in is not None,
        hosts or "network" in effects,
        effects,
        tuple((matcher.env or {}).items()),
    )


def _within(cover: Cover) -> Test:
    """Whether a part does nothing that the rule does not name, and hides nothing."""
    env = [(Words([name]), Words([value])) for name, value in cover.env]

    def test(view: View) -> bool:
        if view.unknown or view.facts.invalid:
            return False
        if view.effects and not cover.effects.issuperset(view.effects):
            return False
        if view.facts.kind == "mcp":
            return True  # what looks like a path or an address in a foreign tool's arguments may be neither
        if view.writes and not cover.writes and not (cover.place and view.command is None):
            return False
        if view.hosts and not cover.hosts:
            return False
        if not cover.reads:
            for path in view.reads:
                if not view.place.inside(path):
                    return False
        if view.command is None:
            return True
        return (view.command.known or cover.program) and _plain_command(view, env)

    return test


def _plain_command(view: View, env: list[tuple[Words, Words]]) -> bool:
    command = view.command
    assert command is not None
    if not command.argv:
        return True  # a redirection or an assignment alone; a variable that chooses programs has the effect exec_data
    if None in command.argv and command.program not in _SPOKEN:
        return False
    return all(
        name in HARMLESS_ENV or (value is not None and any(name in names and value in values for names, values in env))
        for name, value in command.assigns
    )
