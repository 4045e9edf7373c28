"""A script read from left to right, as bash would run it, without running anything: every simple command that may run comes
out once, with the directory it runs in. Which statements run is told by `flow`; here are the simple commands, functions and
aliases where they are called, and texts inside the text. What cannot be followed is a reason in `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from policies.facts import Effect
from policies.shell import options, redirects
from policies.shell.code import scan
from policies.shell.commands import assignment, interpret
from policies.shell.fact import command_of
from policies.shell.flow import Flow
from policies.shell.model import Invocation
from policies.shell.paths import resolve
from policies.shell.state import HOME, NOWHERE, Place, State
from policies.shell.syntax import Assign, Call, NotRead, Redirect, Script
from policies.shell.words import Field

COMMANDS_MAX = 50
"""Sub-commands that are judged; with more a person looks (Adversa, April 2026: long chains were not checked)."""
NESTING_MAX = 8
"""Of functions and of texts given to a shell."""

Parse = Callable[[str], Script]
"""Parses a text inside the text. NotRead when it cannot be; other exceptions pass through (a request for the parser)."""


class Walker(Flow):
    """One reading of one script."""

    def __init__(self, place: Place, parse: Parse, variables: dict[str, str | None]) -> None:
        super().__init__(State((place.cwd,), (place.cwd,), dict(variables)))
        self.place = place
        self.parse = parse
        self.count = 0
        self.depth = 0

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

    def redirected(self, items: tuple[Redirect, ...], feed: bool = False) -> None:
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

    def emit(self, call: Invocation) -> None:
        """The invocation as a fact. A wrapper that only runs another command is left out when nothing else is said of it."""
        if call.dropped and not (call.reads or call.writes or call.hosts or call.unknown):
            return
        if self.unknown and not call.unknown and "the working directory is not known" in self.unknown:
            call.doubt("the working directory is not known") if call.reads or call.writes else None
        self.count += 1
        command = command_of(call, self.place, self.state.dirs)
        if command not in self.commands:
            self.commands.append(command)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
