import json
import subprocess

import pytest

from gateway.ir.request import ToolCall as Part
from gateway.toolgate.refusal import refused, ruling, shim, text_of, unless_retried
from gateway.toolgate.values import Manner
from policies.verdict import Verdict
from tests.unit.gateway.toolgate.told import ALLOW, ASK, DENY, call, complete


def test_words_name_rule_reason_and_what_is_allowed():
    text = text_of(call(), DENY)
    for word in ("bash", "no-rm", "it deletes", "Allowed instead: git clean -n", "not run", "not try"):
        assert word in text
    assert "approval A-7" in text_of(call(), ASK)
    assert len(text_of(call(), Verdict("deny", "rules", "x" * 9000))) == 2000


def test_what_matters_comes_first():
    """Cline shows its user 48 characters of a result: the id of the approval is among them."""
    ticket = Verdict("ask", "approval", "rule look: look first", ticket="apr_0123456789ab")
    assert text_of(call("run_commands"), ticket)[:43].endswith("apr_0123456789ab")
    assert text_of(call(), DENY).startswith("[interlock] Not allowed: bash (policy, no-rm): it deletes.")
    named = Verdict("deny", "rules", "rule no-rm: it deletes", DENY.rules)
    assert text_of(call(), named).startswith("[interlock] Not allowed: bash: rule no-rm: it deletes.")


def test_allowed_calls_are_left_alone():
    assert ruling(complete(), ALLOW, Manner()).untouched


def test_a_rewrite_brings_its_arguments():
    new = Verdict("allow", "hooks", "", arguments=b'{"command":"ls"}')
    assert ruling(complete(), new, Manner()).arguments == b'{"command":"ls"}'
    wrapped = complete(call("patch", custom=True), wrapped=True)
    assert json.loads(ruling(wrapped, new, Manner()).arguments) == {"input": '{"command":"ls"}'}


@pytest.mark.parametrize("verdict", [DENY, ASK])
@pytest.mark.parametrize(
    ("made", "manner", "form"),
    [
        (call(), Manner("shim"), "shim"),
        (call("write", {"path": "a"}), Manner("shim"), "text"),
        (call("write", {"path": "a"}), Manner("shim", "error"), "error"),
        (call(), Manner("text"), "text"),
        (call(), Manner("error"), "error"),
    ],
)
def test_the_form_of_a_refusal(verdict, made, manner, form):
    told = ruling(complete(made), verdict, manner)
    assert told.form == form
    assert told.gone == (form != "shim")


def test_asking_again_needs_a_call_that_can_be_answered():
    manner = Manner("retry")
    part = Part("c1", "bash", "{}")
    assert ruling(complete(part=part), DENY, manner).form == "retry"
    assert ruling(complete(), DENY, manner).form == "text"
    assert ruling(complete(part=part), DENY, Manner("retry", retries=0)).form == "text"
    assert unless_retried(ruling(complete(part=part), DENY, manner), manner).form == "text"


def test_a_call_that_nobody_judged_is_refused_by_its_own_words():
    told = refused(complete(), "it is larger than 5 bytes", Manner())
    assert (told.form, told.gone) == ("text", True)
    assert "larger than 5 bytes" in told.text


def test_a_rule_may_say_in_which_form():
    rule = Verdict("deny", "rules", "no", refusal="error", context=("Ask Ada.",))
    told = ruling(complete(), rule, Manner("shim"))
    assert told.form == "error"
    assert "Ask Ada." in told.text


