"""Pass-through edits: exactly the addressed bytes change."""

from __future__ import annotations

import itertools
import json
from typing import Any

import msgspec
import pytest

from gateway.dialects._chat_adapt import adapt, edited_array, needs_translation, rewrite_reasoning, without_reasoning
from gateway.dialects._chat_read import read
from gateway.dialects.contract import Target, View
from gateway.errors import MalformedRequest, UnsupportedFeature
from gateway.ir.profile import Profile
from gateway.ir.request import Reasoning

OPEN = Profile(
    developer_role=True, tool_images=True, custom_tools=True, top_k=True, cache_key_field=True
)  # refuses nothing


def _adapt(
    body: bytes, profile: Profile = OPEN, *, model: str = "up", limit: int | None = None, ask: bool = False
) -> bytes:
    target = Target(model=model, profile=profile, max_output_tokens=limit)
    return adapt(body, read(body), target, ask_usage=ask)


def _of(value: dict[str, Any], profile: Profile = OPEN, **more: Any) -> dict[str, Any]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], **value}).encode()
    result: dict[str, Any] = json.loads(_adapt(body, profile, **more))
    return result


def test_only_the_model_changes_where_no_rule_fires() -> None:
    body = b' {\n "messages" : [ {"role":"user", "content":"\\u00e9"} ] , "x":1.50, "model":\t"m", "y":{"a":1,"a":2}}'
    assert _adapt(body) == body.replace(b'"m"', b'"up"')
    assert _adapt(body, model="m") is body


def test_a_view_of_another_body_is_not_trusted_for_places() -> None:
    first = b'{"model":"m","messages":[{"role":"user"}]}'
    second = b'{"padding":"xxxxxxxxxxxx","model":"m","messages":[{"role":"user"}]}'
    changed = adapt(second, read(first), Target(model="up", profile=OPEN), ask_usage=False)
    assert changed == second.replace(b'"m"', b'"up"')
    view = View(model="m", stream=False, messages=())
    with pytest.raises(MalformedRequest):
        adapt(b"[]", view, Target(model="up", profile=OPEN), ask_usage=False)


@pytest.mark.parametrize(
    ("given", "field", "limit", "left"),
    [
        ({"max_tokens": 5}, "max_tokens", None, {"max_tokens": 5}),
        ({"max_tokens": 5}, "max_completion_tokens", None, {"max_completion_tokens": 5}),
        ({"max_completion_tokens": 5}, "max_tokens", None, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_completion_tokens", None, {"max_completion_tokens": 6}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens", None, {"max_tokens": 5}),
        ({"max_tokens": 500}, "max_completion_tokens", 100, {"max_completion_tokens": 100}),
        ({"max_tokens": None}, "max_tokens", 100, {"max_tokens": None}),
        ({}, "max_tokens", 100, {}),
    ],
)
def test_the_output_bound_has_the_upstreams_name_and_fits_the_model(
    given: dict[str, Any], field: Any, limit: int | None, left: dict[str, Any]
) -> None:
    profile = Profile(max_tokens_field=field)
    result = _of(given, profile, limit=limit)
    assert {key: value for key, value in result.items() if key.startswith("max_")} == left


@pytest.mark.parametrize(
    ("flag", "fields"),
    [
        ({"sampling": False}, ["temperature", "top_p", "top_k"]),
        ({"top_k": False}, ["top_k"]),
        ({"penalties": False}, ["presence_penalty", "frequency_penalty"]),
        ({"seed": False}, ["seed"]),
        ({"logprobs": False}, ["logprobs", "top_logprobs"]),
        ({"parallel_field": False}, ["parallel_tool_calls"]),
        ({"effort_field": "none"}, ["reasoning_effort"]),
        ({"cache_key_field": False}, ["prompt_cache_key"]),
        ({"unknown_fields": "drop"}, ["made_up"]),
    ],
)
def test_a_refused_knob_is_taken_out_and_nothing_else(flag: dict[str, Any], fields: list[str]) -> None:
    knobs = {
        "temperature": 1, "top_p": 1, "top_k": 5, "presence_penalty": 0, "frequency_penalty": 0, "seed": 1,
        "logprobs": True, "top_logprobs": 2, "parallel_tool_calls": False, "reasoning_effort": "low",
        "prompt_cache_key": "k", "made_up": {"a": [1]},
    }  # fmt: skip
    profile = Profile(**{"top_k": True, "cache_key_field": True, **flag})
    result = _of(knobs, profile)
    assert set(knobs) - set(result) == set(fields)
    assert {key: result[key] for key in knobs if key not in fields} == {
        k: v for k, v in knobs.items() if k not in fields
    }


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"stream": True}, {"include_usage": True}),
        ({"stream": True, "stream_options": None}, {"include_usage": True}),
        ({"stream": True, "stream_options": {}}, {"include_usage": True}),
        ({"stream": True, "stream_options": {"a": 1, "include_usage": False}}, {"a": 1, "include_usage": True}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"include_usage": True}),
        ({"stream": False}, None),
        ({}, None),
    ],
)
def test_usage_is_asked_for_inside_the_clients_own_options(given: dict[str, Any], asked: Any) -> None:
    assert _of(given, ask=True).get("stream_options") == asked


