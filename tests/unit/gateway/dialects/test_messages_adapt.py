import msgspec
import pytest

from gateway.dialects._messages_adapt import adapt
from gateway.dialects._messages_read import read
from gateway.dialects.contract import Target, View
from gateway.errors import UnsupportedFeature
from gateway.ir.profile import Profile

KEEP = {
    "billing_header": "keep",
    "cache_marks": True,
    "output_config": True,
    "thinking_modes": ("enabled", "disabled", "adaptive", "between_tools"),
}
FULL = Profile(**KEEP)


def profile(**changes):
    return Profile(**{**KEEP, **changes})


def run(body, target_profile=FULL, model="m", limit=None):
    return adapt(body, read(body), Target(model=model, profile=target_profile, max_output_tokens=limit))


def request(**fields):
    body = {"model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}], **fields}
    return msgspec.json.encode(body)


# Everything that a gateway must not touch between equals (protocols.md 1.3 "newer request fields", 1.6).
RICH = b"""{ "model":"claude-\\u0061lias",  "max_tokens": 4000, "cache_control":{"type":"ephemeral"}, "speed":"fast",
 "diagnostics":{"previous_message_id":"msg_1"}, "context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},
 "mcp_servers":[{"type":"url","url":"https://x","name":"y"}], "container":{"skills":[]}, "betafield": 1e2,
 "output_config":{"effort":"high","task_budget":{"type":"tokens","total":5}}, "thinking":{"type":"between_tools"},
 "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=1; cch=abc"},{"type":"text","text":"S"}],
 "tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"t","input_schema":{},"defer_loading":true,
 "cache_control":{"type":"ephemeral","ttl":"1h"}}],
 "messages":[{"role":"user","content":[{"type":"text","text":"caf\\u00e9 \\/","cache_control":{"type":"ephemeral"}}]},
 {"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"q" : 1}},
 {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}]},
 {"role":"system","content":"late"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[
 {"type":"text","text":"r","cache_control":{"type":"ephemeral"}},{"type":"tool_reference","tool_name":"t"}]}]}]}"""


def test_between_equals_only_the_model_name_changes():
    assert run(RICH, model="other") == RICH.replace(b'"claude-\\u0061lias"', b'"other"')
    assert run(RICH, model="claude-alias") is RICH


def test_a_foreign_view_is_enough():
    view = read(RICH)
    plain = View(model=view.model, stream=False, messages=view.messages, system=view.system, span_model=view.span_model)
    done = adapt(RICH, plain, Target(model="other", profile=profile(billing_header="strip")))
    assert b"billing" not in done
    assert b'"other"' in done


def test_the_billing_block_alone_is_stripped():
    done = run(RICH, profile(billing_header="strip"))
    assert done.count(b"x-anthropic-billing-header") == 0
    assert b'"system":[{"type":"text","text":"S"}]' in done
    only = request(system=[{"type": "text", "text": "x-anthropic-billing-header: a"}])
    assert b"system" not in run(only, profile(billing_header="strip"))
    second = request(system=[{"type": "text", "text": "S"}, {"type": "text", "text": "x-anthropic-billing-header: a"}])
    assert run(second, profile(billing_header="strip")) == second


def test_cache_marks_go_wherever_the_api_reads_them_and_nowhere_else():
    tool = {
        "name": "t",
        "input_schema": {"properties": {"cache_control": {"type": "string"}}},
        "cache_control": {"type": "e"},
    }
    call = {
        "type": "tool_use",
        "id": "a",
        "name": "t",
        "input": {"cache_control": "mine"},
        "cache_control": {"type": "e"},
    }
    inner = {"type": "text", "text": "cache_control", "cache_control": {"type": "e"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [inner], "cache_control": {"type": "e"}}
    document = {"type": "document", "source": {"type": "content", "content": [inner]}}
    body = request(
        cache_control={"type": "ephemeral"},
        system=[inner],
        tools=[tool],
        messages=[
            {"role": "user", "content": "cache_control"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result, document]},
        ],
    )
    done = msgspec.json.decode(run(body, profile(cache_marks=False)))
    assert "cache_control" not in done
    assert done["system"] == [{"type": "text", "text": "cache_control"}]
    assert done["tools"][0] == {"name": "t", "input_schema": tool["input_schema"]}
    assert done["messages"][1]["content"][0]["input"] == {"cache_control": "mine"}
    assert "cache_control" not in done["messages"][1]["content"][0]
    assert done["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "cache_control"}]},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "cache_control"}]}},
    ]


def test_removing_marks_leaves_every_other_byte():
    body = RICH
    marks = (b',"cache_control":{"type":"ephemeral"}', b',\n "cache_control":{"type":"ephemeral","ttl":"1h"}')
    wanted = body.replace(b' "cache_control":{"type":"ephemeral"},', b"", 1)
    for mark in marks:
        wanted = wanted.replace(mark, b"")
    assert run(body, profile(cache_marks=False), model="claude-alias") == wanted


def test_knobs_that_the_profile_does_not_know_are_removed():
    body = request(temperature=0.5, top_p=0.9, top_k=3, thinking={"type": "enabled", "budget_tokens": 2000}, beta=1)
    done = msgspec.json.decode(run(body, profile(sampling=False, thinking_modes=(), unknown_fields="drop")))
    assert set(done) == {"model", "max_tokens", "messages"}


def test_max_tokens_and_its_budget_are_held_within_the_model():
    body = request(max_tokens=32000, thinking={"type": "enabled", "budget_tokens": 31000})
    done = msgspec.json.decode(run(body, limit=8000))
    assert done["max_tokens"] == 8000
    assert done["thinking"] == {"type": "enabled", "budget_tokens": 6400}


@pytest.mark.case("3B.42")
def test_disabled_thinking_and_effort():
    """The pair "thinking disabled" and an effort that the vendor refuses beside it never leaves.
    claude-code-hub#1257 / claude-code#65863."""
    body = request(thinking={"type": "disabled"}, output_config={"effort": "max"})
    assert msgspec.json.decode(run(body))["output_config"] == {"effort": "high"}
    other = msgspec.json.decode(run(body, profile(thinking_modes=("enabled", "disabled"))))
    assert "output_config" not in other
    assert other["thinking"] == {"type": "disabled"}
    keeps = request(thinking={"type": "disabled"}, output_config={"effort": "max", "task_budget": 1})
    done = msgspec.json.decode(run(keeps, profile(thinking_modes=("enabled", "disabled"))))
    assert done["output_config"] == {"task_budget": 1}


def test_structured_output_is_refused_where_unknown_never_dropped():
    body = request(output_config={"format": {"type": "json_schema", "schema": {}}})
    assert run(body) == body
    with pytest.raises(UnsupportedFeature) as caught:
        run(body, profile(output_config=False))
    assert caught.value.where == "$.output_config.format"
    assert b"output_config" not in run(request(output_config={"effort": "low"}), profile(output_config=False))


@pytest.mark.parametrize(
    "content",
    ["late", [{"type": "text", "text": "la"}, {"type": "text", "text": "te", "cache_control": {"type": "ephemeral"}}]],
)
def test_a_late_system_message_becomes_a_reminder(content):
    first = {"role": "user", "content": "a"}
    body = request(messages=[first, {"role": "system", "content": content}])
    done = msgspec.json.decode(run(body, profile(mid_system=False)))
    assert done["messages"][0] == first
    late = done["messages"][1]
    assert late["role"] == "user"
    assert late["content"][0]["text"].replace("\n", "") == "<system-reminder>late</system-reminder>"
    assert ("cache_control" in late["content"][0]) == isinstance(content, list)
    assert run(body) == body


def test_a_tool_change_in_a_system_message_is_refused():
    change = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "t"}}
    body = request(messages=[{"role": "user", "content": "a"}, {"role": "system", "content": [change]}])
    with pytest.raises(UnsupportedFeature):
        run(body, profile(mid_system=False))


def test_marks_and_late_system_messages_are_edited_together():
    mark = {"type": "ephemeral"}
    blocks = [{"type": "text", "text": "x", "cache_control": mark}]
    body = request(messages=[{"role": "user", "content": blocks}, {"role": "system", "content": blocks}], system=blocks)
    done = run(body, profile(mid_system=False, cache_marks=False))
    assert b"cache_control" not in done
    assert b"system-reminder" in done


def test_prefill_is_refused_where_the_model_cannot():
    body = request(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}])
    assert run(body) == body
    with pytest.raises(UnsupportedFeature) as caught:
        run(body, profile(prefill=False))
    assert caught.value.where == "$.messages[1]"


def test_a_forced_tool_becomes_auto_where_forcing_is_refused():
    body = request(tool_choice={"type": "any", "disable_parallel_tool_use": True})
    done = msgspec.json.decode(run(body, profile(forced_tool_choice=False)))
    assert done["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    auto = request(tool_choice={"type": "auto"})
    assert run(auto, profile(forced_tool_choice=False)) == auto
