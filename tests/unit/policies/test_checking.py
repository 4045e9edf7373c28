"""Lines in, lines out."""

import json

import pytest

from policies.checking import changes, explained, kept, line, read
from policies.leaks import Detectors, Target
from policies.model import Redact
from policies.verdict import Caller, ToolCall
from tests.support.desk import Desk

WHO = Caller(cwd="/repo", home="/home/u")


def test_a_line():
    asked = read(
        b'{"id":"a","tool":"Read","arguments":{"file_path":"x"},"cwd":"/w","session":"s","taint":["web"],"expect":"deny"}',
        3,
        WHO,
    )
    assert asked.call == ToolCall("a", "Read", b'{"file_path":"x"}')
    assert (asked.caller.cwd, asked.caller.home, asked.caller.session, asked.caller.taint) == (
        "/w",
        "/home/u",
        "s",
        {"web"},
    )
    assert asked.expect == "deny"
    assert read(b'{"tool":"apply_patch","arguments":"x"}', 3, WHO).call.custom
    assert read(b'{"tool":"x","arguments":{}}', 3, WHO).id == 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"", 5),
        (b"{bad", 5),
        (b"[1]", 5),
        (b'{"id":"a"}', "a"),
        (b'{"id":"a","tool":"x"}', "a"),
        (b'{"id":"a","tool":"","arguments":{}}', "a"),
        (b'{"id":"a","tool":1,"arguments":{}}', "a"),
        (b'{"id":"a","tool":"x","arguments":[1]}', "a"),
        (b'{"id":"a","tool":"x","arguments":{},"cwd":1}', "a"),
        (b'{"id":"a","tool":"x","arguments":{},"tags":[1]}', "a"),
        (b'{"id":"a","tool":"x","arguments":{},"expect":"yes"}', "a"),
        (b'{"id":"a","tool":"x","arguments":{},"more":1}', "a"),
        (b'{"id":"a","tool":"x","arguments":{"b":1,"b":2}}', "a"),
        (b'{"id":[1],"tool":"x","arguments":{}}', 5),
        (b"\xff", 5),
    ],
)
def test_broken_lines_are_denied_at_input_validation(text, name):
    told = line(read(text, 5, WHO), None, 0)
    assert told["id"] == name
    assert (told["decision"], told["checkpoint"]) == ("deny", "input_validation")
    assert told["reason"]


def test_the_answer():
    verdict = Desk("rules: {b: [{id: r, allow: {tool: read, paths_in: workspace}}]}").verdict(
        "Read", {"file_path": "a"}
    )
    told = line(read(b'{"id":"a","tool":"Read","arguments":{"file_path":"a"}}', 1, WHO), verdict, 7)
    assert list(told)[:6] == ["id", "decision", "rules", "facts", "reason", "latency_us"]
    assert told["rules"] == ["r"]
    assert json.loads(json.dumps(told)) == told
    text = "\n".join(explained(verdict))
    assert "rule r: allow" in text
    assert "reads" in text


def test_changes():
    verdict = Desk("").verdict("Read", {"file_path": "a"})
    call = ToolCall("1", "Read", b"")
    assert changes([(call, "allow", verdict)]) == []
    assert changes([(call, "ask", verdict)])[0].after == "allow"


def test_what_is_kept_of_a_text():
    detectors = Detectors(Redact.model_validate({"teams": [{"words": "acme", "action": {"frontier": "deny"}}]}))
    told = kept(detectors, "a\n acme", Target(False, "frontier"), b"k")
    (hit,) = told["found"]
    assert (told["action"], hit["kind"], hit["line"], hit["column"], hit["action"]) == ("deny", "word", 2, 2, "deny")
    assert told["text"] == f"a\n {hit['mask']}"
    assert kept(detectors, "acme", Target(False, "mid"), b"k")["text"] == "acme"
    assert kept(detectors, "nothing", Target(False, "mid"), b"k") == {"action": "off", "found": [], "text": "nothing"}
