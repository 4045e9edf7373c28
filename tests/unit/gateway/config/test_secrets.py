"""A secret cannot be seen by accident."""

import copy
import json
import logging
import pickle

import pytest

from gateway.config.secrets import Ref, Secret, parse, references
from gateway.config.settings import Settings

VALUE = "hunter2hunter2"


def test_every_text_form_hides_the_value(caplog: pytest.LogCaptureFixture):
    secret = Secret(VALUE, "env:KEY")
    logging.getLogger("t").warning("%s %r", secret, secret)
    forms = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", repr([secret]), repr({"a": secret}), caplog.text]
    assert not any(VALUE in form for form in forms)
    assert secret.reveal() == VALUE
    assert "env:KEY" in repr(secret)


def test_it_is_not_serialised():
    secret = Secret(VALUE, "env:KEY")
    for act in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            act(secret)
    with pytest.raises(TypeError):
        hash(secret)


def test_equality_is_by_value():
    assert Secret("a", "env:A") == Secret("a", "env:B")
    assert Secret("a", "env:A") != Secret("b", "env:A")
    assert Secret("a", "env:A") != "a"


def test_parse():
    assert parse("env:A") == Ref("env", "A")
    assert parse("file:/a:b") == Ref("file", "/a:b")
    with pytest.raises(ValueError):
        parse("sk-1")


def test_references_of_settings():
    settings = Settings.model_validate(
        {
            "state": {"kind": "redis", "url": "env:R"},
            "models": {
                "a": {
                    "provider": "x",
                    "lane": "mid",
                    "api_key": "env:A",
                    "proxy": "file:/p",
                    "headers": {"x-plain": "text", "x-token": "env:T"},
                },
                "off": {"provider": "x", "lane": "mid", "api_key": "env:OFF", "enabled": False},
            },
        }
    )
    assert references(settings) == [
        (("state", "url"), "env:R"),
        (("models", "a", "api_key"), "env:A"),
        (("models", "a", "proxy"), "file:/p"),
        (("models", "a", "headers", "x-token"), "env:T"),
    ]
