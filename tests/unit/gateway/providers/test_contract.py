"""A provider's profile is the general one unless a dialect has its own."""

from __future__ import annotations

from dataclasses import fields, replace

from gateway.ir.profile import DEFAULT, Profile
from gateway.providers.contract import Provider


def other() -> Profile:
    """A profile that differs from the default in its first yes-or-no field."""
    name = next(f.name for f in fields(Profile) if isinstance(getattr(DEFAULT, f.name), bool))
    return replace(DEFAULT, **{name: not getattr(DEFAULT, name)})


def test_a_dialect_may_have_its_own_profile() -> None:
    special = other()
    provider = Provider(
        name="p",
        title="P",
        base_url=None,
        dialects=("chat", "messages"),
        paths={"chat": "/v1/chat/completions", "messages": "/v1/messages"},
        profiles={"messages": special},
    )
    assert provider.profile_for("messages") is special
    assert provider.profile_for("chat") is DEFAULT
