"""A script read from left to right, as bash would run it, without running anything: every simple command that may run comes
out once, with the directory it runs in. Branches are all followed, loops are read as often as their items are constant,
functions where they are called. What cannot be followed is a reason in `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from policies.facts import Command, Effect
from policies.shell import options, redirects
from policies.shell.code import scan
from policies.shell.commands import assignment, interpret
from policies.shell.listing import Names, listing
from policies.shell.model import Invocation
from policies.shell.output import constant_output
from policies.shell.paths import inside, resolve, shown
from policies.shell.places import is_device, runs_later
from policies.shell.state import HOME, NOWHERE, State
from policies.shell.syntax import (
    Assign,
    Binary,
    Branch,
    Call,
    Function,
    Group,
    Loop,
    NotRead,
    Redirect,
    Script,
    Stmt,
    Subst,
    Test,
    Text,
    Unread,
    Word,
)
from policies.shell.words import NUMBER, Field, Printed, expand, single, value_of

COMMANDS_MAX = 50
"""Sub-commands that are judged; with more a person looks (Adversa, April 2026: long chains were not checked)."""
COMMANDS_HARD_MAX = 400
"""Where reading stops."""
STEPS_MAX = 2_000
"""Statements read, counting each turn of a loop and each call of a function: some 100 ms."""
LOOP_ITEMS_MAX = 12
NESTING_MAX = 8
"""Of functions and of texts given to a shell."""

_ANYWHERE = frozenset(
    {"cd", "pushd", "popd", "pwd", "echo", "printf", "true", "false", ":", "test", "[", "exit", "sleep"}
)
"""Programs to which the working directory means nothing."""
_DEAF = frozenset(
    [
        "grep",
        "egrep",
        "fgrep",
        "sort",
        "uniq",
        "head",
        "tail",
        "wc",
        "awk",
        "gawk",
        "sed",
        "cut",
        "tr",
        "jq",
        "less",
        "more",
        "column",
        "nl",
        "rev",
        "tac",
        "tee",
        "fold",
        "fmt",
        "cat",
        "sum",
        "md5sum",
        "sha1sum",
        "sha256sum",
        "rg",
        "paste",
        "od",
        "xxd",
        "hexdump",
        "strings",
        "comm",
        "diff",
        "join",
    ]
)
"""Programs to which their input is only text: what it is need not be worked out."""
Parse = Callable[[str], Script]
"""Parses a text inside the text. NotRead when it cannot be; other exceptions pass through (a request for the parser)."""


@dataclass(frozen=True, slots=True)
class Place:
    cwd: str
    home: str | None
    roots: tuple[str, ...]


class Walker:
    """One reading of one script. `commands` and `unknown` are its result."""

    def __init__(self, place: Place, parse: Parse, variables: dict[str, str | None]) -> None:
        self.place = place
        self.parse = parse
        self.commands: list[Command] = []
        self.count = self.steps = 0
        self.bombs: set[str] = set()
        self.unknown: list[str] = []
        self.state = State((place.cwd,), (place.cwd,), dict(variables))
        self.depth = 0
        self.source = ""
        self.stdin: str | None = ""
        self.names: Names | None = None
        """The names of files that come in, when `stdin` is None because of them."""

    # --- statements --------------------------------------------------------------------------------------------------

    def script(self, body: tuple[Stmt, ...]) -> None:
        for stmt in body:
            self.state.settle()
            self.stmt(stmt)

    def stmt(self, stmt: Stmt) -> None:
        self.steps += 1
        if len(self.commands) >= COMMANDS_HARD_MAX or self.steps > STEPS_MAX:
            self.doubt("more commands than are read")
            return
        if stmt.background:
            self._subshell(lambda: self._plain(stmt))
            return
        self._plain(stmt)
        if stmt.negated:
            state = self.state
            state.dirs, state.failed = state.failed, state.dirs

    def _plain(self, stmt: Stmt) -> None:
        cmd = stmt.cmd
        if cmd is None:
            self._bare_redirects(stmt.redirects)
        elif isinstance(cmd, Call):
            self.call(cmd, stmt.redirects)
        elif isinstance(cmd, Binary):
            self._binary(cmd)
            self._bare_redirects(stmt.redirects)
        else:
            outer = self.stdin
            self._bare_redirects(stmt.redirects, feed=True)
            self._compound(cmd)
            self.stdin = outer

    def _compound(self, cmd: Group | Branch | Loop | Function | Test) -> None:
        if isinstance(cmd, Group):
            if cmd.sub:
                self._subshell(lambda: self.script(cmd.body))
            else:
                self.script(cmd.body)
        elif isinstance(cmd, Branch):
            self._branch(cmd)
        elif isinstance(cmd, Loop):
            self._loop(cmd)
        elif isinstance(cmd, Function):
            self._define(cmd)
        else:
            self._test(cmd)

    def _binary(self, cmd: Binary) -> None:
        if cmd.op in {"|", "|&"}:
            self._pipe(cmd)
            return
        self.stmt(cmd.left)
        state = self.state
        left_failed, left_ok = state.failed, state.dirs
        if cmd.op == "&&":
            state.failed = state.dirs
            if not state.dirs:
                return
            self.stmt(cmd.right)
            self.state.failed = tuple(dict.fromkeys((*left_failed, *self.state.failed)))
            return
        before = state.copy()
        state.dirs = state.failed = left_failed
        self.stmt(cmd.right)
        self.state.join(before)
        leaves = _leaves(cmd.right)
        self.state.dirs = left_ok if leaves else tuple(dict.fromkeys((*left_ok, *self.state.dirs)))
        if leaves:
            self.state.failed = left_ok

    def _pipe(self, cmd: Binary) -> None:
        """Each side in a shell of its own; in zsh the last one is not, so what it sets is not known afterwards."""
        deaf = _first(cmd.right) in _DEAF
        printed = None if deaf else constant_output(cmd.left, self.stdin, self._peek)
        found = None if deaf or printed is not None else listing(cmd.left, self._peek)
        self._subshell(lambda: self.stmt(cmd.left))
        outer, self.stdin = self.stdin, printed
        names, self.names = self.names, found
        before = self.state.copy()
        self.stmt(cmd.right)
        self.state.join(before)
        self.state.dirs = self.state.failed = before.dirs
        self.stdin = outer
        self.names = names

    def _subshell(self, body: Callable[[], None]) -> None:
        outer = self.state
        self.state = outer.copy()
        body()
        self.state = outer
        self.state.failed = self.state.dirs

    def _branch(self, cmd: Branch) -> None:
        for word in cmd.words:
            self._word(word)
        self.script(cmd.tests)
        self.state.settle()
        start = self.state
        ends: list[State] = [] if cmd.complete else [start.copy()]
        for body in cmd.bodies:
            self.state = start.copy()
            self.script(body)
            if not (body and _leaves(body[-1])):
                self.state.settle()
                ends.append(self.state)
        self.state = ends[0] if ends else start
        for end in ends[1:]:
            self.state.join(end)

    def _loop(self, cmd: Loop) -> None:
        for word in cmd.words:
            self._word(word)
        for name, number in _assigned((*cmd.tests, *cmd.body)).items():
            before = self.state.values.get(name) or ""
            self.assign(name, NUMBER if number and (before == NUMBER or before.isdecimal()) else None)
        start = self.state.copy()
        turns = self._items(cmd)
        twice = 2 if len(turns) == 1 and _moves((*cmd.tests, *cmd.body)) else 1
        for turn in turns * twice:
            if cmd.name:
                self.state.values[cmd.name] = turn.value
                self.state.globs.discard(cmd.name)
                if turn.glob:
                    self.state.globs.add(cmd.name)
            self.script((*cmd.tests, *cmd.body))
            self.state.settle()
        self.state.join(start)

    def _items(self, cmd: Loop) -> list[Field]:
        if cmd.items is None or not cmd.name:
            return [Field(None)]
        fields = [item for word in cmd.items for item in self._fields(word)]
        if len(fields) > LOOP_ITEMS_MAX:
            return [Field(None, why="one of many values of a loop")]
        return fields or [Field(None)]

    def _define(self, cmd: Function) -> None:
        self.state.functions[cmd.name] = cmd.body
        if _breeds(cmd.body, cmd.name):
            self.bombs.add(cmd.name)
        self.state.failed = self.state.dirs

    def _test(self, cmd: Test) -> None:
        for word in cmd.words:
            # `single`: nothing is split here. A text with a subscript in arithmetic runs what stands in it.
            item = self._word(word)
            if cmd.arithmetic and (item.value is None or "[" in item.value or item.why):
                self.doubt(item.why or "arithmetic on text")
        for name in cmd.assigns:
            self.assign(name, NUMBER)
        self.state.failed = self.state.dirs

    # --- words -------------------------------------------------------------------------------------------------------

    def _word(self, word: Word) -> Field:
        found = single(word, self.state, self._run)
        if found.grave:
            self.doubt(found.why)
        return found

    def _fields(self, word: Word) -> list[Field]:
        found = expand(word, self.state, self._run)
        for item in found:
            if item.grave:
                self.doubt(item.why)
        return found

    def _run(self, subst: Subst) -> Printed:
        """Commands of a substitution are commands of the call; what they print is known for few of them."""
        printed: Printed = None
        if subst.kind == "$" and len(subst.body) == 1:
            printed = constant_output(subst.body[0], "", self._peek)
            if printed is None and _is_pwd(subst.body[0]):
                printed = value_of("PWD", self.state)
            if printed is None:
                printed = listing(subst.body[0], self._peek)
        source, self.source = self.source, self.source or "substitution"
        outer, self.stdin = self.stdin, None if subst.kind == ">" else ""
        self._subshell(lambda: self.script(subst.body))
        self.stdin = outer
        self.source = source
        return printed

    def _peek(self, word: Word) -> list[Field]:
        """The fields of a word without running anything; a substitution in it is not constant."""
        return expand(word, self.state, _nothing)

    # --- commands ----------------------------------------------------------------------------------------------------

    def call(self, cmd: Call, redirects_: tuple[Redirect, ...]) -> None:
        assigns = tuple(self._assign(item) for item in cmd.assigns)
        fields = self._words_of(cmd, assigns)
        if not fields and cmd.args:
            fields = [Field(None, why="the program is not known")]
        self.state.failed = self.state.dirs
        if not fields or cmd.declares:
            self._set(cmd, assigns)
        if not fields:
            dangerous = [found for found in assigns if assignment(*found)]
            if dangerous or redirects_:
                self._finish(self._invocation([], tuple(dangerous)), redirects_)
            return
        self._finish(self._invocation(fields, assigns), redirects_)

    def _words_of(self, cmd: Call, assigns: tuple[tuple[str, str | None], ...]) -> list[Field]:
        """In `A=b cmd $A` bash expands the words before it assigns: $A is what the environment says, which whoever wrote
        this did not mean. Not known, then."""
        if not assigns or cmd.declares or not cmd.args:
            return [item for word in cmd.args for item in self._fields(word)]
        outer, self.state.values = (
            self.state.values,
            {**self.state.values, **dict.fromkeys(name for name, _ in assigns)},
        )
        fields = [item for word in cmd.args for item in self._fields(word)]
        self.state.values = outer
        return fields

    def _invocation(self, fields: list[Field], assigns: tuple[tuple[str, str | None], ...]) -> Invocation:
        return Invocation(
            program="",
            argv=fields,
            run=self,
            assigns=assigns,
            source=self.source,
            stdin=self.stdin,
            names=self.names if self.stdin is None else None,
        )

    def _finish(self, call: Invocation, redirects_: tuple[Redirect, ...]) -> None:
        redirects.apply(call, redirects_, self._word)
        outer, self.stdin = self.stdin, call.stdin
        self._execute(call)
        self.stdin = outer
        self.emit(call)

    def _execute(self, call: Invocation) -> None:
        """Functions and aliases first, then what the tables know."""
        name = call.argv[0].value if call.argv else None
        if name is not None and name in self.state.functions:
            self._function(call, name)
        elif name is not None and name in self.state.aliases and call.argv[0].bare:
            self._alias(call, name)
        else:
            interpret(call, self.state)

    def _function(self, call: Invocation, name: str) -> None:
        body = self.state.functions[name]
        call.program, call.known = name, True
        call.dropped = True
        if name in self.bombs:
            call.effect("destructive")
            call.dropped = False
        if body is None or self.depth >= NESTING_MAX:
            call.dropped = False
            call.doubt(f"what the function {name} does is not known")
            return
        outer, self.state.args = self.state.args, tuple(item.value for item in call.argv[1:])
        self.depth += 1
        self.stmt(body)
        self.depth -= 1
        self.state.args = outer

    def _alias(self, call: Invocation, name: str) -> None:
        """An alias counts in an interactive shell only; both readings are judged."""
        value = self.state.aliases[name]
        interpret(call, self.state)
        if value is None or any(item.value is None for item in call.argv[1:]):
            call.doubt(f"what the alias {name} stands for is not known")
            return
        rest = " ".join(_quoted(item.value or "") for item in call.argv[1:])
        del self.state.aliases[name]
        self.text(call, f"{value} {rest}", "alias")
        self.state.aliases[name] = value

    def _bare_redirects(self, items: tuple[Redirect, ...], feed: bool = False) -> None:
        if not items:
            return
        call = self._invocation([Field(":")], ())
        call.program, call.quiet = ":", True
        redirects.apply(call, items, self._word)
        if feed:
            self.stdin = call.stdin
        if call.reads or call.writes or call.effects or call.unknown or call.hosts:
            self.emit(call)

    def _assign(self, item: Assign) -> tuple[str, str | None]:
        for word in item.more:
            self._word(word)
        if item.value is None:
            return item.name, None
        value = self._word(item.value).value
        if item.append and value is not None:
            before = self.state.values.get(item.name)
            value = None if before is None else before + value
        return item.name, value

    def _set(self, cmd: Call, assigns: tuple[tuple[str, str | None], ...]) -> None:
        for (name, value), item in zip(assigns, cmd.assigns, strict=True):
            naked = item.value is None and not item.more
            if not (naked and cmd.declares):
                self.assign(name, value)
            if cmd.declares == "export":
                self.state.exported.add(name)

    # --- what programs that run others need (model.Runner) ---------------------------------------------------------------

    def words(self, call: Invocation, argv: list[Field], source: str, *, wrapper: str = "") -> None:
        """`wrapper` is set when the command takes this one's place; otherwise it is one more."""
        if not argv:
            return
        if call.depth >= NESTING_MAX:
            call.doubt("commands in commands, deeper than is read")
            return
        inner = Invocation(
            program="",
            argv=argv,
            run=self,
            assigns=call.assigns,
            wrappers=(*call.wrappers, wrapper) if wrapper else call.wrappers,
            source=source or call.source,
            stdin=call.stdin if wrapper else "",
            rough=call.rough if wrapper else "",
            depth=call.depth + 1,
        )
        inner.effects.extend(name for name in call.effects if name == "privilege" and wrapper)
        interpret(inner, self.state)
        self.emit(inner)

    def destroys(self, call: Invocation, argv: list[Field]) -> bool:
        """Whether these words would destroy something if they were a command. They are added to the commands if so."""
        commands, doubts, count = list(self.commands), list(self.unknown), self.count
        state, self.state = self.state, self.state.copy()
        self.words(call, argv, call.program)
        self.state = state
        if any("destructive" in found.effects for found in self.commands if found not in commands):
            return True
        self.commands, self.unknown, self.count = commands, doubts, count
        return False

    def text(self, call: Invocation, text: str | None, source: str, rough: str = "", *, stdin: bool = False) -> None:
        if text is None:
            call.effect("exec_data")
            call.doubt("the text of a command is not known")
            if not rough:
                return
            text = rough
        if call.depth >= NESTING_MAX or self.depth >= NESTING_MAX:
            call.doubt("commands in commands, deeper than is read")
            return
        try:
            script = self.parse(text.replace(HOME, "~") if HOME in text else text)
        except NotRead as error:
            call.effect("exec_data")
            call.doubt(str(error))
            return
        outer_source, self.source = self.source, source
        outer, self.stdin = self.stdin, call.stdin if stdin else ""
        start = len(self.commands)
        self.depth += 1
        self._subshell(lambda: self.script(script.body))
        self.depth -= 1
        self.stdin = outer
        self.source = outer_source
        if call.wrappers:
            self._mark(start, call.wrappers, call.effects)

    def _mark(self, start: int, wrappers: tuple[str, ...], effects: list[Effect]) -> None:
        """What `sudo sh -c` runs is run by sudo too."""
        for index in range(start, len(self.commands)):
            found = self.commands[index]
            both = tuple(dict.fromkeys((*found.effects, *(name for name in effects if name == "privilege"))))
            self.commands[index] = replace(found, wrappers=(*wrappers, *found.wrappers), effects=both)

    def code(self, call: Invocation, language: str, text: str | None, rough: str = "") -> None:
        call.effect("exec_data")
        call.doubt(f"what {language} code does is not known")
        found = scan(language, text if text is not None else rough)
        for line in found.shells:
            self.text(call, line, f"code:{language}", stdin=True)
        for path in found.reads:
            options.looks_like_path(call, path)
        call.write(*found.writes)
        call.host(*found.hosts)
        if found.destructive:
            call.effect("destructive")

    def change_dir(self, call: Invocation, target: Field | None) -> None:
        state = self.state
        value = HOME if target is None else target.value
        if value == "-" or value is None or (target is not None and target.glob):
            found: tuple[str, ...] = (NOWHERE,)
        else:
            found = tuple(dict.fromkeys(resolve(value, cwd) or NOWHERE for cwd in state.dirs))
        state.go(found, state.dirs)

    def assign(self, name: str, value: str | None) -> None:
        self.state.values[name] = value
        self.state.globs.discard(name)

    def alias(self, name: str, value: str | None) -> None:
        self.state.aliases[name] = value

    def path(self, value: str) -> tuple[str, ...]:
        found: list[str] = []
        home = self.place.home
        if home and value.startswith(HOME + "/") and ".." in value:
            value = home + value[1:]
        for cwd in self.state.dirs or (self.place.cwd,):
            path = resolve(value, cwd)
            if path is None:
                self.doubt("the working directory is not known")
                path = "?/" + value
            found.append(path)
        return tuple(dict.fromkeys(found))

    # --- results ---------------------------------------------------------------------------------------------------------

    def _elsewhere(self, call: Invocation) -> bool:
        """Whether it runs outside the workspace, where the settings of git or npm are those of somebody else."""
        if self.state.dirs == (self.place.cwd,) or call.program in _ANYWHERE:
            return False
        return any(not inside(shown(cwd), self.place.roots) for cwd in self.state.dirs)

    def doubt(self, reason: str) -> None:
        if reason not in self.unknown:
            self.unknown.append(reason)

    def emit(self, call: Invocation) -> None:
        """The invocation as a fact. A wrapper that only runs another command is left out when nothing else is said of it."""
        if call.dropped and not (call.reads or call.writes or call.hosts or call.unknown):
            return
        if self.unknown and not call.unknown and "the working directory is not known" in self.unknown:
            call.doubt("the working directory is not known") if call.reads or call.writes else None
        effects = list(call.effects)
        roots = self.place.roots
        outside = [path for path in call.writes if not (path.startswith("/dev/") or inside(shown(path), roots))]
        if outside and "write_outside" not in effects:
            effects.append("write_outside")
        written = [shown(path) for path in call.writes]
        if "persistence" not in effects and any(map(runs_later, written)):
            effects.append("persistence")
        if "destructive" not in effects and any(map(is_device, written)):
            effects.append("destructive")
        if call.hosts and "network" not in effects:
            effects.append("network")
        if self._elsewhere(call):
            call.read(*(cwd for cwd in self.state.dirs if not inside(shown(cwd), self.place.roots) and cwd != NOWHERE))
        self.count += 1
        command = Command(
            program=call.program,
            argv=tuple(None if item.value is None else shown(item.value) for item in call.argv),
            subcommand=call.subcommand.partition(" ")[0],
            flags=tuple(call.flags),
            operands=(
                *call.subcommand.split(" ")[1:],
                *(shown(item.value) for item in call.operands if item.value is not None),
            ),
            reads=tuple(map(shown, call.reads)),
            writes=tuple(map(shown, call.writes)),
            hosts=tuple(call.hosts),
            effects=tuple(effects),
            assigns=tuple((name, None if value is None else shown(value)) for name, value in call.assigns),
            wrappers=call.wrappers,
            source=call.source,
            unknown=tuple(call.unknown),
            known=call.known,
        )
        if command not in self.commands:
            self.commands.append(command)


