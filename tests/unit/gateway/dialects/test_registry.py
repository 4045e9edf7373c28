"""The registry finds every dialect file, by name and by path."""

from __future__ import annotations

from pathlib import Path

from gateway import dialects
from gateway.dialects import registry

HELPERS = {"__init__", "contract", "registry"}


def test_every_file_is_a_dialect_under_its_own_name() -> None:
    folder = Path(dialects.__path__[0])
    files = {p.stem for p in folder.glob("*.py") if p.stem not in HELPERS and not p.stem.startswith("_")}
    found = registry.all_dialects()
    assert len(found) == len(files)
    assert all(registry.by_name(name).name == name for name in found)


def test_a_path_belongs_to_one_dialect() -> None:
    by_path = registry.by_path()
    assert sum(len(d.paths) for d in registry.all_dialects().values()) == len(by_path)
    assert all(path in dialect.paths for path, dialect in by_path.items())
