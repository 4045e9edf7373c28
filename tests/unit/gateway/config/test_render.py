"""The table at start, and the file of `interlock init`: it loads to what was found."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.discover import Probe, Served, discover, loaded_from, settings_from
from gateway.config.load import load
from gateway.config.models import ModelConfig
from gateway.config.render import render_yaml, table
from gateway.config.routes import RouteConfig
from gateway.config.settings import Settings
from gateway.providers.registry import catalog

SERVER = Probe(
    provider="ollama",
    base_url="http://127.0.0.1:11434",
    models=(
        Served(id="qwen3:30b", context_tokens=32_768),
        Served(id="no # comment: 'x'", images=True),
        Served(id="on"),
    ),
)
ROUTES = (
    RouteConfig.model_validate(
        {"id": "a", "when": {"call": "title", "context_tokens": {"max": 5}}, "to": "lane:local"}
    ),
    RouteConfig.model_validate(
        {"id": "b", "when": {"expr": "call == 'main' && turns > 2"}, "to": ["lane:mid"], "sticky": False}
    ),
    RouteConfig.model_validate({"id": "default", "to": ["lane:mid", "lane:local"], "retry": {"max_attempts": 1}}),
)


@pytest.mark.parametrize("environment", [{}, {"ANTHROPIC_API_KEY": "hunter2", "DEEPSEEK_API_KEY": "hunter2"}])
@pytest.mark.parametrize("probes", [[], [SERVER]])
def test_the_file_loads_to_what_was_found(environment: dict[str, str], probes: list[Probe]):
    found = discover(environment, probes, catalog())
    text = render_yaml(settings_from(found), found, ROUTES)
    assert "hunter2" not in text
    again = load(text, file="f", catalog=catalog())
    expected = loaded_from(found, catalog()).settings
    assert again.settings.models == expected.models
    assert again.settings.routes == ROUTES
    assert again.settings.session == Settings().session
    assert set(yaml.safe_load(text)["models"]) == set(expected.models)
    assert ("SIMULATED" in text) is (not environment and not probes)


def test_every_field_survives():
    model = ModelConfig.model_validate(
        {
            "provider": "openai_compatible",
            "base_url": "http://h:1",
            "lane": "mid",
            "headers": {"x-a": "b: c"},
            "profile": {"sampling": False, "disable_thinking": '{"a":1}'},
            "timeouts": {"idle_s": 7.5},
            "cost": {"usd_per_hour": 0.35},
            "tags": ["true", "1", ""],
        }
    )
    text = render_yaml(Settings(models={"m": model}), (), ROUTES)
    got = load(text, file="f", catalog=catalog()).settings.models["m"]
    assert got.model_copy(update={"model": ""}) == model


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30))
def test_any_upstream_id_survives(upstream: str):
    model = ModelConfig.model_validate({"provider": "sim", "lane": "mid", "model": upstream})
    text = render_yaml(Settings(models={"m": model}), (), ROUTES)
    assert load(text, file="f", catalog=catalog()).settings.models["m"].model == (upstream or "m")


def test_no_models_is_still_a_file():
    assert load(render_yaml(Settings(), (), ROUTES), file="f", catalog=catalog()).settings.models == {}


def test_table():
    shown = table(discover({"DEEPSEEK_API_KEY": "x"}, [SERVER], catalog())).splitlines()
    assert shown[0].split() == ["MODEL", "LANE", "FOUND", "REACHABLE"]
    assert shown[1].split()[:2] == ["ollama/qwen3:30b", "local"]
    assert shown[1].endswith("yes")
    assert any(line.startswith("deepseek/deepseek-v4-flash") and line.endswith("not tried") for line in shown)


def test_table_says_when_all_is_simulated():
    assert "SIMULATED" in table(discover({}, [], catalog()))
