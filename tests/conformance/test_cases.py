"""Acceptance cases of gateways.md section 3 that need the whole gateway and are no matter of a single pair: the road from
Claude Code to vLLM, the guard of the first byte, and token counts."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from gateway.testing.scripted import Call, ScriptedServer, Text, Thinking, Turn, say
from tests.conformance.stand import KEY, Stand, complaints
from tests.conformance.talk import PIXEL, SCHEMA, Result, Talk
from tests.support.gateways import error_of, model_at, staged

Begin = Callable[..., Talk]
RECORDED = Path(__file__).parents[1] / "golden/providers/vllm"
HEAD = ((b"content-type", b"text/event-stream"),)


def claude_code(base: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=base, api_key="any", max_retries=0)


# --- vLLM ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["vllm", "vllm-chat", "vllm-messages"])
@pytest.mark.case("3A.7")
def test_the_road_from_claude_code_to_vllm(stand: Stand, talk: Begin, model: str) -> None:
    """Claude Code works with vLLM through both of its endpoints: streams with tool calls are whole, the request's
    attribution block, cache marks and thinking are no hindrance, and count_tokens answers.

    litellm#30043, #30014.
    """
    vendor = stand.script(model, Turn((Thinking("Hm."), Text("I read."), Call("read", {"path": "a"}))), say("done"))
    system: list[Any] = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=0af31;"},
        {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    one = talk(
        "messages",
        model,
        stream=True,
        tools=["read"],
        system=system,
        thinking={"type": "enabled", "budget_tokens": 2000},
    )
    said = one.ask("go", extra_query={"beta": "true"})
    assert (said.text, said.thinking, said.calls[0][2]) == ("I read.", "Hm.", {"path": "a"})
    assert one.answer(Result(said.calls[0][0], "ok")).text == "done"
    assert complaints(vendor.requests) == []
    assert b"x-anthropic-billing-header" not in vendor.work[-1].body  # it would empty vLLM's prefix cache
    counted = claude_code(stand.base).messages.count_tokens(
        model=model, system=system, messages=one.history[:1], tools=one.tools
    )
    assert counted.input_tokens > 10


@pytest.mark.parametrize("name", ["tool", "two-tools", "text", "after-result"])
@pytest.mark.case("3A.8")
def test_both_endpoints_of_vllm_read_the_same(stand: Stand, name: str) -> None:
    """What a Claude client reads of a vLLM reply is the same through vLLM's own Messages endpoint and translated from its
    chat endpoint: recordings of one real server.

    envoyproxy/ai-gateway#1911.
    """
    asked: Any = {"model": "", "max_tokens": 100, "messages": [{"role": "user", "content": "go"}]}
    seen = []
    for model, dialect in (("vllm-messages", "messages"), ("vllm-chat", "chat")):
        recording = (RECORDED / f"{dialect}-{name}.sse").read_bytes()
        stand.script(model, Turn(raw=(recording,), headers=HEAD))
        with claude_code(stand.base).messages.stream(**{**asked, "model": model}) as stream:
            message = stream.get_final_message()
        blocks = [
            block.text.strip() if block.type == "text" else (block.name, block.input)  # type: ignore[union-attr]
            for block in message.content
            if block.type != "thinking"
        ]
        seen.append(([b for b in blocks if b], message.stop_reason))
    assert seen[0] == seen[1]


# --- the first byte -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["hang:5", "slow_headers:5"])
@pytest.mark.parametrize("dialect", ["chat", "responses"])
@pytest.mark.case("3A.37")
async def test_an_upstream_without_a_first_byte_is_given_up(tmp_path: Path, dialect: str, fault: str) -> None:
    """A Messages request to an upstream that says nothing ends in an error the client can read, at the limit that is
    configured: never in a 200 without a byte.

    langwatch#6207.
    """
    async with ScriptedServer(fault=fault, fault_on="any") as up:
        models = {"up/model": model_at(up.origin, dialect, timeouts={"first_token_s": 0.3})}
        async with staged(tmp_path, {"models": models, "retry": {"max_attempts": 1}}, upstream="real") as stage:
            began = time.monotonic()
            reply = await asyncio.wait_for(stage.ask("messages", stream=True), 4)
            assert reply.status == 504
            assert 0.25 < time.monotonic() - began < 3
            assert "0.3 s" in error_of("messages", reply.body)["message"]


# --- counts and windows -------------------------------------------------------------------------------------------

TALK: list[Any] = [
    {"role": "user", "content": "Explain this: " + "def f(x):\n    return x ** 2  # größer\n" * 40},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "a.py"}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "line\n" * 200}]},
]
TOOLS: list[Any] = [{"name": "read", "description": "Reads a file.", "input_schema": SCHEMA}]


@pytest.mark.parametrize("model", ["claude", "deepseek", "gpt", "vllm", "auto"])
@pytest.mark.case("3E.70")
def test_counting_never_fails(stand: Stand, model: str) -> None:
    """count_tokens answers for every model, whether or not its upstream can count, and also when that counter fails.

    litellm#13252, kiro-gateway#103, codex-proxy#612, secretgate#20.
    """
    stand.script("claude" if model == "auto" else model)
    sdk = claude_code(stand.base)
    counted = sdk.messages.count_tokens(model=model, messages=TALK, tools=TOOLS)
    assert counted.input_tokens > 500
    # What the model itself would refuse (a prefill) is counted all the same.
    prefilled: list[Any] = [*TALK[:1], {"role": "assistant", "content": "It"}]
    assert sdk.messages.count_tokens(model=model, messages=prefilled).input_tokens > 300


@pytest.mark.case("3E.71")
def test_a_local_count_is_not_too_low(stand: Stand) -> None:
    """Where the gateway counts by itself, the count is at least what a real tokenizer makes of the text, tools included,
    and images weigh: a client that compacts by it does so in time.

    copilot-api#210.
    """
    from gateway.adapters.tokens import _encoding

    sdk = claude_code(stand.base)
    tokens: Any = stand.gateway.ports.tokens
    sdk.messages.count_tokens(model="deepseek", messages=TALK, tools=TOOLS)  # the first count loads the ranks
    for _ in range(200):
        if tokens.ready:
            break
        time.sleep(0.05)
    counted = sdk.messages.count_tokens(model="deepseek", messages=TALK, tools=TOOLS).input_tokens
    words = [{"path": "a.py"}, TOOLS[0]]
    texts = [
        TALK[0]["content"],
        TALK[2]["content"][0]["content"],
        *(json.dumps(w, separators=(",", ":")) for w in words),
    ]
    exact = sum(len(_encoding().encode_ordinary(text)) for text in texts)
    assert exact <= counted <= exact * 1.3
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    seen: list[Any] = [{"role": "user", "content": [picture]}]
    assert sdk.messages.count_tokens(model="deepseek", messages=seen).input_tokens > 1000


@pytest.mark.case("3E.72")
def test_the_gateway_adds_nothing_to_count(stand: Stand) -> None:
    """The count is the vendor's own for the very request of the client: the gateway injects no system prompt and no tool,
    neither into what is counted nor into what is sent.

    CLIProxyAPI#4104.
    """
    vendor = stand.script("claude", say("ok"))
    sdk = claude_code(stand.base)
    through = sdk.messages.count_tokens(model="claude", messages=TALK, tools=TOOLS).input_tokens
    record = vendor.requests[-1]
    assert record.path.endswith("/count_tokens")
    assert {**record.json, "model": "claude"} == {"model": "claude", "messages": TALK, "tools": TOOLS}
    direct = anthropic.Anthropic(base_url=stand.servers["anthropic"].origin, api_key=KEY, max_retries=0)
    assert through == direct.messages.count_tokens(model="claude", messages=TALK, tools=TOOLS).input_tokens
    sdk.messages.create(model="claude", max_tokens=10, messages=TALK, tools=TOOLS)
    sent = vendor.work[-1].json
    assert {**sent, "model": "claude"} == {"model": "claude", "max_tokens": 10, "messages": TALK, "tools": TOOLS}


@pytest.mark.case("3E.73")
async def test_an_unknown_window_is_not_made_up(tmp_path: Path) -> None:
    """A model whose window nobody knows is listed without one, and its requests are neither refused nor cut for their
    length: no small default makes a client compact early.

    antigravity-claude-proxy#155.
    """
    unknown = {k: v for k, v in model_at("http://up.test").items() if k != "context_tokens"}
    async with staged(tmp_path, {"models": {"up/unknown": unknown}}) as stage:
        listed = (await stage.client.get("/v1/models")).json()["data"]
        entry = next(e for e in listed if e["id"] == "up/unknown")
        windows = ("context_window", "context_length", "max_model_len", "max_input_tokens", "max_tokens")
        assert not entry.keys() & set(windows)
        long = "word " * 400_000
        assert (await stage.ask("messages", long, model="up/unknown")).status == 200
        assert long[:-1] in stage.upstream.requests[-1].body.decode()


@pytest.mark.case("3E.74")
def test_an_alias_has_the_window_of_its_model(stand: Stand) -> None:
    """Every name under which a model is listed, aliases included, tells the same window.

    cline#13274.
    """
    listed = httpx2.get(stand.base + "/v1/models?limit=1000", timeout=10).json()["data"]
    by_id = {entry["id"]: entry for entry in listed}
    aliased = [entry for entry in listed if "alias_of" in entry]
    assert len(aliased) > 5
    for entry in aliased:
        assert entry["id"].startswith("claude-")
        for name in ("context_window", "context_length", "max_model_len", "max_input_tokens", "max_output_tokens"):
            assert entry.get(name) == by_id[entry["alias_of"]].get(name)
    assert by_id["claude"]["context_window"] == 1_000_000
