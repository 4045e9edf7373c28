"""Scanning a package of plug-ins: sorted, complete, and strict about names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gateway.errors import ConfigError
from gateway.plugins import scan

Maker = Callable[[dict[str, str]], ModuleType]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    def make(files: dict[str, str]) -> ModuleType:
        folder = tmp_path / "scanned"
        folder.mkdir()
        for name, text in {"__init__": "", **files}.items():
            (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module("scanned")

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "scanned"]:
        del sys.modules[name]


def plugin(name: str) -> str:
    return f"class P:\n    name = {name!r}\nTHING = P()\n"


def test_plugins_are_found_in_sorted_order_and_helpers_are_not(package: Maker) -> None:
    trap = "raise RuntimeError('a helper was imported')"
    files = {"zulu": plugin("one"), "alpha": plugin("two"), "contract": trap, "registry": trap, "_shared": trap}
    assert list(scan(package(files), "THING")) == ["two", "one"]


def test_a_name_that_is_taken_stops_the_start(package: Maker) -> None:
    with pytest.raises(ConfigError, match=r"scanned\.b: the name 'same' is taken"):
        scan(package({"a": plugin("same"), "b": plugin("same")}), "THING")


def test_a_file_without_the_name_stops_the_start(package: Maker) -> None:
    with pytest.raises(ConfigError, match=r"scanned\.a declares no THING"):
        scan(package({"a": "OTHER = 1"}), "THING")
