"""Settings of git, which can name programs: `-c`, `git config`, aliases."""

from __future__ import annotations

import re

from policies.shell.model import Invocation
from policies.shell.state import HOME
from policies.shell.words import Field

_PROGRAM_SETTINGS = re.compile(
    r"core\.(?:pager|editor|sshcommand|fsmonitor|hookspath|gitproxy|askpass|worktree|attributesfile|alternaterefscommand)"
    r"|.*\.(?:textconv|command|cmd|program|clean|smudge|process|driver|helper|path|proxy|uploadpack|receivepack|insteadof|"
    r"pushinsteadof|url|vcs|template|externaldiff|external|editor|tool|askpass)|alias\..*|pager\..*|include\.path|includeif\..*"
    r"|credential.*|sequence\.editor|diff\.external|init\.templatedir|http\..*|https\..*|protocol\..*|safe\.directory|gpg\..*"
    r"|uploadpack\..*|submodule\..*\.update|remote\..*|url\..*|browser\..*|man\..*|interactive\.difffilter|instaweb\..*",
    re.IGNORECASE,
)


def settings(call: Invocation) -> None:
    """What every subcommand has: settings given with the call, and where git looks for its programs."""
    given = ("-c", "--config", "--config-env")  # --config: of clone
    for item in [item for option in given for item in call.values.get(option, [])]:
        name = (item.value or "").partition("=")[0]
        if item.value is None or _PROGRAM_SETTINGS.fullmatch(name):
            call.effect("exec_data")
            call.doubt(f"the git setting {name or '?'} can name a program")
            value = (item.value or "").partition("=")[2]
            if name.lower().startswith("alias.") and value.startswith("!"):
                call.run.text(call, value[1:], "git")
    if call.values.get("--exec-path"):
        call.effect("exec_data")
        call.doubt("git runs programs from another folder")


def config(call: Invocation) -> None:
    settings(call)
    texts = call.texts()
    if texts[:1] in (["get"], ["list"], ["set"], ["unset"], ["edit"]):
        texts = texts[1:]
        writes = call.texts()[0] in {"set", "unset", "edit"}
    else:
        writes = len(texts) > 1 or call.has(
            "--add", "--replace-all", "--unset", "--unset-all", "--edit", "-e", "--rename-section", "--remove-section"
        )
        writes = writes and not call.has(
            "--get", "--get-all", "--get-regexp", "--get-urlmatch", "-l", "--list", "--get-color", "--get-colorbool"
        )
    if writes:
        call.write(*_settings_file(call))
        if texts and _PROGRAM_SETTINGS.fullmatch(texts[0]):
            call.effect("exec_data", "persistence")
    elif texts and re.match(r"(?i)credential|.*token|.*password", texts[0]):
        call.effect("secrets")


def _settings_file(call: Invocation) -> list[Field | str]:
    named: list[Field | str] = [*call.values.get("-f", []), *call.values.get("--file", [])]
    if named:
        return named
    if call.has("--global"):
        return [f"{HOME}/.gitconfig"]
    return ["/etc/gitconfig" if call.has("--system") else ".git/config"]


def alias(call: Invocation) -> None:
    """A word that is no subcommand may be an alias, which may be anything."""
    settings(call)
    call.doubt(f"git {call.subcommand} is not known, it may be an alias")


def credential(call: Invocation) -> None:
    settings(call)
    call.effect("secrets")
