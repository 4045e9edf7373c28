"""Masks in the raw JSON of items and in neutral turns; what is not addressed stays."""

import json
from dataclasses import replace

import pytest

from gateway.dialects import registry
from gateway.ir import request as ir
from gateway.pipeline import masking
from policies.leaks import Leak
from tests.unit.gateway.pipeline.made import flight

BODY = (
    b'{"model":"m" , "messages" : [ {"role":"user","content":"one"} ,\n{"role":"user","content":"two"},{"role":"user"'
)
BODY += b',"content":"one"} ] , "user":"one"}'


def leak(item, word):
    start = item.index(word)
    return Leak(start, start + len(word), "k", "user", b"[m]")


def none(raw):
    raise AssertionError("an array is edited in place")


@pytest.mark.parametrize("wanted", [[0], [1], [2], [0, 2], [0, 1, 2]])
def test_items_are_found_from_the_end(wanted):
    view = registry.by_name("chat").read(BODY)
    words = [b"one", b"two", b"one"]
    edits = [(index, [leak(bytes(view.messages[index]), words[index])]) for index in wanted]
    told = masking.masked(BODY, view, edits, none)
    parts = json.loads(told)["messages"]
    assert [part["content"] == "[m]" for part in parts] == [index in wanted for index in range(3)]
    assert told.endswith(b' ] , "user":"one"}')
    assert told.startswith(b'{"model":"m" , "messages" : [ {')


def test_a_lone_text_is_looked_at_where_it_stands():
    body = json.dumps({"model": "m", "user": "one", "input": "one é one two"}, ensure_ascii=False).encode()
    view = registry.by_name("responses").read(body)
    found = [leak(bytes(view.messages[0]), b"one")]

    def rescan(raw):
        first, last = raw.index(b"one"), raw.rindex(b"one")
        other = raw.index(b"two")
        kept = Leak(other, other + 3, "k", "user", b"[not asked for]")
        return [Leak(first, first + 3, "k", "user", b"[m]"), Leak(last, last + 3, "k", "user", b"[m]"), kept]

    told = json.loads(masking.masked(body, view, [(0, found)], rescan))
    assert (told["input"], told["user"]) == ("[m] é [m] two", "one")


def test_only_what_a_change_adds_is_cleaned():
    class Longer:
        def request(self, request):
            added = ir.Message("assistant", (ir.Text("hi"), ir.Image(url="hi"), ir.ToolCall("c", "hi", "hi")))
            return replace(request, messages=(*request.messages, added))

        def body(self, body):
            return body

    held = flight()
    before = held.request()
    told = masking.CleanChange(Longer(), lambda text: text.replace("hi", "[m]")).request(before)
    assert told.messages[: len(before.messages)] == before.messages
    assert told.messages[-1].parts == (ir.Text("[m]"), ir.Image(url="hi"), ir.ToolCall("c", "hi", "[m]"))


def test_results_are_cleaned_inside():
    result = ir.Message("tool", (ir.ToolResult("c", (ir.Text("hi"), ir.Image(url="hi"))),))
    told = masking.message(result, lambda text: "[m]")
    assert told.parts[0].parts == (ir.Text("[m]"), ir.Image(url="hi"))
