"""Real coding harnesses meet a policy: what is allowed runs, what is asked about runs once a person has agreed, what is denied
never runs, and an agent that is told no neither loops nor stalls.

Whether a call ran is told by the file it would have written; whether a harness copes, by its exit code and by how many turns
the model was asked for. The forms of a refusal are compared in docs/decisions/0037-refusal-forms.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.harnesses.registry import all_harnesses
from policies import jsonpath
from policies.toolmap import TOOLS, Spec
from scripts.harnesses.install import VERSIONS
from tests.harness.judged import VENDORS, Play, Played

pytestmark = [pytest.mark.harness, pytest.mark.timeout(900)]

# Each harness in one dialect here, so that the three are all met; the other pairs differ in how calls are edited, not in what
# the harness makes of it.
TOOL_HARNESSES = (("opencode", "chat"), ("codex", "responses"), ("cline", "chat"), ("qwen", "messages"))
RAN = "it ran\n"
INSISTS = 99

# The cheap ones (1 and 5 s a run, where OpenCode takes 8 and Cline 9), for what hardly differs from harness to harness: a form
# that shows them nothing but text, and a wait.
CHEAP = ("codex", "qwen")

# What each form does to a model that tries twice and then reports: (turns the vendor is asked for, how the run ends).
FORMS = {
    ("opencode", "text"): (1, 0), ("opencode", "error"): (1, 1),
    ("codex", "text"): (1, 0), ("codex", "retry"): (3, 0), ("codex", "error"): (3, 1),
    ("cline", "text"): (1, 0), ("cline", "error"): (1, 1),
    ("qwen", "text"): (1, 0), ("qwen", "retry"): (3, 0), ("qwen", "error"): (1, 1),
}  # fmt: skip


def _plays(**more: Any) -> list[Play]:
    return [Play(harness, dialect, **more) for harness, dialect in TOOL_HARNESSES]


ALLOWED = _plays(files=("allowed.txt",))
ASKED = _plays(files=("asked.txt",), granted=True)
HELD = _plays(files=("held.txt",), granted=True)
HELD_IN_VAIN = [play for play in _plays(files=("late.txt",)) if play.harness in CHEAP]
# Longer than Codex waits for an event here (scripts/harnesses/recipes.py: 20 s).
HELD_LONG = Play("codex", "responses", ("long.txt",), tries=1)
DENIED = _plays(files=("denied.txt",))
INSISTING = _plays(files=("denied.txt",), tries=INSISTS)
BY_FORM = [Play(h, dict(TOOL_HARNESSES)[h], (f"denied-{form}.txt",)) for h, form in FORMS]
DETOUR = Play("codex", "responses", ("denied.txt",), detour=True)
# Two calls in one turn, one of them refused: in every dialect as bytes, and translated.
SIBLINGS = [
    Play("codex", "responses", ("allowed.txt", "denied.txt")),
    Play("codex", "responses", ("denied-text.txt", "allowed.txt")),
    Play("codex", "responses", ("denied-text.txt", "allowed.txt"), upstream="chat"),
    Play("qwen", "messages", ("denied.txt", "allowed.txt")),
    Play("opencode", "messages", ("denied-text.txt", "allowed.txt")),
    Play("cline", "chat", ("denied-text.txt", "allowed.txt")),
]
# A tool that writes files has no shim: the run ends with the ticket, and the user comes back.
COMING_BACK = [
    Play("opencode", "responses", ("asked.txt",), tool="file", granted=True, then="It is granted, go on."),
    Play("qwen", "chat", ("asked.txt",), tool="file", granted=True, then="It is granted, go on."),
]
FILES_DENIED = [Play("cline", "chat", ("denied.txt",), tool="file")]
AIDER_EDITS = Play("aider", "chat", ("allowed.txt", "asked.txt", "denied.txt"), tool="file")
AIDER_CALLS = Play("aider", "chat", ("denied.txt",), tool="call")


@pytest.mark.parametrize("play", ALLOWED, ids=lambda play: play.id)
def test_an_allowed_call_runs(play: Play, played: Played) -> None:
    assert played.result.files.get("allowed.txt") == RAN, played.all()
    assert (played.turns, played.result.exit_code) == (2, 0), played.all()
    assert [told["decision"] for told in played.verdicts] == ["allow"], played.all()
    assert not played.told
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", ASKED, ids=lambda play: play.id)
def test_a_granted_call_runs_when_it_is_made_again(play: Play, played: Played) -> None:
    """Refused with a ticket, granted at the command line, made again: it runs, once."""
    assert played.result.files.get("asked.txt") == RAN, played.all()
    assert (played.turns, played.result.exit_code) == (3, 0), played.all()
    assert [told["decision"] for told in played.verdicts] == ["ask", "allow"], played.all()
    assert [" granted for 1 call" in said for said in played.granted] == [True], played.all()
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", HELD, ids=lambda play: play.id)
def test_a_held_call_runs_when_it_is_granted(play: Play, played: Played) -> None:
    """The model is asked no more often than for an allowed call, and the agent never sees a refusal."""
    assert played.result.files.get("held.txt") == RAN, played.all()
    assert (played.turns, played.result.exit_code) == (2, 0), played.all()
    assert [told["decision"] for told in played.verdicts] == ["allow"], played.all()
    assert [" granted for 1 call" in said for said in played.granted] == [True], played.all()
    assert not played.told
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", [HELD_LONG, *HELD_IN_VAIN], ids=lambda play: play.id)
def test_a_held_call_that_nobody_decides_becomes_a_ticket(play: Play, played: Played) -> None:
    """Nobody hangs, and nobody gives up while the call is held: the model is asked no more often than for a denied call."""
    assert played.result.files.get(play.files[0]) is None, played.all()
    assert (played.turns, played.result.exit_code) == (play.tries + 1, 0), played.all()
    assert {told["decision"] for told in played.verdicts} == {"ask"}, played.all()
    assert "Needs approval apr_" in played.result.output, played.all()
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", [*DENIED, DETOUR], ids=lambda play: play.id)
def test_a_denied_call_never_runs_and_the_run_ends(play: Play, played: Played) -> None:
    """The model sees each refusal, tries once more and reports: as many turns as it wants, and not one more."""
    assert "denied.txt" not in played.result.files, played.all()
    assert (played.turns, played.result.exit_code) == (5 if play.detour else 3, 0), played.all()
    assert [told["decision"] for told in played.verdicts if "never" in told["rules"]] == ["deny", "deny"], played.all()
    assert played.told, played.all()
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", INSISTING, ids=lambda play: play.id)
def test_a_model_that_insists_is_stopped(play: Play, played: Played) -> None:
    """The third refusal in a row trips the breaker; from then on a refusal ends the turn."""
    assert "denied.txt" not in played.result.files, played.all()
    assert not played.result.loop, played.all()
    assert played.result.exit_code == 0, played.all()
    assert (played.turns, len(played.verdicts)) == (3, 3), played.all()
    assert "a human must look" in played.result.output, played.all()


@pytest.mark.parametrize("play", BY_FORM, ids=lambda play: play.id)
def test_every_form_of_a_refusal_comes_to_an_end(play: Play, played: Played) -> None:
    form = play.files[0].removeprefix("denied-").removesuffix(".txt")
    turns, exit_code = FORMS[play.harness, form]
    assert play.files[0] not in played.result.files, played.all()
    assert not played.result.loop, played.all()
    assert (played.turns, played.result.exit_code) == (turns, exit_code), played.all()
    assert played.told, played.all()
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", SIBLINGS, ids=lambda play: play.id)
def test_a_refused_call_leaves_its_siblings_alone(play: Play, played: Played) -> None:
    """The allowed call of the same turn runs, and the strict vendor finds every id answered in the next request."""
    (denied,) = (name for name in play.files if name.startswith("denied"))
    assert played.result.files.get("allowed.txt") == RAN, played.all()
    assert denied not in played.result.files, played.all()
    assert played.result.exit_code == 0, played.all()
    assert played.turns == (2 if denied == "denied-text.txt" else 3), played.all()
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", COMING_BACK, ids=lambda play: play.id)
def test_a_user_who_comes_back_after_granting(play: Play, played: Played) -> None:
    """The ticket ends the run; the user reads it, has it granted and goes on in the same session: the call passes."""
    assert played.result.files.get("asked.txt") == RAN, played.all()
    assert (played.turns, played.result.exit_code) == (3, 0), played.all()
    assert [told["decision"] for told in played.verdicts] == ["ask", "allow"], played.all()
    assert played.verdicts[0]["session"] == played.verdicts[1]["session"] != ""
    assert "Needs approval apr_" in played.result.output, played.all()
    assert played.complaints == [], played.all()


@pytest.mark.parametrize("play", FILES_DENIED, ids=lambda play: play.id)
def test_a_tool_for_files_is_refused_in_words(play: Play, played: Played) -> None:
    assert "denied.txt" not in played.result.files, played.all()
    assert (played.turns, played.result.exit_code) == (1, 0), played.all()
    assert "Allowed instead: Describe the change to the user" in played.result.output, played.all()


@pytest.mark.parametrize("play", [AIDER_EDITS], ids=lambda play: play.id)
def test_aider_writes_by_text_which_no_policy_judges(play: Play, played: Played) -> None:
    """A limit, stated as a test (docs/explanation/permissions.md): Aider offers no tools. Its edits are words of the answer,
    and it applies them by itself; commands it shows to its user and, without one, does not run them."""
    assert {name: played.result.files.get(name) for name in play.files} == dict.fromkeys(play.files, RAN), played.all()
    assert "command.txt" not in played.result.files, played.all()
    assert (played.turns, played.result.exit_code) == (1, 0), played.all()
    assert played.verdicts == (), played.all()


@pytest.mark.parametrize("play", [AIDER_CALLS], ids=lambda play: play.id)
def test_aider_is_told_of_a_call_that_nobody_offered(play: Play, played: Played) -> None:
    """As words: a harness without tools would run no shim, and show an empty answer."""
    assert "denied.txt" not in played.result.files, played.all()
    assert (played.turns, played.result.exit_code) == (1, 0), played.all()
    assert [told["decision"] for told in played.verdicts] == ["deny"], played.all()
    assert "did not offer a tool named bash" in played.result.output, played.all()


# --- the map of tools --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("play", ALLOWED, ids=lambda play: play.id)
def test_every_tool_on_offer_is_mapped(play: Play, played: Played) -> None:
    """Fails when a new version of a harness brings a tool, or an argument of one, that nobody has looked at: add it to
    policies/toolmap.py."""
    problems = [problem for tool in offered(played.offered[0].body) for problem in unmapped(*tool)]
    assert problems == [], problems


def offered(body: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Name and arguments of every tool of a request, those in namespaces and those that the vendor runs included."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for tool in body["tools"]:
        told = tool.get("function", tool)
        schema = told.get("parameters") or told.get("input_schema") or {}
        if tool.get("type") == "namespace":
            found += offered(tool)
        else:
            found.append((told.get("name") or tool["type"], tuple(schema.get("properties") or ())))
    return found


def unmapped(name: str, arguments: tuple[str, ...]) -> list[str]:
    """What the map does not know of a tool. Arguments of a command must all be known, since one that is not makes every call
    an ask; of a tool that touches files or hosts, at least one must say which."""
    spec = TOOLS.get(name)
    if spec is None:
        return [f"{name}: not in the map"]
    if spec.kind == "shell":
        known = _heads(spec, *spec.commands, *spec.cwd, *spec.known)
        return [f"{name}: the argument {argument}" for argument in arguments if argument not in known]
    if spec.kind in ("read", "write", "edit", "delete", "fetch", "list"):
        known = _heads(spec, *spec.reads, *spec.writes, *spec.urls, *spec.patch)
        return [] if known.intersection(arguments) else [f"{name}: no argument of {arguments} is known"]
    return []


def _heads(spec: Spec, *names: str) -> frozenset[str]:
    return frozenset(jsonpath.head(name) for name in names)


def test_an_unmapped_tool_is_found() -> None:
    """The check above is not blind."""
    assert unmapped("teleport", ("path",)) == ["teleport: not in the map"]
    assert unmapped("bash", ("command", "elevated")) == ["bash: the argument elevated"]
    assert unmapped("write", ("content", "whereto")) != []
    assert unmapped("write", ("content", "filePath")) == []
    nested = {"tools": [{"type": "namespace", "name": "n", "tools": [{"name": "inner"}]}, {"type": "web_search"}]}
    assert offered(nested) == [("inner", ()), ("web_search", ())]


def test_the_plays_know_every_harness_and_dialect() -> None:
    harnesses = {name for name, pin in VERSIONS.items() if pin.get("role") != "sdk"} - {"node22"}
    assert {harness for harness, _ in TOOL_HARNESSES} | {"aider"} == harnesses
    assert {dialect for _, dialect in TOOL_HARNESSES} == set(VENDORS)
    assert {harness for harness, _ in FORMS} == {harness for harness, _ in TOOL_HARNESSES}


def test_the_shipped_forms_are_those_that_were_tried() -> None:
    names = {"opencode": "opencode", "codex": "codex", "cline": "cline", "qwen": "qwen-code"}
    assert {all_harnesses()[names[harness]].refusal for harness, _ in TOOL_HARNESSES} == {"shim"}
    assert all_harnesses()["aider"].refusal == "text"
