"""Which model names mean what: virtual names, lane targets, reserved words, and the aliases Claude Code can see."""

from __future__ import annotations

import re
from typing import get_args

from gateway.ir.exchange import LaneName

LANES: tuple[LaneName, ...] = get_args(LaneName)
VIRTUAL: tuple[str, ...] = ("auto", *(f"auto:{lane}" for lane in LANES))
"""Names that are routed, not looked up."""
LANE_PREFIX = "lane:"
"""In a route's `to`: every enabled model of that lane, in the order of the configuration."""
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}\Z")
NAME_FORM = "1 to 128 letters, digits and . _ : / @ + -, beginning with a letter or digit"


def claude_alias(name: str) -> str:
    """The id under which Claude Code lists `name`: it shows only ids that contain "claude" or "anthropic"
    (protocols.md section 1.6). A name that already does is its own alias."""
    if "claude" in name or "anthropic" in name:
        return name
    return "claude-" + name.replace("/", "-").replace(":", "-")


VIRTUAL_ALIASES: dict[str, str] = {claude_alias(name): name for name in VIRTUAL}


def reserved(name: str) -> str | None:
    """Why `name` may not be given to a model, or None when it may."""
    lowered = name.lower()
    if lowered == "auto" or lowered.startswith("auto:"):
        return "auto and auto:* are the gateway's own names"
    if lowered == "claude-auto" or lowered.startswith("claude-auto-"):
        return "claude-auto and claude-auto-* are the gateway's own names for Claude Code"
    if lowered.startswith(LANE_PREFIX):
        return "lane:* names a lane in routes"
    return None


MASK_KEY = "mask.key"
"""File of the state directory with the key that masks of secrets are made with."""
