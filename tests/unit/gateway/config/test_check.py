"""Checks across fields, beyond what the case files of test_load.py show."""

import pytest

from gateway.config import check
from gateway.config.settings import Settings
from gateway.providers.registry import catalog

SIM = {"provider": "sim", "lane": "mid"}


def settings(**more: object) -> Settings:
    return Settings.model_validate({"models": {"m": SIM}, **more})


def messages(found: Settings, *broken: str) -> list[str]:
    return [problem.message for problem in check.problems(found, catalog(), broken)]


def test_nothing_to_say():
    assert messages(settings()) == []
    assert messages(Settings()) == []
    assert check.warnings(settings()) == []


def test_a_broken_model_may_be_named_by_routes():
    routes = [{"id": "r", "to": ["m", "gone"]}]
    assert messages(settings(routes=routes)) == ["unknown model 'gone'"]
    assert messages(settings(routes=routes), "gone") == []


def test_an_unconditional_default_is_the_operators_own():
    assert messages(settings(routes=[{"id": "default", "to": "m"}])) == []
    assert len(messages(settings(routes=[{"id": "default", "when": {"images": True}, "to": "m"}]))) == 1


def test_state_urls():
    assert messages(settings(state={"kind": "redis", "url": "redis://h:1"})) == []
    assert messages(settings(state={"kind": "redis", "url": "http://h:1"})) == ["not the address of a Redis"]
    assert messages(settings(state={"kind": "sqlite"}, server={"workers": 3})) == []


def test_two_models_may_not_share_an_alias():
    models = {"a": {**SIM, "aliases": ["x"]}, "b": {**SIM, "aliases": ["x"]}}
    assert messages(Settings.model_validate({"models": models})) == ["'x' already means a"]


def test_an_alias_may_be_the_generated_one_of_its_own_model():
    assert messages(Settings.model_validate({"models": {"a": {**SIM, "aliases": ["claude-a"]}}})) == []


def test_lanes_without_models_are_a_warning_only_when_models_are_named():
    routes = [{"id": "r", "to": ["lane:local", "lane:mid"]}]
    assert [w.path for w in check.warnings(settings(routes=routes))] == [("routes", 0, "to", 0)]
    assert check.warnings(Settings.model_validate({"routes": routes})) == []


@pytest.mark.parametrize("guard", [{"continue_on": "cut"}, {"hedge_after_s": 2}])
def test_a_guard_without_a_second_model_is_probably_not_meant(guard):
    (word,) = guard
    alone = [{"id": "r", "when": {"images": True}, "to": "m", **guard}]
    (found,) = check.warnings(settings(routes=alone))
    assert found.path == ("routes", 0, word)
    assert found.message == f"{word} has no effect: the route has no second model; add one to `to`"
    both = Settings.model_validate(
        {"models": {"m": SIM, "n": SIM}, "routes": [{"id": "r", "when": {"images": True}, "to": ["lane:mid"], **guard}]}
    )
    assert check.warnings(both) == []


def test_memory_is_not_shared_by_workers():
    assert messages(settings(server={"workers": 3})) == []
    (found,) = messages(settings(state={"kind": "memory"}, server={"workers": 3}))
    assert "several workers" in found


@pytest.mark.parametrize(
    ("names", "hidden"),
    [
        (("box/a", "box:a"), {"box:a": "box/a"}),
        (("box/a", "claude-box-a"), {"box/a": "claude-box-a"}),
        (("a", "b"), {}),
    ],
)
def test_a_model_that_claude_code_cannot_ask_for(names: tuple[str, ...], hidden: dict[str, str]):
    found = check.warnings(Settings.model_validate({"models": dict.fromkeys(names, SIM)}))
    assert [w.path for w in found] == [("models", name) for name in hidden]
    for warning, other in zip(found, hidden.values(), strict=True):
        assert warning.message.endswith(f"'claude-box-a' means {other}")
