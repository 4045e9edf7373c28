"""The chain holds, and breaks at the line that was touched."""

import json

import pytest

from policies import audit
from policies.verdict import Caller, ToolCall
from tests.support.desk import Desk


def lines(count=4):
    head, out = audit.GENESIS, []
    for number in range(1, count + 1):
        made = audit.chained(audit.event("reload", number, note=f"ü{number}"), number, head)
        out.append(made.line)
        head = made.head
    return out, head


def test_a_whole_chain():
    held, head = lines()
    found = audit.verify(held)
    assert (found.lines, found.head, found.findings) == (4, head, ())
    assert audit.verify([]).head == audit.GENESIS


def broken(held):
    return [finding.line for finding in audit.verify(held).findings]


def test_each_touch_is_found():
    held, _ = lines()
    assert broken([held[0], held[1].replace(b"u00fc2", b"u00fc9"), *held[2:]]) == [2]
    assert broken([held[0], *held[2:]]) == [2]
    assert broken([held[0], held[2], held[1], held[3]]) == [2, 3, 4]
    assert broken([*held, held[0]]) == [5]
    assert broken([held[0], b"hello\n", *held[1:]]) == [2]
    assert broken([held[0][:-1]]) == [1]
    assert broken([held[0].replace(b":", b": ", 1)]) == [1]
    assert broken([b"[]\n", b'{"seq":1}\n', b'{"seq":1,"prev":1,"hash":2}\n']) == [1, 2, 3]


def test_a_rewritten_line_with_a_fresh_digest_breaks_the_next():
    held, _ = lines()
    forged = audit.chained(audit.event("reload", 2, note="forged"), 2, json.loads(held[0])["hash"]).line
    assert broken([held[0], forged, *held[2:]]) == [3]


def test_the_head_notices_a_cut_end():
    held, head = lines()
    assert audit.verify(held[:-1]).head != head
    assert broken(held[:-1]) == []


RULES = "rules: {b: [{id: r, allow: {tool: read, paths_in: workspace}}]}"


def record(call, **more):
    verdict = Desk(RULES).verdict(call.name, call.arguments, **more)
    return audit.decision(call, Caller(cwd="/repo", home="/home/u", now_s=1.5), verdict, latency_us=12, mask_key=b"k")


def test_a_decision_says_everything():
    held = record(ToolCall("c1", "Read", b'{"file_path":"a"}'))
    assert held["decision"] == "allow"
    assert held["rules"] == ["r"]
    assert held["facts"]["reads"] == ["/repo/a"]
    assert held["digest"].startswith("sha256:")
    assert held["latency_us"] == 12
    assert [step[0] for step in held["trail"]] == ["input_validation", "mode", "rules", "rules"]


def test_secrets_are_masked_and_long_arguments_cut():
    token = "ghp_" + "a1B2" * 9
    assert token not in json.dumps(record(ToolCall("c1", "Read", f'{{"file_path":"{token}"}}'.encode())))
    held = record(ToolCall("c1", "Write", b'{"file_path":"a","content":"' + b"x" * 100_000 + b'"}'))
    assert held["arguments_cut"] > 100_000
    assert len(held["arguments"]) == audit.ARGUMENTS_CHARS_MAX


def test_calls_come_back():
    call = ToolCall("c1", "Read", b'{"file_path":"a"}')
    made = audit.chained(record(call), 1, audit.GENESIS)
    [(again, who, held)] = list(audit.calls([made.line, b"junk\n", lines(1)[0][0]]))
    assert again == call
    assert (who.cwd, who.now_s) == ("/repo", 1.5)
    assert held["decision"] == "allow"


def test_numbers_that_json_has_not_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        audit.chained({"x": float("nan")}, 1, audit.GENESIS)
