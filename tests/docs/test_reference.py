"""The generated reference is what the code says, and says everything."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from gateway import errors
from scripts import docs
from scripts.checks import tree

HEADING = re.compile(r"^#+ `?(.+?)`?$", re.M)


def headings(name: str) -> set[str]:
    return set(HEADING.findall((tree.ROOT / f"docs/reference/{name}.md").read_text("utf-8")))


def test_the_pages_are_up_to_date() -> None:
    assert docs.problems() == []


def test_a_difference_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    page = tree.ROOT / "docs/reference/README.md"
    monkeypatch.setattr(docs, "rendered", lambda: {page.relative_to(tree.ROOT): "another text\n"})
    (problem,) = docs.problems()
    assert "run `make docs`" in problem
    assert "+another text" in problem


def leaves(cls: type[errors.GatewayError]) -> set[str]:
    below = [leaf for sub in cls.__subclasses__() if sub.__module__ == errors.__name__ for leaf in leaves(sub)]
    return set(below) | {cls.__name__}


def test_every_error_has_its_heading() -> None:
    assert leaves(errors.GatewayError) - {"GatewayError"} <= headings("errors")


def test_every_setting_has_its_line() -> None:
    """Walks the JSON schema, which pydantic writes; the page walks the models."""
    schema = importlib.import_module("gateway.config.settings").Settings.model_json_schema()
    page = "".join((tree.ROOT / f"docs/reference/{name}.md").read_text("utf-8") for name in ("settings", "profile"))
    models = [schema, *schema["$defs"].values()]
    names = {name for model in models for name in model.get("properties", {})}
    assert len(names) > 50
    assert {name for name in names if f"`{name}`" not in page and f".{name}`" not in page} == set()


def test_every_plugin_has_its_line() -> None:
    page = (tree.ROOT / "docs/reference/plugins.md").read_text("utf-8")
    for package in ("gateway/providers", "gateway/dialects", "gateway/harnesses"):
        files = {p.stem for p in tree.modules() if str(p.parent) == package} - {"contract", "registry", "__init__"}
        for stem in sorted(name for name in files if not name.startswith("_")):
            assert f"`{package.replace('/', '.')}.{stem}`" in page


def test_every_written_page_is_reachable() -> None:
    """A page that no other page links to is a page that nobody reads."""
    pages = [tree.ROOT / "README.md", *sorted((tree.ROOT / "docs").rglob("*.md"))]
    linked: set[Path] = set()
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.relative_to(tree.ROOT)} links to {target}"
                linked.add((page.parent / target).resolve())
    assert {page.resolve() for page in pages[1:]} - linked == set()
