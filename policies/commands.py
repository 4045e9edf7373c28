"""Commands to facts: the one door from the engine to `policies.shell`. A command that two parsers must agree on is asked for
as `NeedParse`; what cannot be parsed is unknown, and what is unknown is never allowed.
"""

from __future__ import annotations

from collections.abc import Generator

from policies.facts import Facts
from policies.shell import reading
from policies.verdict import NeedParse
from policies.view import Place


def understand(text: str, place: Place) -> Generator[NeedParse, bytes | None, Facts]:
    """Facts of one command, read where the call says it runs."""
    return (yield from reading(text, cwd=place.cwd, home=place.home, roots=place.roots))
