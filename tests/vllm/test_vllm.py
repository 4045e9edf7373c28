"""The real Anthropic and OpenAI SDKs through the gateway to a real vLLM, whose three endpoints are three upstreams.

The model's answers are known (scripts/vllm/skills.py), so every test asserts what was said, not only that something was.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import anthropic
import openai
import pytest

from tests.vllm.stage import DIALECTS, Server, metric

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1800)]  # the first test may have to install vLLM

TASK = "create hello.txt containing hi"
COMMAND = {"command": "echo hi > hello.txt"}
SECOND = {"command": "echo ho > second.txt"}
COUNTED = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
MESSAGES_TOOL: Any = {"name": "bash", "description": "Run a command.", "input_schema": SCHEMA}
CHAT_TOOL: Any = {
    "type": "function",
    "function": {"name": "bash", "description": "Run a command.", "parameters": SCHEMA},
}
RESPONSES_TOOL: Any = {"type": "function", "name": "bash", "description": "Run a command.", "parameters": SCHEMA}
BLOCK_TOKENS = 128  # vLLM's prefix cache on CPU counts in such blocks

upstreams = pytest.mark.parametrize("upstream", DIALECTS)
ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def message(client: anthropic.Anthropic, stream: bool, **asked: Any) -> anthropic.types.Message:
    asked = {"max_tokens": 200, **asked}
    if not stream:
        return client.messages.create(**asked)
    with client.messages.stream(**asked) as events:
        return events.get_final_message()


def completion(client: openai.OpenAI, stream: bool, **asked: Any) -> Any:
    if not stream:
        return client.chat.completions.create(**asked)
    with client.chat.completions.stream(stream_options={"include_usage": True}, **asked) as events:
        return events.get_final_completion()


def response(client: openai.OpenAI, stream: bool, **asked: Any) -> Any:
    if not stream:
        return client.responses.create(store=False, **asked)
    with client.responses.stream(store=False, **asked) as events:
        return events.get_final_response()


def long_text() -> str:
    """Over four cache blocks that nobody sent before."""
    return f"Session {uuid.uuid4()}. " + "You are a coding agent. Say what you did. " * 60


class TestMessages:
    @upstreams
    @ways
    def test_text(self, anthropic_client: anthropic.Anthropic, upstream: str, stream: bool) -> None:
        asked = {"model": f"local/{upstream}", "messages": [{"role": "user", "content": "COUNT"}]}
        found = message(anthropic_client, stream, **asked)
        assert [block.type for block in found.content] == ["text"]
        assert found.content[0].text == COUNTED
        assert found.stop_reason == "end_turn"
        assert found.usage.output_tokens == 37
        assert found.usage.input_tokens == 14

    @upstreams
    @ways
    def test_tool_loop(self, anthropic_client: anthropic.Anthropic, upstream: str, stream: bool) -> None:
        asked: Any = {"model": f"local/{upstream}", "tools": [MESSAGES_TOOL]}
        turns: list[Any] = [{"role": "user", "content": TASK}]
        first = message(anthropic_client, stream, messages=turns, **asked)
        calls = [block for block in first.content if block.type == "tool_use"]
        assert [(call.name, call.input) for call in calls] == [("bash", COMMAND)]
        assert first.stop_reason == "tool_use"
        results = [{"type": "tool_result", "tool_use_id": calls[0].id, "content": "(no output)"}]
        turns += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
        second = message(anthropic_client, stream, messages=turns, **asked)
        assert [block.text for block in second.content if block.type == "text"] == ["Done."]
        assert second.stop_reason == "end_turn"

    @upstreams
    @ways
    def test_parallel_calls(self, anthropic_client: anthropic.Anthropic, upstream: str, stream: bool) -> None:
        asked = {
            "model": f"local/{upstream}",
            "messages": [{"role": "user", "content": "TWO"}],
            "tools": [MESSAGES_TOOL],
        }
        calls = [block for block in message(anthropic_client, stream, **asked).content if block.type == "tool_use"]
        assert [call.input for call in calls] == [COMMAND, SECOND]
        assert len({call.id for call in calls}) == 2

    @upstreams
    @pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "bash"}], ids=["any", "tool"])
    def test_forced_tool(self, anthropic_client: anthropic.Anthropic, upstream: str, choice: Any) -> None:
        asked = {"model": f"local/{upstream}", "messages": [{"role": "user", "content": TASK}]}
        found = message(anthropic_client, True, tools=[MESSAGES_TOOL], tool_choice=choice, **asked)
        assert [block.input for block in found.content if block.type == "tool_use"] == [COMMAND]
        assert found.stop_reason == "tool_use"

    @upstreams
    @ways
    def test_cached_tokens(self, anthropic_client: anthropic.Anthropic, upstream: str, stream: bool) -> None:
        """The second time all full blocks come from the cache, and input, read and written never overlap."""
        system: Any = [{"type": "text", "text": long_text(), "cache_control": {"type": "ephemeral"}}]
        asked = {"model": f"local/{upstream}", "system": system, "messages": [{"role": "user", "content": "HELLO"}]}
        first = message(anthropic_client, stream, **asked).usage
        second = message(anthropic_client, stream, **asked).usage
        assert not first.cache_read_input_tokens
        total = first.input_tokens + (first.cache_creation_input_tokens or 0)
        assert second.cache_read_input_tokens == total // BLOCK_TOKENS * BLOCK_TOKENS
        assert second.input_tokens == total - second.cache_read_input_tokens
        assert not second.cache_creation_input_tokens

    @upstreams
    def test_count_tokens(
        self, anthropic_client: anthropic.Anthropic, direct_anthropic: anthropic.Anthropic, upstream: str
    ) -> None:
        """vLLM's own number, whichever dialect the model is configured with."""
        turns: Any = [{"role": "user", "content": TASK + long_text()}]
        there = direct_anthropic.messages.count_tokens(model="tiny", messages=turns, tools=[MESSAGES_TOOL])
        asked = f"local/{upstream}"
        here = anthropic_client.messages.count_tokens(model=asked, messages=turns, tools=[MESSAGES_TOOL])
        assert here.input_tokens == there.input_tokens

    @upstreams
    def test_cut_at_max_tokens(self, anthropic_client: anthropic.Anthropic, upstream: str) -> None:
        turns = [{"role": "user", "content": "COUNT"}]
        found = message(anthropic_client, True, model=f"local/{upstream}", messages=turns, max_tokens=5)
        assert found.stop_reason == "max_tokens"
        assert found.usage.output_tokens == 5

    @upstreams
    @ways
    def test_too_long(self, anthropic_client: anthropic.Anthropic, upstream: str, stream: bool) -> None:
        """An error before the first byte is an error of the dialect with its status, streamed or not."""
        turns = [{"role": "user", "content": "word " * 66_000}]
        with pytest.raises(anthropic.BadRequestError) as refused:
            message(anthropic_client, stream, model=f"local/{upstream}", messages=turns)
        assert refused.value.body["type"] == "error"  # type: ignore[index]
        assert refused.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]
        assert "65536" in str(refused.value)

    def test_thinking_budget_of_claude_cli(self, anthropic_client: anthropic.Anthropic) -> None:
        """qwen-code as `claude-cli` asks for a budget as large as max_tokens; vLLM alone answers 400."""
        thinking: Any = {"type": "enabled", "budget_tokens": 32_000}
        turns = [{"role": "user", "content": TASK}]
        asked = {"model": "local/messages", "messages": turns, "tools": [MESSAGES_TOOL], "max_tokens": 32_000}
        found = message(anthropic_client, True, thinking=thinking, **asked)
        assert [block.input for block in found.content if block.type == "tool_use"] == [COMMAND]


