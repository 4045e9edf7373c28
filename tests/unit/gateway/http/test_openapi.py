from types import SimpleNamespace

import pytest

from gateway.http.openapi import _BODIES, nearest
from gateway.http.operations import make
from gateway.http.surfaces import SURFACES


@pytest.fixture(scope="module")
def document():
    return make(SimpleNamespace(version="9.9"), None).openapi()


def test_every_surface_is_described(document):
    for method, path in SURFACES:
        assert method.lower() in document["paths"][path], path
    assert document["info"]["version"] == "9.9"


def test_bodies_are_demanded_and_errors_told(document):
    for path in _BODIES:
        operation = document["paths"][path]["post"]
        assert operation["requestBody"]["required"]
        assert operation["requestBody"]["content"]["application/json"]["schema"]["type"] == "object"
        assert {"200", "400", "401", "413", "503"} <= operation["responses"].keys()


def test_asked_twice_it_is_the_same(document):
    app = make(SimpleNamespace(version="9.9"), None)
    assert app.openapi() == app.openapi() == document


@pytest.mark.parametrize(
    ("path", "cure"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/message", "/v1/messages"),
        ("/openai/v1/responses/", "/v1/responses"),
        ("/model", "/v1/models"),
    ],
)
def test_the_nearest_path(path, cure):
    assert cure in nearest(path).split(", ")


def test_nothing_near_lists_all():
    assert "/health" in nearest("/%%%")
