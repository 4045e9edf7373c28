"""docs/reference/profile.md: the differences between upstreams that a configuration may set, from gateway/ir/profile.py."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import typing

from gateway.ir import profile
from gateway.ir.profile import Profile
from scripts.pages.markdown import table
from scripts.pages.settings import spell
from scripts.pages.source import described

INTRO = """
# Profile

How one upstream speaks its dialect. Each provider brings a profile; `models.NAME.profile` in `interlock.yaml` changes single
fields of it for one model, for a server that is newer, older or odder than its kind.
"""


def page() -> str:
    text = inspect.getsource(profile)
    body = next(n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == "Profile").body
    meanings = dict(described(body, text.splitlines()))
    hints = typing.get_type_hints(Profile)
    rows = [
        [f"`{f.name}`", spell(hints[f.name]), value(f.default), meanings[f.name]] for f in dataclasses.fields(Profile)
    ]
    return INTRO.strip() + "\n\n" + table(["field", "type", "default", "meaning"], rows)


def value(default: object) -> str:
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`[{', '.join(map(str, default))}]`" if isinstance(default, tuple) else f"`{default}`"
