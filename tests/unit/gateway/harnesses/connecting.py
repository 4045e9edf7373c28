"""What every harness's `connect` must hold, for the tests of each."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.harnesses.contract import Harness, Wish
from gateway.ir.request import DialectName

BASE = "http://127.0.0.1:4242"


def wish(dialect: DialectName, model: str = "auto", base_url: str = BASE, key: str = "sk-local") -> Wish:
    return Wish(base_url=base_url, key=key, model=model, dialect=dialect)


def edited(
    harness: Harness, dialect: DialectName, before: Mapping[str, str | None] | None = None, **more: str
) -> dict[str, str]:
    """The files after an edit, proven to be stable: a second edit changes nothing, and it points at the gateway."""
    connect = harness.connect
    assert connect is not None
    start = {name: (before or {}).get(name) for name in connect.files}
    after = dict(connect.edit(start, wish(dialect, **more)))
    assert set(after) == set(connect.files)
    assert dict(connect.edit(after, wish(dialect, **more))) == after
    target = connect.points_at(after)
    assert target is not None
    assert target.startswith(more.get("base_url", BASE))
    return after


def only(files: Mapping[str, str]) -> str:
    (text,) = files.values()
    return text
