"""Subcommands of git that reach other machines."""

from __future__ import annotations

import re

from policies.shell.git.settings import settings
from policies.shell.model import Invocation
from policies.shell.options import host_of
from policies.shell.options import remote as remote_of


def push(call: Invocation) -> None:
    settings(call)
    call.effect("publish", "network")
    if call.operands and call.operands[0].value:
        remote_of(call, call.operands[0].value)
    refs = call.texts()[1:]
    if call.has("-f", "--force", "--mirror", "--delete", "-d", "--prune"):  # a lease beside --force counts for nothing
        call.effect("destructive")
    if any(ref.startswith(("+", ":")) for ref in refs):
        call.effect("destructive")


def fetch(call: Invocation) -> None:
    settings(call)
    call.effect("network")
    for text in call.texts():
        if text.startswith("ext::"):
            call.effect("exec_data")
            call.doubt("a transport that runs a program")
        remote_of(call, text)


def clone(call: Invocation) -> None:
    fetch(call)
    texts = call.texts()
    if texts:
        target = (
            texts[1]
            if len(texts) > 1
            else re.sub(r"\.git$", "", texts[0].rstrip("/").rpartition("/")[2].rpartition(":")[2])
        )
        call.write(target or ".")


def remote(call: Invocation) -> None:
    settings(call)
    if call.subcommand in {"remote remove", "remote rm", "remote prune"}:
        call.effect("destructive")
    for text in call.texts():
        if "://" in text:
            call.host(host_of(text))


def submodule(call: Invocation) -> None:
    settings(call)
    if call.subcommand == "submodule foreach":
        call.effect("exec_data")
        words = [item.value if item.value is not None else item.rough for item in call.operands]
        call.run.text(call, " ".join(words), "git")
    elif call.subcommand in {"submodule update", "submodule add"}:
        call.effect("network")
    elif call.subcommand == "submodule deinit" and call.has("-f", "--force"):
        call.effect("destructive")


def archive(call: Invocation) -> None:
    settings(call)
    call.write(*call.values.get("-o", []), *call.values.get("--output", []))
    if call.has("--exec", "--remote"):
        call.effect("network")
