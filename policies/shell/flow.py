"""Statements in the order in which bash would run them: which may run, in which directory, with which variables. Branches
are all followed, loops are read as often as their items are constant. What a single command does is not known here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from policies.facts import Command
from policies.shell.listing import Names, listing
from policies.shell.output import constant_output
from policies.shell.state import State
from policies.shell.statements import assigned, breeds, first_word, is_pwd, leaves, moves
from policies.shell.syntax import Binary, Branch, Call, Function, Group, Loop, Redirect, Stmt, Subst, Test, Word
from policies.shell.words import NUMBER, Field, Printed, expand, single, value_of

COMMANDS_HARD_MAX = 400
"""Where reading stops."""
STEPS_MAX = 2_000
"""Statements read, counting each turn of a loop and each call of a function: some 100 ms."""
LOOP_ITEMS_MAX = 12

_DEAF = frozenset(
    [
        *("grep"),
        *(),
        *(),
    ]
)
"""Programs to which their input is only text: what it is need not be worked out."""


class Flow(ABC):
    """The state of one reading, and the statements. `commands` and `unknown` are its result."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.commands: list[Command] = []
        self.unknown: list[str] = []
        self.steps = 0
        self.bombs: set[str] = set()
        self.source = ""
        self.stdin: str | None = ""
        self.names: Names | None = None
        """The names of files that come in, when `stdin` is None because of them."""

    @abstractmethod
    def call(self, cmd: Call, redirects_: tuple[Redirect, ...]) -> None:
        """A simple command."""

    @abstractmethod
    def redirected(self, items: tuple[Redirect, ...], feed: bool = False) -> None:
        """Redirects that stand with no simple command; `feed`: what is in them reads from there."""

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
            self.redirected(stmt.redirects)
        elif isinstance(cmd, Call):
            self.call(cmd, stmt.redirects)
        elif isinstance(cmd, Binary):
            self._binary(cmd)
            self.redirected(stmt.redirects)
        else:
            outer = self.stdin
            self.redirected(stmt.redirects, feed=True)
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
        gone = leaves(cmd.right)
        self.state.dirs = left_ok if gone else tuple(dict.fromkeys((*left_ok, *self.state.dirs)))
        if gone:
            self.state.failed = left_ok

    def _pipe(self, cmd: Binary) -> None:
        """Each side in a shell of its own; in zsh the last one is not, so what it sets is not known afterwards."""
        deaf = first_word(cmd.right) in _DEAF
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
            if not (body and leaves(body[-1])):
                self.state.settle()
                ends.append(self.state)
        self.state = ends[0] if ends else start
        for end in ends[1:]:
            self.state.join(end)

    def _loop(self, cmd: Loop) -> None:
        for word in cmd.words:
            self._word(word)
        for name, number in assigned((*cmd.tests, *cmd.body)).items():
            before = self.state.values.get(name) or ""
            self.assign(name, NUMBER if number and (before == NUMBER or before.isdecimal()) else None)
        start = self.state.copy()
        turns = self._items(cmd)
        twice = 2 if len(turns) == 1 and moves((*cmd.tests, *cmd.body)) else 1
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
        if breeds(cmd.body, cmd.name):
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
            if printed is None and is_pwd(subst.body[0]):
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

    def assign(self, name: str, value: str | None) -> None:
        self.state.values[name] = value
        self.state.globs.discard(name)

    def doubt(self, reason: str) -> None:
        if reason not in self.unknown:
            self.unknown.append(reason)


def _nothing(subst: Subst) -> Printed:
    return None
