"""The registry finds every provider file; what it finds fits together."""

from __future__ import annotations

from pathlib import Path

from gateway import providers
from gateway.providers.registry import all_providers

HELPERS = {"__init__", "contract", "registry"}


def test_every_file_is_a_provider_under_its_own_name() -> None:
    folder = Path(providers.__path__[0])
    files = {p.stem for p in folder.glob("*.py") if p.stem not in HELPERS and not p.stem.startswith("_")}
    found = all_providers()
    assert len(found) == len(files)
    assert all(provider.name == name for name, provider in found.items())


def test_each_provider_serves_each_dialect_it_names() -> None:
    for provider in all_providers().values():
        assert provider.dialects, provider.name
        assert set(provider.dialects) <= set(provider.paths), provider.name
        assert all(path.startswith("/") for path in provider.paths.values()), provider.name
        assert provider.base_url is None or not provider.base_url.endswith("/"), provider.name


def test_cards_are_unique_and_have_a_window() -> None:
    for provider in all_providers().values():
        ids = [card.id for card in provider.cards]
        assert len(ids) == len(set(ids)), provider.name
        assert all(card.context_tokens > card.max_output_tokens > 0 for card in provider.cards), provider.name
