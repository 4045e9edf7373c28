"""What the replies of local servers say. No socket: addresses are answered from dictionaries; the real thing is in
tests/integration/test_discovery.py."""

from typing import Any

import pytest

from gateway.adapters import discovery
from gateway.config.discover import Probe, Served


class Canned:
    """Answers paths from a dictionary; None for others, as a server that is not there or answers 404."""

    base_url = "http://h:1"

    def __init__(self, replies: dict[str, Any]) -> None:
        self.replies = replies

    async def ask(self, path: str, body: Any = None) -> Any:
        key = path if body is None else f"{path} {body['model']}"
        return self.replies.get(key)


async def identify(expected: str, replies: dict[str, Any]) -> Probe | None:
    return await discovery._identify(Canned(replies), expected)  # type: ignore[arg-type]


async def test_vllm_with_an_adapter():
    models = [
        {"id": "base", "owned_by": "vllm", "max_model_len": 65_536, "parent": None},
        {"id": "coder", "owned_by": "vllm", "max_model_len": None, "parent": "base"},
    ]
    assert await identify("vllm", {"/v1/models": {"data": models}}) == Probe(
        provider="vllm",
        base_url="http://h:1",
        models=(Served(id="base", context_tokens=65_536), Served(id="coder", base_model="base")),
    )


async def test_llamacpp_tells_its_loaded_window():
    replies = {
        "/v1/models": {"data": [{"id": "q.gguf", "owned_by": "llamacpp", "meta": {"n_ctx_train": 262_144}}]},
        "/props": {"default_generation_settings": {"n_ctx": 16_384}},
    }
    found = await identify("llamacpp", replies)
    assert found is not None
    assert (found.provider, found.models) == ("llamacpp", (Served(id="q.gguf", context_tokens=16_384),))


async def test_llamacpp_is_known_at_any_port():
    found = await identify("vllm", {"/v1/models": {"data": [{"id": "q", "owned_by": "llamacpp"}]}})
    assert found is not None
    assert found.provider == "llamacpp"


async def test_somebody_else_with_a_model_list_is_openai_compatible():
    found = await identify("vllm", {"/v1/models": {"data": [{"id": "q", "owned_by": "sglang", "max_model_len": 4096}]}})
    assert found is not None
    assert (found.provider, found.models[0].context_tokens) == ("openai_compatible", 4096)


async def test_a_gateway_of_ours_is_no_upstream():
    assert await identify("vllm", {"/v1/models": {"data": [{"id": "auto", "owned_by": "interlock"}]}}) is None


async def test_lmstudio_prefers_what_is_loaded_and_leaves_embedders_out():
    entries = [
        {"id": "sleeping", "type": "llm", "state": "not-loaded", "max_context_length": 131_072},
        {"id": "embedder", "type": "embeddings", "state": "loaded"},
        {"id": "eyes", "type": "vlm", "state": "loaded", "loaded_context_length": 8192, "max_context_length": 131_072},
    ]
    found = await identify("lmstudio", {"/api/v0/models": {"data": entries}})
    assert found is not None
    assert found.models == (Served(id="eyes", context_tokens=8192, images=True), Served(id="sleeping", images=False))


async def test_lmstudio_without_its_own_api():
    found = await identify("lmstudio", {"/v1/models": {"data": [{"id": "q", "owned_by": "organization_owner"}]}})
    assert found is not None
    assert found.provider == "lmstudio"


async def test_ollama_tells_the_window_that_a_request_gets():
    replies = {
        "/api/tags": {"models": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
        "/api/ps": {"models": [{"name": "b", "context_length": 32_768}]},
        "/api/show a": {
            "parameters": 'stop  "x"\nnum_ctx                        16384\n',
            "model_info": {"q.context_length": 262_144},
        },
        "/api/show c": {"model_info": {"q.context_length": 262_144}},
    }
    found = await identify("ollama", replies)
    assert found is not None
    assert found.models == (
        Served(id="b", context_tokens=32_768),
        Served(id="a", context_tokens=16_384),
        Served(id="c"),
    )


@pytest.mark.parametrize("expected", ["vllm", "ollama", "lmstudio", "llamacpp"])
@pytest.mark.parametrize(
    "reply",
    [
        None,
        [],
        {},
        5,
        "x",
        {"data": None, "models": 7},
        {"data": [5, {}], "models": [5, {}]},
        {"data": [{"id": 5}], "models": [{"name": 5}]},
    ],
)
async def test_strange_replies_are_nobody(expected: str, reply: Any):
    assert (
        await identify(expected, dict.fromkeys(("/v1/models", "/api/tags", "/api/ps", "/api/v0/models"), reply)) is None
    )


@pytest.mark.parametrize("window", [0, -1, 10**12, True, "4096", 4096.5, None])
async def test_implausible_windows_are_unknown(window: Any):
    found = await identify("vllm", {"/v1/models": {"data": [{"id": "a", "owned_by": "vllm", "max_model_len": window}]}})
    assert found is not None
    assert found.models[0].context_tokens is None
