"""Keys and answers of servers to models."""

import pytest

from gateway.config.discover import Probe, Served, discover, is_simulated, loaded_from, settings_from, simulated
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.providers.registry import catalog

VLLM = Probe(
    provider="vllm",
    base_url="http://127.0.0.1:8000",
    models=(
        Served(id="Qwen/Qwen3-32B", context_tokens=65_536),
        Served(id="acme-coder", context_tokens=65_536, base_model="Qwen/Qwen3-32B"),
        Served(id="bge-embedding"),
    ),
)


def names(environment: dict[str, str], *probes: Probe) -> list[str]:
    return [found.name for found in discover(environment, probes, catalog())]


def test_nothing_found_is_simulated_in_every_lane():
    found = discover({}, [], catalog())
    assert [(f.name, f.lane) for f in found] == [
        ("sim/local", "local"),
        ("sim/mid", "mid"),
        ("sim/frontier", "frontier"),
        ("sim/daemon", "daemon"),
    ]
    assert found == simulated(catalog())
    assert all("SIMULATED" in f.note for f in found)
    assert is_simulated(found)


def test_something_found_is_never_mixed_with_simulated():
    assert not is_simulated(discover({"OPENAI_API_KEY": "x"}, [], catalog()))


def test_empty_keys_are_no_keys():
    assert names({"OPENAI_API_KEY": ""})[0] == "sim/local"


def test_keys_give_cards_in_order_of_lane_and_rank():
    environment = {"ANTHROPIC_API_KEY": "x", "DEEPSEEK_API_KEY": "x", "OPENAI_API_KEY": "x", "GOOGLE_API_KEY": "x"}
    assert names(environment) == [
        "deepseek/deepseek-v4-flash",
        "openai/gpt-6.1-terra",
        "gemini/gemini-3.8-flash",
        "anthropic/claude-sonnet-5-5",
        "anthropic/claude-opus-5-5",
        "openai/gpt-6.1-sol",
        "gemini/gemini-4-argon",
        "deepseek/deepseek-v4-pro",
    ]


def test_local_servers_come_first_adapters_before_their_base_and_no_embedders():
    found = discover({"DEEPSEEK_API_KEY": "x"}, [VLLM], catalog())
    assert [f.name for f in found][:2] == ["vllm/acme-coder", "vllm/Qwen/Qwen3-32B"]
    assert found[0].note == "adapter on Qwen/Qwen3-32B"
    assert (found[0].lane, found[0].reachable, found[2].reachable) == ("local", True, None)


def test_values_of_keys_are_never_kept():
    found = discover({"ANTHROPIC_API_KEY": "hunter2", "VLLM_API_KEY": "hunter2"}, [VLLM], catalog())
    assert "hunter2" not in repr(found)
    assert found[0].api_key == "env:VLLM_API_KEY"


def test_one_server_at_two_addresses_is_one():
    twin = Probe(provider="vllm", base_url="http://127.0.0.1:8001", models=VLLM.models)
    found = discover({}, [VLLM, twin], catalog())
    assert len(found) == 2
    assert found[0].base_url == "http://127.0.0.1:8000"


def test_ids_become_names_that_are_allowed():
    odd = Probe(provider="ollama", base_url="http://h", models=(Served(id="hf.co/a b?c:Q4"), Served(id="x" * 300)))
    found = discover({}, [odd], catalog())
    assert found[0].name == "ollama/hf.co/a-b-c:Q4"
    assert found[0].model == "hf.co/a b?c:Q4"
    assert len(found[1].name) == 128
    loaded_from(found, catalog())


def test_openrouter_ids_keep_their_vendor():
    assert "openrouter/anthropic/claude-opus-5.5" in names({"OPENROUTER_API_KEY": "x"})


def test_a_server_of_a_hundred_models_is_cut():
    crowd = Probe(provider="ollama", base_url="http://h", models=tuple(Served(id=f"m{i}") for i in range(100)))
    assert len(names({}, crowd)) == 24


def test_loaded_settings_know_where_each_came_from():
    loaded = loaded_from(discover({}, [VLLM], catalog()), catalog())
    model = loaded.settings.models["vllm/acme-coder"]
    assert (model.base_url, model.context_tokens, model.lane) == ("http://127.0.0.1:8000", 65_536, "local")
    assert loaded.origin(("models", "vllm/acme-coder", "base_url")) == "found: vLLM at http://127.0.0.1:8000"
    assert loaded.origin(("models", "vllm/acme-coder", "timeouts", "first_token_s")) == "provider vllm"
    assert loaded.origin(("models", "vllm/acme-coder")) == "found: vLLM at http://127.0.0.1:8000"
    assert loaded.origin(("models", "vllm/acme-coder", "enabled")) == "default"


def test_a_file_without_models_keeps_its_other_settings():
    base = Settings.model_validate({"server": {"port": 1}, "routes": [{"id": "r", "to": "lane:local"}]})
    assert settings_from(discover({}, [VLLM], catalog()), base).server.port == 1
    routed = Settings.model_validate({"routes": [{"id": "r", "to": "vllm/other"}]})
    with pytest.raises(ConfigError) as caught:
        loaded_from(discover({}, [VLLM], catalog()), catalog(), routed)
    assert "unknown model 'vllm/other'" in caught.value.problems[0]
