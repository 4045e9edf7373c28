from types import SimpleNamespace

import pytest

from gateway.http import catalogue
from gateway.ports import Caller


def endpoint(name, lane, **more):
    given = {
        "provider": "p",
        "context_tokens": 1000,
        "max_output_tokens": 100,
        "images": False,
        "tools": True,
        "simulated": False,
    }
    return SimpleNamespace(name=name, lane=lane, **{**given, **more})


RUNTIME = SimpleNamespace(
    endpoints={
        e.name: e
        for e in (
            endpoint("a/local", "local", context_tokens=500, max_output_tokens=None),
            endpoint("b/big", "frontier", context_tokens=9000, images=True),
            endpoint("claude-x", "frontier", context_tokens=0, simulated=True),
        )
    }
)
ANYBODY = Caller("anonymous")


def listed(caller=ANYBODY):
    return {e["id"]: e for e in catalogue.entries(RUNTIME, caller)}


def test_virtual_names_configured_ones_and_aliases():
    found = catalogue.entries(RUNTIME, ANYBODY)
    ids = [e["id"] for e in found]
    assert ids[:3] == ["auto", "auto:local", "auto:frontier"]
    assert ids[3:6] == ["a/local", "b/big", "claude-x"]
    assert set(ids[6:]) == {
        "claude-auto",
        "claude-auto-local",
        "claude-auto-frontier",
        "claude-a-local",
        "claude-b-big",
    }
    assert len(ids) == len(set(ids))


def test_auto_is_as_large_as_the_largest_behind_it():
    found = listed()
    assert found["auto"]["context_window"] == 9000
    assert found["auto:local"]["context_window"] == 500
    assert found["auto"]["capabilities"]["images"] is True
    assert found["a/local"]["capabilities"]["images"] is False
    assert found["auto"]["lane"] is None
    assert found["auto:local"]["lane"] == "local"


def test_unknown_sizes_are_not_told():
    assert "context_window" not in listed()["claude-x"]
    assert "max_output_tokens" not in listed()["a/local"]
    assert listed()["claude-x"]["simulated"] is True
    assert "simulated" not in listed()["a/local"]


def test_a_key_sees_what_it_may_use():
    assert set(listed(Caller("k", lanes=("local",)))) == {
        "auto", "auto:local", "a/local", "claude-auto", "claude-auto-local", "claude-a-local",
    }  # fmt: skip
    assert "a/local" not in listed(Caller("k", models=("b/big",)))
    assert listed(Caller("k", models=("nothing",))) == {}


@pytest.mark.parametrize(
    ("after", "limit", "ids"), [(None, 2, ["0", "1"]), ("1", 2, ["2", "3"]), ("4", 9, []), ("?", 1, ["0"])]
)
def test_pages(after, limit, ids):
    page = catalogue.page([{"id": str(n)} for n in range(5)], after_id=after, limit=limit)
    assert [e["id"] for e in page["data"]] == ids
    assert page["first_id"] == (ids[0] if ids else None)
    assert page["last_id"] == (ids[-1] if ids else None)
    assert page["has_more"] is (bool(ids) and ids[-1] != "4")
