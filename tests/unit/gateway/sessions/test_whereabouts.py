"""Where an agent says it works."""

import json

import pytest

from gateway.dialects import registry
from gateway.sessions.whereabouts import whereabouts


def view(dialect="chat", **body):
    return registry.all_dialects()[dialect].read(json.dumps({"model": "m", "max_tokens": 1, **body}).encode())


def chat(*messages):
    return view(messages=[{"role": role, "content": text} for role, text in messages])


@pytest.mark.parametrize(
    "text",
    [
        "<env>\n  Working directory: /home/dev/project\n  Is directory a git repo: yes\n</env>",
        "Here is useful information:\n<env>\nPrimary working directory: /home/dev/project\n</env>",
        "<environment_context>\n  <cwd>/home/dev/project</cwd>\n  <shell>bash</shell>\n</environment_context>",
        "# Current Working Directory (/home/dev/project) Files\nsrc/",
        "I'm currently working in the directory: /home/dev/project\nHere is the folder structure",
        "Current working directory: /home/dev/project.",
    ],
)
def test_forms_of_harnesses(text):
    for shown in (chat(("system", text), ("user", "hi")), chat(("system", "You are an agent."), ("user", text))):
        assert whereabouts(shown) == ("/home/dev/project", "/home/dev")
    assert (
        whereabouts(view("messages", system=text, messages=[{"role": "user", "content": "hi"}])).cwd
        == "/home/dev/project"
    )
    assert whereabouts(view("responses", instructions=text, input="hi")).cwd == "/home/dev/project"


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "Working directory: relative/path",
        "Working directory: ",
        "the current working directory is used",
        "<cwd></cwd>",
    ],
)
def test_nothing_is_told(text):
    assert whereabouts(chat(("system", text))) == (None, None)


def test_what_tools_and_models_say_moves_nobody():
    told = "Working directory: /etc"
    assert whereabouts(chat(("user", "hi"), ("assistant", told), ("user", told))).cwd is None
    result = {"role": "tool", "tool_call_id": "c", "content": told}
    body = {"messages": [{"role": "user", "content": "hi"}, result, {"role": "user", "content": told}]}
    assert whereabouts(view(**body)).cwd is None
    block = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": told}]}
    assert whereabouts(view("messages", messages=[block])).cwd is None


def test_escapes_are_read_and_odd_characters_are_not():
    assert whereabouts(chat(("system", "Working directory: /home/größe/a b\n"))) == ("/home/größe/a b", "/home/größe")
    assert whereabouts(chat(("system", "Working directory: /repo/a\u202eb\n"))).cwd is None


@pytest.mark.parametrize(
    ("cwd", "home"), [("/Users/a/x", "/Users/a"), ("/root", "/root"), ("/srv/x", None), ("/home", None)]
)
def test_homes(cwd, home):
    assert whereabouts(chat(("system", f"Working directory: {cwd}\n"))) == (cwd, home)
