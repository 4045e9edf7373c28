"""Subcommands of git that change the work tree, branches or history: which of them throw work away."""

from __future__ import annotations

from policies.shell.git.settings import settings
from policies.shell.model import Invocation


def branch(call: Invocation) -> None:
    settings(call)
    if call.has("-D") or (call.has("-d", "--delete") and call.has("-f", "--force")) or call.has("-M", "-C"):
        call.effect("destructive")
    if call.has("-f", "--force") and call.operands:
        call.effect("destructive")


def tag(call: Invocation) -> None:
    settings(call)
    if call.has("-d", "--delete") or (call.has("-f", "--force") and call.operands):
        call.effect("destructive")


def checkout(call: Invocation) -> None:
    """`git checkout -- path`, `git checkout tree path`, `--force` and `--pathspec-from-file` throw changes away; `-B` moves
    a branch, as `git branch -f` does."""
    settings(call)
    words = [item.value or "" for item in call.argv]
    creates = call.has("-b", "-B", "--orphan")
    behind = words.index("--") if "--" in words else -1
    paths = words[behind + 1 :] if behind >= 0 else []
    many = len(call.operands) > 1 and not creates and not call.has("-t", "--track", "--detach", "-d")
    if (
        call.has(
            "-B",
            "-f",
            "--force",
            "--pathspec-from-file",
            "-p",
            "--patch",
            "--ours",
            "--theirs",
            "--no-overlay",
            "--merge",
        )
        or paths
        or (many and behind < 0)
        or call.texts()[:1] in (["."], [":/"])
        or any(text.startswith("./") or text == "*" for text in call.texts())
    ):
        call.effect("destructive")


def switch(call: Invocation) -> None:
    settings(call)
    if call.has("-f", "--force", "--discard-changes", "-C", "--force-create"):
        call.effect("destructive")


def restore(call: Invocation) -> None:
    settings(call)
    if not call.has("-S", "--staged") or call.has("-W", "--worktree"):
        call.effect("destructive")


def reset(call: Invocation) -> None:
    settings(call)
    if call.has("--hard", "--merge", "--keep"):
        call.effect("destructive")


def clean(call: Invocation) -> None:
    settings(call)
    if call.has("-f", "--force", "-i", "--interactive") or not call.has("-n", "--dry-run"):
        call.effect("destructive")
    if call.has("-n", "--dry-run") and not call.has("-f", "--force"):
        call.effects = [effect for effect in call.effects if effect != "destructive"]


def stash(call: Invocation) -> None:
    settings(call)
    if call.subcommand in {"stash drop", "stash clear"}:
        call.effect("destructive")


def worktree(call: Invocation) -> None:
    settings(call)
    if call.subcommand == "worktree remove" and call.has("-f", "--force"):
        call.effect("destructive")
    if call.subcommand in {"worktree add"}:
        call.write(*call.operands[:1])


def bisect(call: Invocation) -> None:
    settings(call)
    if call.subcommand == "bisect run":
        call.effect("exec_data")
        call.run.words(call, [*call.operands], "git")


def rebase(call: Invocation) -> None:
    settings(call)
    for item in [*call.values.get("-x", []), *call.values.get("--exec", [])]:
        call.effect("exec_data")
        call.run.text(call, item.value, "git", item.rough)


def filter_history(call: Invocation) -> None:
    call.effect("destructive", "exec_data")


def reflog(call: Invocation) -> None:
    settings(call)
    if call.subcommand in {"reflog expire", "reflog delete"}:
        call.effect("destructive")


def gc(call: Invocation) -> None:
    settings(call)
    if any(flag.startswith("--prune") for flag in call.flags) or call.subcommand == "prune":
        call.effect("destructive")


def rm(call: Invocation) -> None:
    settings(call)
    call.write(*call.operands)
    if not call.has("--cached", "-n", "--dry-run") and call.has("-f", "--force", "-r"):
        call.effect("destructive")


def update_ref(call: Invocation) -> None:
    settings(call)
    if call.has("-d", "--delete"):
        call.effect("destructive")


def write_tree(call: Invocation) -> None:
    settings(call)
    call.write(".git")