def test_usage_is_not_asked_for_where_it_is_not_understood_or_not_wanted() -> None:
    given = {"stream": True, "stream_options": {"include_usage": True}}
    assert "stream_options" not in _of(given, Profile(stream_usage_option=False), ask=True)
    assert "stream_options" not in _of({"stream": True})


def test_roles_are_renamed_in_the_touched_messages_only() -> None:
    body = (
        b'{"model":"m","messages":[{"role":"developer", "content":"a"} ,\n {"role":"user","content":"developer"},'
        b'{"content":"c","role":"developer"}]}'
    )
    assert _adapt(body, Profile(), model="m") == body.replace(b'"role":"developer"', b'"role":"system"')
    assert _adapt(body, OPEN, model="m") is body
    late = json.loads(_adapt(body, Profile(mid_system=False), model="m"))
    assert [m["role"] for m in late["messages"]] == ["system", "user", "user"]


def test_images_of_tool_results_follow_in_a_user_message_after_all_results() -> None:
    """protocols.md 1.5: images in tool results have no place in chat."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    body = json.dumps(
        {
            "model": "m",
            "messages": [
                {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]},
                {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "seen"}, image]},
                {"role": "tool", "tool_call_id": "b", "content": "image_url"},
                {"role": "user", "content": "and?"},
            ],
        }
    ).encode()
    messages = json.loads(_adapt(body, Profile()))["messages"]
    assert [m["role"] for m in messages] == ["assistant", "tool", "tool", "user", "user"]
    assert [p["type"] for p in messages[1]["content"]] == ["text", "text"]
    assert messages[3]["content"][1] == image
    assert _adapt(body, OPEN, model="m") is body
    last = json.dumps({"model": "m", "messages": [{"role": "tool", "tool_call_id": "a", "content": [image]}]}).encode()
    assert [m["role"] for m in json.loads(_adapt(last, Profile()))["messages"]] == ["tool", "user"]


def test_strict_is_taken_out_of_the_tool_and_not_out_of_its_schema() -> None:
    schema = {"type": "object", "properties": {"strict": {"type": "boolean"}}}
    tools = [
        {"type": "function", "function": {"name": "a", "strict": True, "parameters": schema}},
        {"type": "function", "function": {"name": "b", "parameters": schema}},
    ]
    result = _of({"tools": tools}, Profile(strict_tools=False))["tools"]
    assert result[0]["function"] == {"name": "a", "parameters": schema}
    assert result[1] == tools[1]
    assert _of({"tools": tools})["tools"] == tools


def test_a_json_schema_becomes_json_mode_with_the_schema_in_words() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "title": "T"}}}
    result = _of({"response_format": wanted}, Profile(json_schema=False))
    assert result["response_format"] == {"type": "json_object"}
    assert len(result["messages"]) == 2
    assert "JSON" in result["messages"][1]["content"]
    assert '"title": "T"' in result["messages"][1]["content"]
    assert _of({"response_format": {"type": "text"}}, Profile(json_schema=False))["response_format"] == {"type": "text"}


def test_forced_choices_and_long_stop_lists_are_fitted() -> None:
    weak = Profile(forced_tool_choice=False, stop_max=2)
    for choice in ("required", {"type": "function", "function": {"name": "a"}}):
        assert _of({"tool_choice": choice}, weak)["tool_choice"] == "auto"
    assert _of({"tool_choice": "none"}, weak)["tool_choice"] == "none"
    assert _of({"stop": ["a", "b", "c"]}, weak)["stop"] == ["a", "b"]
    assert _of({"stop": "abc"}, weak)["stop"] == "abc"


def test_custom_tools_need_the_neutral_form_where_the_upstream_has_none() -> None:
    body = b'{"model":"m","messages":[{}],"tools":[{"type":"custom","custom":{"name":"patch"}}]}'
    assert needs_translation(read(body), Profile())
    assert not needs_translation(read(body), OPEN)
    with pytest.raises(UnsupportedFeature):
        _adapt(body, Profile())
    named = b'{"model":"m","messages":[{}],"tools":[{"type":"function","function":{"name":"custom"}}]}'
    assert not needs_translation(read(named), Profile())


# --- arrays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("array", [b"[1, 2 ,3]", b"[ 1,2 ]", b"[1]", b'[\n {"a":[1]} , {"a":[1]}\n, "x,]"]'])
def test_items_can_be_removed_and_replaced_in_any_combination(array: bytes) -> None:
    items = msgspec.json.decode(array, type=list[msgspec.Raw])
    values = json.loads(array)
    for choice in itertools.product((None, b"9", "keep"), repeat=len(items)):
        changed = {n: new for n, new in enumerate(choice) if new != "keep"}
        expected = [9 if new == b"9" else value for new, value in zip(choice, values, strict=True) if new is not None]
        assert json.loads(edited_array(array, items, changed)) == expected  # type: ignore[arg-type]
    assert edited_array(array, items, {}) == array


# --- reasoning ---------------------------------------------------------------------------------------------------

TURNS = (
    b'{"model":"m", "messages":[ {"role":"user","content":"a"}, '
    b'{"role":"assistant","reasoning_content":"t","tool_calls":[{"id":"c"}]},'
    b'{"role":"tool","tool_call_id":"c","content":"r"} ,{"role":"assistant","content":null,"reasoning":"only"}], "n":1}'
)


def test_dropped_traces_go_and_an_empty_turn_goes_with_them() -> None:
    left = rewrite_reasoning(TURNS, read(TURNS), [(1, -1), (3, -1)], {}, Profile())
    assert left == (
        b'{"model":"m", "messages":[ {"role":"user","content":"a"}, '
        b'{"role":"assistant","tool_calls":[{"id":"c"}]},{"role":"tool","tool_call_id":"c","content":"r"} ], "n":1}'
    )
    assert rewrite_reasoning(TURNS, read(TURNS), [], {}, Profile()) is TURNS


def test_restored_traces_stand_under_the_profiles_name() -> None:
    restore = {1: (Reasoning("one"), Reasoning(summary=("two", "three")))}
    for profile, name in ((Profile(), "reasoning_content"), (Profile(reasoning_field="reasoning"), "reasoning")):
        message = json.loads(rewrite_reasoning(TURNS, read(TURNS), [(1, -1)], restore, profile))["messages"][1]
        assert message == {"role": "assistant", name: "one\n\ntwo\n\nthree", "tool_calls": [{"id": "c"}]}


def test_all_reasoning_can_be_taken_out_and_thinking_switched_off() -> None:
    """gateways.md 3B.41: DeepSeek answers 400 to a tool turn without its reasoning; this is the repair."""
    left = json.loads(without_reasoning(TURNS, read(TURNS), Profile(disable_thinking=b'{"type":"disabled"}')))
    assert left["thinking"] == {"type": "disabled"}
    assert len(left["messages"]) == 3
    assert not any("reasoning" in key for message in left["messages"] for key in message)
    plain = b'{"model":"m","messages":[{"role":"user","content":"reasoning"}],"reasoning_effort":"low"}'
    assert without_reasoning(plain, read(plain), Profile()) is plain


SEALED = Profile(developer_role=True, tool_images=True, call_seal=b'{"google":{"thought_signature":"skip"}}')


def _turn(*calls: str) -> str:
    return '{"role":"assistant","content":null, "tool_calls":[' + ", ".join(calls) + "]}"


def test_a_call_that_lost_its_seal_gets_one_and_a_sealed_one_keeps_its_bytes() -> None:
    own = '{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S="}}}'
    bare = '{"id":"b", "type":"function","function":{"name":"f","arguments":"{}"}}'
    messages = [_turn(own, bare), '{"role":"user","content":"extra_content"}', _turn(bare, bare), _turn()]
    body = ('{"model":"m","messages":[ ' + " , ".join(messages) + " ]}").encode()
    told = adapt(body, read(body), Target(model="m", profile=SEALED), ask_usage=False)
    mended = bare[:-1] + ',"extra_content":{"google":{"thought_signature":"skip"}}}'
    assert told == body.replace(_turn(bare, bare).encode(), _turn(mended, bare).encode())
    assert adapt(body, read(body), Target(model="m", profile=OPEN), ask_usage=False) == body
