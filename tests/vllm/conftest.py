"""One vLLM and one gateway for the whole session; SDK clients that are closed at its end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.vllm.stage import Process, Server, start_gateway, start_vllm

RUNNING = "INTERLOCK_VLLM_URL"
"""Address of a `scripts/vllm/serve` that runs already: saves its start while one works on these tests."""


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if running := os.environ.get(RUNNING):
        yield Server(running)
        return
    server = start_vllm(tmp_path_factory.mktemp("vllm"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gateway(vllm: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    server = start_gateway(vllm.base, tmp_path_factory.mktemp("gateway"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def anthropic_client(gateway: Process) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.base, api_key="unused", max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def direct_anthropic(vllm: Server) -> Iterator[anthropic.Anthropic]:
    """Without the gateway: what vLLM itself says."""
    with anthropic.Anthropic(base_url=vllm.base, api_key="unused", max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def openai_client(gateway: Process) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base + "/v1", api_key="unused", max_retries=0, timeout=60) as client:
        yield client
