"""Finds the fenced blocks of README.md and docs/ and what a test shall do with each.

An HTML comment on the line before the fence says it; a bash, python or yaml block without one is an error, so that nobody
adds an example that nothing tries:

    <!-- run -->             a bash or python block: must end with 0, in an empty folder
    <!-- run gateway -->     the same while a gateway serves; 127.0.0.1:4242 in the block becomes its address
    <!-- config -->          a whole interlock.yaml: must pass `interlock config check`
    <!-- policy -->          a whole policy: must pass `interlock policy test`, its own examples included
    <!-- shown: REASON -->   not tried, and why
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
TRIED = {"bash": {"run", "run gateway"}, "python": {"run", "run gateway"}, "yaml": {"config", "policy"}}
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)$", re.M | re.S
)


class Block(NamedTuple):
    """`place` is file:line of the fence; `mark` the words of the comment, empty when there is none."""

    place: str
    language: str
    mark: str
    text: str


def pages() -> list[Path]:
    """README.md and the pages people write; generated reference pages hold no examples of their own."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path) -> list[Block]:
    text = path.read_text("utf-8")
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return [
        Block(f"{name}:{text.count(chr(10), 0, m.start('fence')) + 1}", m["language"], m["mark"] or "", m["text"])
        for m in FENCE.finditer(text)
    ]


def fault(block: Block) -> str | None:
    """Why a block's mark is wrong; None when it is right or the block needs none."""
    accepted = TRIED.get(block.language)
    if accepted is None or block.mark in accepted or re.fullmatch(r"shown: .+", block.mark):
        return None
    return f"{block.place}: a {block.language} block wants one of: {', '.join(sorted(accepted))}, shown: REASON"
