"""Lists, probes, embeddings and plain completions."""

from __future__ import annotations

import json

from gateway.testing.scripted.extras import other, posted
from gateway.testing.scripted.memory import Memory


def test_models() -> None:
    assert [model["id"] for model in json.loads(other("GET", "/v1/models", ("a", "b")).body)["data"]] == ["a", "b"]
    assert json.loads(other("GET", "/v1/models/a", ("a",)).body)["id"] == "a"
    assert other("GET", "/v1/models/c", ("a",)).status == 404
    assert other("GET", "/v1/models", ()).status == 200
    assert other("DELETE", "/v1/models", ()).status == 405


def test_embeddings_depend_on_the_text_alone() -> None:
    body = json.loads(posted("/v1/embeddings", {"input": ["x", "y", "x"]}, Memory()).body)
    vectors = [entry["embedding"] for entry in body["data"]]
    assert vectors[0] == vectors[2] != vectors[1]


def test_completions_and_unknown_paths() -> None:
    body = json.loads(posted("/v1/completions", {"prompt": "p", "model": "m"}, Memory()).body)
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    assert posted("/v1/unknown", {}, Memory()).status == 404