def _breeds(stmt: Stmt, name: str) -> bool:
    """`f() { f | f & }`: each run starts two more, until the machine stands still."""
    todo = [stmt]
    while todo:
        cmd = todo.pop().cmd
        if isinstance(cmd, Group):
            todo += cmd.body
        elif isinstance(cmd, Binary):
            sides = _calls((cmd.left, cmd.right))
            if cmd.op == "|" and sum(side.args[:1] == ((Text(name),),) for side in sides) > 1:
                return True
            todo += [cmd.left, cmd.right]
    return False


def _is_pwd(stmt: Stmt) -> bool:
    cmd = stmt.cmd
    return isinstance(cmd, Call) and cmd.args == ((Text("pwd"),),) and not stmt.redirects


def _nothing(subst: Subst) -> Printed:
    return None


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _leaves(stmt: Stmt) -> bool:
    """Whether nothing behind this statement runs: exit, return, break, continue."""
    cmd = stmt.cmd
    if isinstance(cmd, Group) and not cmd.sub and cmd.body:
        return _leaves(cmd.body[-1])
    return not stmt.background and _first(stmt) in {"exit", "return", "break", "continue"}


def _first(stmt: Stmt) -> str:
    """The first word of a simple command, when it is plain text."""
    cmd = stmt.cmd
    if not isinstance(cmd, Call) or not cmd.args:
        return ""
    word = cmd.args[0]
    return word[0].value if len(word) == 1 and isinstance(word[0], Text) else ""


