"""Case files: a configuration, and below the line what becomes of it (what differs from the defaults, or every problem).

`INTERLOCK_RECORD=1 pytest tests/unit/gateway/config/test_load.py` writes the lower halves anew; read the difference.
"""

import os
import time
from pathlib import Path

import pytest
import yaml

from gateway.config.load import Loaded, complete, load
from gateway.config.settings import Settings
from gateway.errors import ConfigError
from gateway.providers.registry import catalog

CASES = sorted(Path("tests/golden/config").glob("*.yaml"))
LINE = "--- # expected\n"


def outcome(text: str) -> dict[str, object]:
    try:
        loaded = load(text, file="f.yaml", catalog=catalog())
    except ConfigError as error:
        return {"problems": list(error.problems)}
    settings = loaded.settings.model_dump(mode="json", exclude_defaults=True)
    return {"settings": settings, **({"warnings": list(loaded.warnings)} if loaded.warnings else {})}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(case: Path):
    text, line, expected = case.read_text(encoding="utf-8").partition(LINE)
    assert line
    got = outcome(text)
    if os.environ.get("INTERLOCK_RECORD"):
        dumped = yaml.safe_dump(got, sort_keys=False, allow_unicode=True, width=10_000)
        case.write_text(text + line + dumped, encoding="utf-8")
    else:
        assert got == yaml.safe_load(expected)
    assert "hunter2" not in str(got)
    assert "sk-proj-0123" not in str(got)


def test_there_are_cases():
    assert len(CASES) >= 15


def many(models: int, routes: int) -> str:
    text = "models:\n"
    for i in range(models):
        text += f"  local/m{i}:\n    provider: vllm\n    base_url: http://127.0.0.1:8000\n    model: a{i}\n    lane: local\n"
        text += "    api_key: env:X\n    context_tokens: 65536\n    cost: {usd_per_hour: 0.35}\n    tags: [a, b]\n"
    text += "routes:\n"
    for i in range(routes):
        text += f"  - {{id: r{i}, when: {{call: main, expr: 'context_tokens > {i}'}}, to: [local/m{i}, lane:local]}}\n"
    return text


def test_200_models_load_in_under_100_ms():
    text = many(200, 20)
    best_s = 1.0
    for _ in range(5):
        start_s = time.process_time()
        assert len(load(text, file="f", catalog=catalog()).settings.models) == 200
        best_s = min(best_s, time.process_time() - start_s)
    assert best_s < 0.1


def test_bytes_are_read_and_bad_ones_placed():
    assert load(b"\xef\xbb\xbfversion: 1\n", file="f", catalog=catalog()).settings == Settings()
    with pytest.raises(ConfigError) as caught:
        load(b"a: 1\nb: \xff", file="f", catalog=catalog())
    assert caught.value.problems == ("f:2:4: not UTF-8 text",)


def test_origins():
    text = "models:\n  box/a: {provider: vllm, lane: local, tags: gpu}\n"
    loaded = load(text, file="f.yaml", catalog=catalog())
    at = ("models", "box/a")
    assert loaded.origin((*at, "lane")) == "f.yaml:2"
    assert loaded.origin((*at, "tags", 0)) == "f.yaml:2"
    assert loaded.origin((*at, "base_url")) == "provider vllm"
    assert loaded.origin((*at, "timeouts", "first_token_s")) == "provider vllm"
    assert loaded.origin((*at, "timeouts", "idle_s")) == "default"
    assert loaded.origin((*at, "model")) == "last part of the name"
    assert loaded.origin(("server", "port")) == "default"


def test_settings_without_a_text_are_checked_too():
    good = Settings.model_validate({"models": {"m": {"provider": "sim", "lane": "local"}}})
    loaded = complete(good, source="here", catalog=catalog(), origins={("models", "m", "lane"): "found: somewhere"})
    assert isinstance(loaded, Loaded)
    assert loaded.origin(("models", "m", "lane")) == "found: somewhere"
    assert loaded.settings.models["m"].base_url == "sim://builtin"
    bad = Settings.model_validate({"models": {"m": {"provider": "sin", "lane": "local"}}})
    with pytest.raises(ConfigError) as caught:
        complete(bad, source="here", catalog=catalog())
    assert caught.value.problems[0].startswith("here: models.m.provider: unknown provider 'sin'")
    assert caught.value.problems[0].endswith("Did you mean sim?")


def test_unknown_harness_is_told_when_harnesses_are_known():
    from dataclasses import replace

    known = replace(catalog(), harnesses=("opencode", "codex"))
    text = "models: {m: {provider: sim, lane: mid}}\nroutes: [{id: a, when: {harness: [opncode, 'co*']}, to: m}]"
    with pytest.raises(ConfigError) as caught:
        load(text, file="f", catalog=known)
    assert len(caught.value.problems) == 1
    assert "Did you mean opencode?" in caught.value.problems[0]
