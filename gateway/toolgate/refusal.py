"""From a verdict to what the client gets: the words of a refusal, and the harmless command that says them.

Words matter: a bare "no" makes agents try the same thing in another way (policies.md section 2, point 6), so the text names
rule, reason and allowed alternative, and says not to work around it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import msgspec

from gateway.dialects._shared import wrap_custom
from gateway.toolgate.values import Complete, Form, Manner, Ruling
from policies import validate
from policies.toolmap import COMMAND, CWD, NAMESPACES, TOOLS
from policies.verdict import ToolCall, Verdict

TEXT_CHARS_MAX: Final = 2000
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 .,:;/()\[\]{}_+=@*?~#-]")
"""Everything that may mean something inside quotes to sh, PowerShell or cmd is left out of a command that prints text."""
_QUOTES: Final = dict.fromkeys(map(ord, "'`\"\u2018\u2019\u201c\u201d"))
"""Left out without a trace: a stand-in would stick to what was quoted, which people copy."""
_VENDOR_SHELLS: Final = {"local_shell_call": ("action", "command"), "shell_call": ("action", "commands")}
"""OpenAI's own shell items, and where their command stands."""

_KEPT: Final = frozenset({
    "timeout", "timeout_ms", "yield_time_ms", "max_output_tokens", "max_output_length", "description", "explanation",
    "summary", "title", "reason", "goal", "waitForCompletion", *CWD,
})  # fmt: skip
"""What else of a refused call its shim may keep. Nothing that decides what runs, as whom or with what: a `shell` is a
program, and variables (BASH_ENV, LD_PRELOAD) load code into the one that prints the refusal."""
_OFF: Final = frozenset(
    {"is_background", "isBackground", "run_in_background", "background", "requires_approval", "login", "tty"}
)
"""Switches that stay, off: some schemas demand them, and nobody would read what runs in the background."""

_FORMS: Final[dict[str, Form]] = {"text": "text", "shim": "shim", "retry": "retry", "error": "error"}
"""What a rule or a policy may ask for."""

_object: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any])


def text_of(call: ToolCall, verdict: Verdict) -> str:
    """What the model (and whoever reads along) is told. What matters comes first: Cline shows its user 48 characters of a
    result."""
    rule = verdict.rules[0].rule if verdict.rules else verdict.checkpoint
    needed = f"Needs approval {verdict.ticket}" if verdict.ticket else "Needs an approval"
    word = needed if verdict.decision == "ask" else "Not allowed"
    by = "" if rule in verdict.reason else f" (policy, {rule})"
    lines = [f"[interlock] {word}: {call.name}{by}: {verdict.reason.rstrip('.')}."]
    if verdict.alternative:
        lines.append(f"Allowed instead: {verdict.alternative.rstrip('.')}.")
    lines += verdict.context
    lines.append("It was not run. Do not try to reach the same in another way.")
    return " ".join(lines)[:TEXT_CHARS_MAX]


def ruling(told: Complete, verdict: Verdict, manner: Manner) -> Ruling:
    """What becomes of a call under this verdict."""
    call = told.call
    if verdict.decision == "allow":
        arguments = verdict.arguments
        if arguments is not None and told.wrapped:
            arguments = wrap_custom(arguments.decode("utf-8", "replace")).encode()
        return Ruling(call, verdict, arguments=arguments, wire=told.wire)
    text = text_of(call, verdict)
    form: Form = _FORMS.get(verdict.refusal or "", manner.form)
    if form == "shim":
        arguments = shim(call, text)
        if arguments is not None:
            return Ruling(call, verdict, "shim", arguments, text, told.wire)
        form = manner.form_other
    if form == "retry" and (told.part is None or manner.retries < 1):
        form = manner.form_other  # a vendor's own item has no result that could be answered for the client
    return Ruling(call, verdict, form, None, text, told.wire, told.part)


def refused(told: Complete, reason: str, manner: Manner) -> Ruling:
    """A call that no judge has seen to its end: too large, too slow, or the judge itself failed."""
    verdict = Verdict("deny", "input_validation", reason)
    return Ruling(told.call, verdict, manner.form_other, None, text_of(told.call, verdict), told.wire)


def unless_retried(told: Ruling, manner: Manner) -> Ruling:
    """The same ruling where asking again is not possible any more."""
    return replace(told, form=manner.form_other) if told.form == "retry" else told


# --- the shim ----------------------------------------------------------------------------------------------------


def shim(call: ToolCall, text: str) -> bytes | None:
    """The call's arguments with a command that prints the refusal and exits 126 (POSIX: found, but not to be executed);
    None where it is no shell call, or its arguments are not understood. A subshell, so that no session is ended."""
    try:
        arguments = _object.decode(call.arguments)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    script = f"(printf '%s\\n' '{_UNSAFE.sub('_', text.translate(_QUOTES))}'; exit 126)"
    place = _VENDOR_SHELLS.get(call.name)
    if place is not None and arguments.get("type") == call.name:
        inner = arguments.get(place[0])
        if not isinstance(inner, dict) or not _put(inner, place[1], script):
            return None
        return msgspec.json.encode({**arguments, place[0]: _vendors(inner, place[1])})
    if not _is_shell(call):
        return None
    places = [name for name in (*COMMAND, "commands") if name in arguments]
    if len(places) != 1 or not _put(arguments, places[0], script):
        return None  # two commands in one call: which one would run is not known
    return msgspec.json.encode(_harmless(arguments, places[0]))


def _harmless(arguments: dict[str, Any], command: str) -> dict[str, Any]:
    kept = {name: held for name, held in arguments.items() if name == command or name in _KEPT}
    return kept | {name: False for name in arguments if name in _OFF}


def _vendors(action: dict[str, Any], command: str) -> dict[str, Any]:
    """The same for OpenAI's own items, whose schema demands `env`."""
    kept = {name: held for name, held in action.items() if name in (command, "type") or name in _KEPT}
    return kept | ({"env": {}} if "env" in action else {})


def _is_shell(call: ToolCall) -> bool:
    spec = TOOLS.get(call.name)
    return (
        spec is not None
        and spec.kind == "shell"
        and not spec.unknown
        and call.namespace in NAMESPACES
        and not call.custom
        and "command" in spec.commands
        and validate.offered(call)  # what was not offered, nobody runs
    )


def _put(arguments: dict[str, Any], key: str, script: str) -> bool:
    """Puts the script where the command was, in the same shape; False where it has none that is known."""
    match arguments.get(key):
        case str():
            arguments[key] = script
        case [str(), *_]:
            arguments[key] = [script] if key == "commands" else ["sh", "-c", script]
        case [{"command": str()}, *_]:
            arguments[key] = [{"command": script}]
        case _:
            return False
    return True