def _assigned(body: tuple[Stmt, ...]) -> dict[str, bool]:
    """Names that are set anywhere in a loop, and whether only by arithmetic."""
    names: dict[str, bool] = {}
    for cmd in _calls(body):
        for item in cmd.assigns if not cmd.args or cmd.declares else ():
            number = item.value is not None and len(item.value) == 1 and isinstance(item.value[0], Unread)
            names[item.name] = number and names.get(item.name, True)
        words = [word[0].value for word in cmd.args if len(word) == 1 and isinstance(word[0], Text)]
        if words[:1] in (["read"], ["mapfile"], ["readarray"], ["getopts"], ["printf"], ["unset"]):
            names.update(dict.fromkeys((word for word in words[1:] if word.isidentifier()), False))
    return names


def _moves(body: tuple[Stmt, ...]) -> bool:
    words = (cmd.args[0][0] for cmd in _calls(body) if cmd.args and cmd.args[0])
    return any(getattr(word, "value", "") in {"cd", "pushd", "popd"} for word in words)


def _calls(body: tuple[Stmt, ...]) -> list[Call]:
    out: list[Call] = []
    todo = list(body)
    while todo:
        cmd = todo.pop().cmd
        if isinstance(cmd, Call):
            out.append(cmd)
        elif isinstance(cmd, Binary):
            todo += [cmd.left, cmd.right]
        elif isinstance(cmd, Group):
            todo += cmd.body
        elif isinstance(cmd, Branch):
            todo += [*cmd.tests, *(stmt for arm in cmd.bodies for stmt in arm)]
        elif isinstance(cmd, Loop):
            todo += [*cmd.tests, *cmd.body]
    return out