class TestChat:
    @upstreams
    @ways
    def test_tool_loop(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        asked: Any = {"model": f"local/{upstream}", "tools": [CHAT_TOOL]}
        turns: list[Any] = [{"role": "user", "content": TASK}]
        first = completion(openai_client, stream, messages=turns, **asked).choices[0]
        assert first.finish_reason == "tool_calls"
        calls = first.message.tool_calls
        assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [("bash", COMMAND)]
        asking = {"id": calls[0].id, "type": "function", "function": {"name": "bash", "arguments": json.dumps(COMMAND)}}
        turns.append({"role": "assistant", "content": first.message.content, "tool_calls": [asking]})
        turns.append({"role": "tool", "tool_call_id": calls[0].id, "content": "(no output)"})
        second = completion(openai_client, stream, messages=turns, **asked).choices[0]
        assert (second.message.content, second.finish_reason) == ("Done.", "stop")

    @upstreams
    @ways
    def test_parallel_calls(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        asked: Any = {
            "model": f"local/{upstream}",
            "tools": [CHAT_TOOL],
            "messages": [{"role": "user", "content": "TWO"}],
        }
        calls = completion(openai_client, stream, **asked).choices[0].message.tool_calls
        assert [json.loads(call.function.arguments) for call in calls] == [COMMAND, SECOND]

    @upstreams
    @ways
    def test_cached_tokens(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        turns = [{"role": "system", "content": long_text()}, {"role": "user", "content": "HELLO"}]
        asked: Any = {"model": f"local/{upstream}", "messages": turns}
        first = completion(openai_client, stream, **asked)
        second = completion(openai_client, stream, **asked)
        assert second.choices[0].message.content == "Hello from the tiny model."
        assert second.usage.prompt_tokens == first.usage.prompt_tokens
        assert not first.usage.prompt_tokens_details.cached_tokens
        full_blocks = second.usage.prompt_tokens // BLOCK_TOKENS * BLOCK_TOKENS
        assert second.usage.prompt_tokens_details.cached_tokens == full_blocks

    @ways
    def test_json_schema(self, openai_client: openai.OpenAI, stream: bool) -> None:
        schema = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
        shape: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        asked: Any = {
            "model": "local/chat",
            "messages": [{"role": "user", "content": "JSON"}],
            "response_format": shape,
        }
        assert json.loads(completion(openai_client, stream, **asked).choices[0].message.content) == {"answer": 42}

    def test_vllm_extensions_pass(self, openai_client: openai.OpenAI) -> None:
        """Fields that only vLLM knows reach it, and what it adds to the stream reaches the client."""
        extra = {"return_token_ids": True, "min_tokens": 3}
        turns: Any = [{"role": "user", "content": "HELLO"}]
        with openai_client.chat.completions.create(
            model="local/chat", messages=turns, stream=True, extra_body=extra
        ) as chunks:
            token_ids = [
                ids
                for chunk in chunks
                for choice in chunk.choices
                if (ids := (choice.model_extra or {}).get("token_ids"))
            ]
        assert sum(map(len, token_ids)) == 10

    @upstreams
    def test_too_long(self, openai_client: openai.OpenAI, upstream: str) -> None:
        turns = [{"role": "user", "content": "word " * 66_000}]
        with pytest.raises(openai.BadRequestError) as refused:
            completion(openai_client, True, model=f"local/{upstream}", messages=turns)
        assert "65536" in refused.value.message

    def test_departure_ends_the_generation(self, openai_client: openai.OpenAI, vllm: Server) -> None:
        """A client that leaves frees vLLM at once: 20,000 tokens would take it over ten seconds."""
        extra = {"ignore_eos": True}
        turns: Any = [{"role": "user", "content": "COUNT"}]
        with openai_client.chat.completions.create(
            model="local/chat", messages=turns, stream=True, max_tokens=20_000, extra_body=extra
        ) as chunks:
            for _ in range(20):
                next(chunks)
            assert metric(vllm.base, "vllm:num_requests_running") == 1
        deadline = time.monotonic() + 5
        while metric(vllm.base, "vllm:num_requests_running") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert metric(vllm.base, "vllm:num_requests_running") == 0


class TestResponses:
    @upstreams
    @ways
    def test_tool_loop(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        asked: Any = {"model": f"local/{upstream}", "tools": [RESPONSES_TOOL]}
        turns: list[Any] = [{"role": "user", "content": TASK}]
        first = response(openai_client, stream, input=turns, **asked)
        calls = [item for item in first.output if item.type == "function_call"]
        assert [(call.name, json.loads(call.arguments)) for call in calls] == [("bash", COMMAND)]
        call_id = calls[0].call_id
        asking = {"type": "function_call", "call_id": call_id, "name": "bash", "arguments": json.dumps(COMMAND)}
        turns += [asking, {"type": "function_call_output", "call_id": call_id, "output": "(no output)"}]
        second = response(openai_client, stream, input=turns, **asked)
        assert (second.output_text, second.status) == ("Done.", "completed")

    @upstreams
    @ways
    def test_cached_tokens(self, openai_client: openai.OpenAI, upstream: str, stream: bool) -> None:
        asked: Any = {"model": f"local/{upstream}", "instructions": long_text(), "input": "HELLO"}
        first = response(openai_client, stream, **asked).usage
        second = response(openai_client, stream, **asked).usage
        assert first.input_tokens_details.cached_tokens == 0
        assert second.input_tokens == first.input_tokens
        assert second.input_tokens_details.cached_tokens == second.input_tokens // BLOCK_TOKENS * BLOCK_TOKENS


class TestNames:
    @upstreams
    def test_lora_adapter_is_a_model(self, anthropic_client: anthropic.Anthropic, upstream: str) -> None:
        """The adapter, and nothing else, changes this one answer."""
        turns = [{"role": "user", "content": "HELLO"}]
        plain = message(anthropic_client, True, model=f"local/{upstream}", messages=turns)
        adapted = message(anthropic_client, True, model=f"lora/{upstream}", messages=turns)
        assert plain.content[0].text == "Hello from the tiny model."
        assert adapted.content[0].text == "Hello from the adapter."

    @ways
    def test_without_a_dialect_every_client_is_served_in_its_own(
        self, anthropic_client: anthropic.Anthropic, openai_client: openai.OpenAI, stream: bool
    ) -> None:
        asked: Any = {"model": "local/free"}
        turns: Any = [{"role": "user", "content": "HELLO"}]
        greeting = "Hello from the tiny model."
        assert message(anthropic_client, stream, messages=turns, **asked).content[0].text == greeting
        assert completion(openai_client, stream, messages=turns, **asked).choices[0].message.content == greeting
        assert response(openai_client, stream, input="HELLO", **asked).output_text == greeting

    def test_models_are_listed(self, openai_client: openai.OpenAI) -> None:
        listed = {model.id for model in openai_client.models.list()}
        assert {f"local/{dialect}" for dialect in DIALECTS} | {"lora/chat", "auto"} <= listed

    def test_reply_names_the_model(self, openai_client: openai.OpenAI) -> None:
        turns: Any = [{"role": "user", "content": "HELLO"}]
        reply = openai_client.chat.completions.with_raw_response.create(model="auto", messages=turns)
        assert reply.headers["x-interlock-model"] == "local/chat"
        assert reply.headers["x-interlock-lane"] == "local"
