"""What can be told of statements without running them: how they begin, what they set, whether anything behind them runs."""

from __future__ import annotations

from policies.shell.syntax import Binary, Branch, Call, Group, Loop, Stmt, Text, Unread


def breeds(stmt: Stmt, name: str) -> bool:
    """`f() { f | f & }`: each run starts two more, until the machine stands still."""
    todo = [stmt]
    while todo:
        cmd = todo.pop().cmd
        if isinstance(cmd, Group):
            todo += cmd.body
        elif isinstance(cmd, Binary):
            sides = calls((cmd.left, cmd.right))
            if cmd.op == "|" and sum(side.args[:1] == ((Text(name),),) for side in sides) > 1:
                return True
            todo += [cmd.left, cmd.right]
    return False


def is_pwd(stmt: Stmt) -> bool:
    cmd = stmt.cmd
    return isinstance(cmd, Call) and cmd.args == ((Text("pwd"),),) and not stmt.redirects


def leaves(stmt: Stmt) -> bool:
    """Whether nothing behind this statement runs: exit, return, break, continue."""
    cmd = stmt.cmd
    if isinstance(cmd, Group) and not cmd.sub and cmd.body:
        return leaves(cmd.body[-1])
    return not stmt.background and first_word(stmt) in {"exit", "return", "break", "continue"}


def first_word(stmt: Stmt) -> str:
    """The first word of a simple command, when it is plain text."""
    cmd = stmt.cmd
    if not isinstance(cmd, Call) or not cmd.args:
        return ""
    word = cmd.args[0]
    return word[0].value if len(word) == 1 and isinstance(word[0], Text) else ""


def assigned(body: tuple[Stmt, ...]) -> dict[str, bool]:
    """Names that are set anywhere in a loop, and whether only by arithmetic."""
    names: dict[str, bool] = {}
    for cmd in calls(body):
        for item in cmd.assigns if not cmd.args or cmd.declares else ():
            number = item.value is not None and len(item.value) == 1 and isinstance(item.value[0], Unread)
            names[item.name] = number and names.get(item.name, True)
        words = [word[0].value for word in cmd.args if len(word) == 1 and isinstance(word[0], Text)]
        if words[:1] in (["read"], ["mapfile"], ["readarray"], ["getopts"], ["printf"], ["unset"]):
            names.update(dict.fromkeys((word for word in words[1:] if word.isidentifier()), False))
    return names


def moves(body: tuple[Stmt, ...]) -> bool:
    words = (cmd.args[0][0] for cmd in calls(body) if cmd.args and cmd.args[0])
    return any(getattr(word, "value", "") in {"cd", "pushd", "popd"} for word in words)


def calls(body: tuple[Stmt, ...]) -> list[Call]:
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
