"""What the shell does itself. Manual of bash 5.2, section 4."""

from __future__ import annotations

from policies.shell.environment import changes_programs
from policies.shell.model import Invocation, program
from policies.shell.words import Field


def _cd(call: Invocation) -> None:
    items = [item for item in call.operands if item.value != "--"]
    call.quiet = True
    target = items[0] if items else None
    if target is not None and target.value is None:
        call.doubt(target.why)
    call.run.change_dir(call, target)


def _popd(call: Invocation) -> None:
    call.quiet = True
    call.run.change_dir(call, Field(None, why="the stack of directories is not followed"))


def _pushd(call: Invocation) -> None:
    if call.operands and not (call.operands[0].value or "").startswith("+"):
        _cd(call)
    else:
        _popd(call)


def _declare(call: Invocation) -> None:
    """`export A=b` comes here with its assignments apart; words are names or what an expansion made."""
    for item in call.operands:
        text = item.value or ""
        name, equals, value = text.partition("=")
        if equals:
            call.run.assign(name, value)
            if changes_programs(name, value):
                call.effect("exec_data")
                call.doubt(f"{name} changes which program or code runs")
        if "[" in text and ("$(" in text or "`" in text):
            call.doubt("a subscript that runs text")
    if call.has("-f", "-F") and call.program == "export":
        call.doubt("a function is given to other shells")


def _names(call: Invocation) -> None:
    """read, mapfile, getopts, printf -v: names that get values which are not known."""
    for item in [*call.operands, *call.values.get("-a", []), *call.values.get("-v", [])]:
        if item.value is not None and item.value.split("[")[0].isidentifier():
            call.run.assign(item.value.split("[")[0], None)
        if item.value is not None and "[" in item.value and ("$(" in item.value or "`" in item.value):
            call.doubt("a subscript that runs text")


def _printf(call: Invocation) -> None:
    target = call.value("-v")
    if target is not None:
        call.run.assign(target.split("[")[0], None)
        if "[" in target:
            call.doubt("a subscript that may run text")


def _unset(call: Invocation) -> None:
    for name in call.texts():
        call.run.assign(name, None)
        if changes_programs(name, None):
            call.doubt(f"{name} is taken away")
        if "[" in name:
            call.doubt("a subscript that may run text")


def _alias(call: Invocation) -> None:
    for item in call.operands:
        name, equals, value = (item.value or "").partition("=")
        if equals:
            call.run.alias(name, value)
            call.doubt(f"the alias {name} replaces a command")


def _eval(call: Invocation) -> None:
    call.effect("exec_data")
    call.quiet = True
    if not call.operands:
        return
    if all(item.value is not None for item in call.operands):
        call.run.text(call, " ".join(call.texts()), "eval", stdin=True)
        call.dropped = True
    else:
        rough = " ".join(item.value if item.value is not None else item.rough for item in call.operands)
        call.run.text(call, None, "eval", rough, stdin=True)


def _source(call: Invocation) -> None:
    call.effect("exec_data")
    if call.operands:
        call.read(call.operands[0])
        if (call.operands[0].value or "").startswith("/dev/fd"):
            call.doubt("the output of a command is run")


def _trap(call: Invocation) -> None:
    call.quiet = True
    if len(call.operands) > 1:
        call.run.text(call, call.operands[0].value, "trap", call.operands[0].rough)


def _test(call: Invocation) -> None:
    texts = call.texts()
    for index, word in enumerate(texts):
        if word in {"-v", "-R"} and index + 1 < len(texts) and "[" in texts[index + 1]:
            call.doubt("a subscript that may run text")


def _set(call: Invocation) -> None:
    if any((text or "").startswith("/") for text in call.texts()):
        call.quiet = True


def _hash(call: Invocation) -> None:
    if call.has("-p"):
        call.effect("exec_data")
        call.doubt("a program's name is bound to another file")


def _enable(call: Invocation) -> None:
    if call.has("-f"):
        call.effect("exec_data")
        call.doubt("a builtin is loaded from a file")
        call.read(*call.values.get("-f", []))


def _history(call: Invocation) -> None:
    call.effect("secrets")
    if call.has("-c", "-d"):
        call.effect("destructive")


def _ulimit(call: Invocation) -> None:
    call.quiet = False


PROGRAMS = (
    program("echo", style="none", spoken=True),
    program("printf", "=: -v", style="gnu", spoken=True, stop=True, special=_printf),
    program("true false : exit return break continue shift wait jobs times logout suspend", style="none", spoken=True),
    program("sleep usleep", spoken=True),
    program("test [", style="none", spoken=True, special=_test),
    program("cd chdir", ": -L -P -e -@", special=_cd),
    program("pushd", ": -n", special=_pushd),
    program("popd", ": -n", special=_popd),
    program("dirs pwd", ": -L -P -c -l -p -v"),
    program(
        "export declare typeset local readonly nameref",
        ": -a -A -f -F -g -i -I -l -n -r -t -u -x -p",
        special=_declare,
    ),
    program("read", ": -e -r -s\n=: -a -d -i -n -N -p -t -u", special=_names),
    program("mapfile readarray", ": -t\n=: -d -n -O -s -u -c\n=x: -C", special=_names),
    program("getopts", style="none", special=_names),
    program("unset", ": -f -v -n", special=_unset),
    program("alias", ": -p", style="none", special=_alias),
    program("unalias", ": -a"),
    program("eval", style="none", special=_eval),
    program("source .", style="none", special=_source),
    program("trap", ": -l -p", special=_trap),
    program("set shopt setopt", style="none", special=_set),
    program("hash", ": -r -d -l -t\n=: -p", special=_hash),
    program("enable", ": -a -d -n -p -s\n=: -f", special=_enable),
    program("type which whereis whatis apropos where", style="loose"),
    program("umask ulimit", style="loose", special=_ulimit),
    program("history fc", ": -c -l -n -r -a -w -p -s\n=: -d -e", special=_history),
    program("bind complete compgen compopt caller disown fg bg", style="loose", doubt="a builtin that can run text"),
    program("man", "=p: -P --pager -H --html\n=d: -M --manpath -C --config-file\n=: -L -m -R -r -S -s -e -E -p"),
    program("help info tldr cheat", style="loose"),
)
