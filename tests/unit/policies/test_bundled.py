"""The policies that come along load, say what they promise, and lint without errors."""

import pytest

from policies import bundled
from policies.engine import drive, judge
from policies.lint import lint
from policies.load import load
from policies.verdict import Caller, ToolCall

CALLS = {
    "read": ("Read", b'{"file_path":"/repo/src/a.py"}'),
    "read_outside": ("Read", b'{"file_path":"/etc/hosts"}'),
    "secret": ("Read", b'{"file_path":"/repo/.env"}'),
    "edit": ("Edit", b'{"file_path":"/repo/a.py"}'),
    "edit_outside": ("Edit", b'{"file_path":"/etc/hosts"}'),
    "fetch": ("WebFetch", b'{"url":"https://a.b/"}'),
    "todo": ("TodoWrite", b'{"todos":[]}'),
    "mcp": ("mcp__gh__delete_repo", b'{"x":1}'),
}
WANTED = {
    "safe-default": {"read": "allow", "read_outside": "ask", "secret": "deny", "edit": "ask", "edit_outside": "ask", "fetch": "ask", "todo": "allow", "mcp": "ask"},
    "read-only": {"read": "allow", "read_outside": "deny", "secret": "deny", "edit": "deny", "edit_outside": "deny", "fetch": "deny", "todo": "allow", "mcp": "deny"},
    "ci": {"read": "allow", "read_outside": "deny", "secret": "deny", "edit": "allow", "edit_outside": "deny", "fetch": "deny", "todo": "allow", "mcp": "deny"},
    "strict": {"read": "allow", "read_outside": "ask", "secret": "deny", "edit": "ask", "edit_outside": "deny", "fetch": "deny", "todo": "allow", "mcp": "ask"},
}  # fmt: skip


@pytest.mark.parametrize("name", bundled.NAMES)
def test_promises(name):
    policy = load([(name, bundled.text(name))])
    who = Caller(cwd="/repo", home="/home/u")
    found = {
        call: drive(judge(policy, ToolCall("1", *what), who), lambda _: None).decision for call, what in CALLS.items()
    }
    assert found == WANTED[name]


@pytest.mark.parametrize("name", bundled.NAMES)
def test_lint(name):
    assert [advice for advice in lint(load([(name, bundled.text(name))])) if advice.level == "error"] == []


@pytest.mark.parametrize("name", bundled.NAMES)
def test_comments_say_what_it_is_for(name):
    assert bundled.text(name).startswith(f"# {name}: ")


def test_other_names():
    with pytest.raises(KeyError):
        bundled.text("../secrets")