# --- the shim ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evil",
    [
        "'; touch /tmp/owned; '",
        "$(touch x) `touch x`",
        "\\'; touch x #",
        "a\nb\r\nc\x00d",
        "’; Remove-Item x ‘",
        '"& del x & "',
        "%PATH% ^ | > < !",
    ],
)
def test_the_command_of_a_shim_only_prints(evil, tmp_path):
    arguments = json.loads(shim(call(), f"refused: {evil}"))
    done = subprocess.run(["sh", "-c", arguments["command"]], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 126
    assert done.stdout.startswith("refused: ")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
    assert not set(arguments["command"].split("'")[3]) & set("\"'`$\\&|<>^%!\n\r\0‘’")


def test_nothing_sticks_to_what_people_copy():
    arguments = json.loads(shim(call(), 'run `interlock approvals grant apr_1` or “ask” the team\'s "lead"'))
    assert "run interlock approvals grant apr_1 or ask the teams lead" in arguments["command"]


@pytest.mark.parametrize(
    ("name", "arguments", "where"),
    [
        ("bash", {"command": "x", "timeout": 5}, lambda a: a["command"]),
        ("Bash", {"command": "x", "description": "d"}, lambda a: a["command"]),
        ("shell", {"command": ["bash", "-lc", "x"], "workdir": "/"}, lambda a: a["command"][2]),
        ("exec_command", {"cmd": "x"}, lambda a: a["cmd"]),
        ("run_commands", {"commands": ["x", "y"]}, lambda a: a["commands"][0]),
        ("run_shell_command", {"command": "x", "is_background": False}, lambda a: a["command"]),
    ],
)
def test_shells_of_all_harnesses(name, arguments, where):
    made = json.loads(shim(call(name, arguments), "no"))
    assert where(made).endswith("exit 126)")
    assert {key: made[key] for key in arguments if key not in ("command", "cmd", "commands")} == {
        key: value for key, value in arguments.items() if key not in ("command", "cmd", "commands")
    }


def test_a_shim_keeps_nothing_that_could_run():
    """Of a refused call nothing may be left that decides what runs, as whom, or what is loaded into it."""
    evil = {
        "cmd": "x", "shell": "/repo/bash", "env": {"BASH_ENV": "/repo/evil"}, "login": True, "tty": True, "session_id": 4,
        "sandbox_permissions": "require_escalated", "with_escalated_permissions": True, "prefix_rule": ["rm"],
        "is_background": True, "stdin": "y", "unheard-of": 1, "workdir": "/repo", "yield_time_ms": 5, "description": "d",
    }  # fmt: skip
    made = json.loads(shim(call("exec_command", evil), "no"))
    assert made.pop("cmd").endswith("exit 126)")
    off = {"login": False, "tty": False, "is_background": False}
    assert made == {"workdir": "/repo", "yield_time_ms": 5, "description": "d", **off}
    listed = {"commands": [{"command": "git", "args": ["push"], "env": {"A": "b"}}, {"command": "ls"}]}
    assert [list(entry) for entry in json.loads(shim(call("run_commands", listed), "no"))["commands"]] == [["command"]]


def test_vendor_shells():
    item = {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}}
    item["action"] |= {"env": {"LD_PRELOAD": "/repo/evil.so"}, "user": "root", "timeout_ms": 5}
    made = json.loads(shim(call("local_shell_call", item), "no"))
    assert made["action"]["command"][:2] == ["sh", "-c"]
    assert {**made["action"], "command": None} == {"type": "exec", "command": None, "env": {}, "timeout_ms": 5}
    assert shim(call("computer_call", {"type": "computer_call", "action": {}}), "no") is None


@pytest.mark.parametrize(
    "made",
    [
        call("write", {"command": "x"}),
        call("bash", {"command": "x", "cmd": "y"}),
        call("bash", {"command": 5}),
        call("bash", {}),
        call("bash", [1]),
        call("PowerShell", {"command": "x"}),
        call("bash", {"command": "x"}, namespace="mcp__server"),
        call("bash", custom=True),
        call("python", {"code": "x"}),
        call("bash", {"command": "x"}, known=frozenset()),
        call("bash", {"command": "x"}, known=frozenset({"run_commands"})),
        call("str_replace_based_edit_tool", {"command": "create", "path": "x"}),
    ],
)
def test_no_shim_where_it_would_not_be_certain(made):
    assert shim(made, "no") is None
