"""vLLM 0.33: all three dialects natively, count_tokens, cached-token usage with --enable-prompt-tokens-details.

Sources: protocols.md section 0 fact 8, sections 1.1 and 2.1; clients.md section 5.1 (run on CPU); vLLM 0.32
entrypoints/anthropic (protocol.py, serving.py: thinking, output_config). Its thinking signatures are random, so its mint is
its own and nothing of it goes to another vendor.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.ir.profile import Profile
from gateway.providers._errors import reader
from gateway.providers.contract import Provider

PROFILE = Profile(
    mid_system=False,  # the templates of Qwen and others raise on a system message that is not the first
    reasoning_field="reasoning",  # emitted under this name since 0.33; reasoning_content is a deprecated alias
    echo_reasoning="optional",
    top_k=True,
    stop_max=64,
    continue_fields=b'{"continue_final_message":true,"add_generation_prompt":false}',  # chat_completion/protocol.py
    thinking_modes=(),  # whether a model thinks is its template's business
    cache="automatic",
)

PROVIDER = Provider(
    name="vllm",
    title="vLLM",
    base_url="http://127.0.0.1:8000",
    dialects=("chat", "messages", "responses"),
    paths={"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"},
    profile=PROFILE,
    profiles={
        "messages": replace(
            PROFILE,
            seed=False,
            penalties=False,
            logprobs=False,
            # "enabled" is accepted too, but its budget answers 400 unless the server was started with a reasoning parser
            # (v1/engine/input_processor.py): "adaptive" asks for the same and pins nothing.
            thinking_modes=("adaptive", "disabled"),
            output_config=True,  # effort and format json_schema (_handle_output_config)
        )
    },
    env_keys=("VLLM_API_KEY",),
    env_base_url=("VLLM_BASE_URL",),
    local=True,
    ports=(8000, 8001),
    count_tokens_path="/v1/messages/count_tokens",
    completions_path="/v1/completions",
    mint="vllm",
    read_error=reader(hand_on=False),  # types are Python's (BadRequestError), codes the status, on all three endpoints
)
_: Provider = PROVIDER
