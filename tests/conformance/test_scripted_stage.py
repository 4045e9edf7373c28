"""The stage itself: the real OpenAI and Anthropic SDKs can work against the scripted vendor, streamed and whole."""

from __future__ import annotations

import asyncio
import json

import anthropic
import openai
import pytest

from gateway.testing.scripted import FAULTS, ScriptedServer, sensible

WRITE = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
    "required": ["path", "content"],
}
CHAT_TOOL = {"type": "function", "function": {"name": "write_file", "description": "Write", "parameters": WRITE}}
RESPONSES_TOOL = {
    "type": "function",
    "name": "write_file",
    "description": "Write",
    "parameters": WRITE,
    "strict": False,
}
MESSAGES_TOOL = {"name": "write_file", "description": "Write", "input_schema": WRITE}
TASK = "create hello.txt containing hi"
EXPECTED = {"path": "hello.txt", "content": "hi\n"}


def openai_client(server: ScriptedServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=server.origin + "/v1", api_key="k", max_retries=0)


@pytest.mark.parametrize("profile", ["plain", "openai", "deepseek", "vllm"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_chat_loop(profile: str, streamed: bool) -> None:
    async with ScriptedServer(profile=profile) as server, openai_client(server) as client:
        messages: list = [{"role": "user", "content": TASK}]
        for turn in range(2):
            if streamed:
                async with client.chat.completions.stream(
                    model="m", messages=messages, tools=[CHAT_TOOL], stream_options={"include_usage": True}
                ) as stream:
                    done = await stream.get_final_completion()
            else:
                done = await client.chat.completions.create(model="m", messages=messages, tools=[CHAT_TOOL])
            message = done.choices[0].message
            assert done.usage is not None
            assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
            assert done.usage.prompt_tokens_details.cached_tokens == 0 or turn == 1
            if turn == 0:
                assert done.choices[0].finish_reason == "tool_calls"
                assert json.loads(message.tool_calls[0].function.arguments) == EXPECTED
                replay = message.model_dump(exclude_none=True)
                replay.pop("parsed", None)
                for tool_call in replay["tool_calls"]:
                    tool_call["function"].pop("parsed_arguments", None)
                    tool_call.pop("index", None)
                messages += [replay, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "ok"}]
        assert done.choices[0].finish_reason == "stop"
        assert message.content.startswith("Done.")
        assert done.usage.prompt_tokens_details.cached_tokens > 0  # the second prompt begins with the first
        assert [record.reply for record in server.requests] == ["tool_call", "final"]


@pytest.mark.parametrize("profile", ["plain", "openai", "vllm"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_responses_loop(profile: str, streamed: bool) -> None:
    async with ScriptedServer(profile=profile) as server, openai_client(server) as client:
        items: list = [{"role": "user", "content": TASK}]
        for turn in range(2):
            if streamed:
                async with client.responses.stream(
                    model="m", input=items, tools=[RESPONSES_TOOL], store=False
                ) as stream:
                    kinds = [event.type async for event in stream]
                    done = await stream.get_final_response()
                assert kinds[:2] == ["response.created", "response.in_progress"]
                assert kinds[-1] == "response.completed"
            else:
                done = await client.responses.create(model="m", input=items, tools=[RESPONSES_TOOL], store=False)
            assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens
            if turn == 0:
                calls = [item for item in done.output if item.type == "function_call"]
                assert json.loads(calls[0].arguments) == EXPECTED
                for item in done.output:
                    replay = item.model_dump(exclude_none=True)
                    replay.pop("parsed_arguments", None)
                    items.append(replay)
                items.append({"type": "function_call_output", "call_id": calls[0].call_id, "output": "ok"})
        assert done.output_text.startswith("Done.")


@pytest.mark.parametrize("profile", ["plain", "anthropic", "deepseek", "vllm"])
@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
async def test_messages_loop(profile: str, thinking: bool, streamed: bool) -> None:
    async with (
        ScriptedServer(profile=profile) as server,
        anthropic.AsyncAnthropic(base_url=server.origin, api_key="k", max_retries=0) as client,
    ):
        messages: list = [{"role": "user", "content": TASK}]
        fields: dict = {"model": "m", "max_tokens": 4096, "tools": [MESSAGES_TOOL]}
        fields["system"] = [{"type": "text", "text": "Be brief." * 40, "cache_control": {"type": "ephemeral"}}]
        if thinking:
            fields["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        counted = await client.messages.count_tokens(model="m", messages=messages, tools=[MESSAGES_TOOL])
        assert counted.input_tokens > 0
        for turn in range(2):
            if streamed:
                async with client.messages.stream(messages=messages, **fields) as stream:
                    done = await stream.get_final_message()
            else:
                done = await client.messages.create(messages=messages, **fields)
            assert done.usage.input_tokens > 0
            if turn == 0:
                assert done.usage.cache_creation_input_tokens > 0
                assert done.stop_reason == "tool_use"
                assert [block.type for block in done.content] == (["thinking"] if thinking else []) + ["tool_use"]
                use = done.content[-1]
                assert use.input == EXPECTED
                messages.append(
                    {"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in done.content]}
                )
                result = {"type": "tool_result", "tool_use_id": use.id, "content": "ok"}
                messages.append({"role": "user", "content": [result]})
        assert done.usage.cache_read_input_tokens > 0
        assert done.stop_reason == "end_turn"
        assert done.content[0].text.startswith("Done.")


async def test_models_and_embeddings() -> None:
    async with ScriptedServer(models=("a", "b")) as server, openai_client(server) as client:
        assert [model.id async for model in await client.models.list()] == ["a", "b"]
        vectors = await client.embeddings.create(model="e", input=["x", "y"], encoding_format="float")
        assert len(vectors.data) == 2


CHAT_FAULTS = [name for name, fault in FAULTS.items() if sensible(name, "chat") and fault.kind != "status"]


async def calls_offered(client: openai.AsyncOpenAI) -> bool | None:
    """Whether a stream brought a tool call; None when the SDK named an error instead."""
    try:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": TASK}], tools=[CHAT_TOOL], stream=True
        )
        named = False
        async for chunk in stream:
            named |= any(choice.delta.tool_calls for choice in chunk.choices or ())
    except (openai.OpenAIError, ValueError, OSError):
        return None
    except Exception as error:
        if type(error).__module__.startswith("httpx"):  # whichever httpx this SDK brings
            return None
        raise
    return named


@pytest.mark.parametrize("fault", CHAT_FAULTS)
async def test_a_fault_strikes_once_and_the_sdk_survives_or_names_it(fault: str) -> None:
    """Chat, streamed: a tolerated fault gives the call, any other an SDK error; the second try is always clean."""
    number = ":0.05" if FAULTS[fault].argument == "seconds" else ""
    async with ScriptedServer(fault=fault + number, fault_times=1) as server, openai_client(server) as client:
        outcomes = [await calls_offered(client) for _ in range(2)]
        assert outcomes[1] is True
        assert [record.fault for record in server.requests] == [fault, ""]
    broken = {"cut", "cut_early", "cut_after_call", "midstream_error", "garbage_event", "bad_utf8"}
    silent = {"refusal", "refusal_field", "content_filter", "empty", "ignore_stream"}
    assert outcomes[0] is (None if fault in broken else fault not in silent)


async def test_the_server_notices_that_the_caller_left() -> None:
    async with ScriptedServer(fault="hang:30") as server, openai_client(server) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(calls_offered(client), 0.5)
        for _ in range(100):
            if server.requests[0].aborted:
                break
            await asyncio.sleep(0.02)
        assert server.requests[0].aborted
