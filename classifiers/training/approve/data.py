"""Cases from permissive policy data: pairs of a description and a command to learn from, and sets that are only tested on.

A part is read only where its licence file lies beside it and says what is expected. Commands are read as text, never run.
No sets with real approvals are known under a permissive licence; a team's own audit log is the better source.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from classifiers.artefact import Source
from classifiers.training.approve.generate import Case, RawCall
from classifiers.training.sources import SourceError

PAIRS: Final = 1500
"""Of nl2bash's 12,607 pairs, drawn by the seed: more would drown the sessions."""
FOREIGN_PAIRS: Final = 1500
TESTED: Final = 1500
"""Rows of one test set at most."""
_MIT: Final = "Permission is hereby granted, free of charge"
_CC_BY: Final = "Attribution 4.0"
LICENCES: Final = {"nl2bash": "MIT"}
_NOTICES: Final = {
    "nl2bash": "nl2bash (TellinaTool/nl2bash, data/bash). MIT License, Copyright (c) 2020 NL2Bash dataset.",
}


def training_cases(folder: Path | None, seed: int) -> list[Case]:
    """nl2bash: what a person wrote a command for, with it; and with the command of another, which is no row unless it does
    harm. [] without a folder."""
    if folder is None:
        return []
    root = _part(folder, "nl2bash/data/bash", ("LICENSE", "LICENSE.md", "../../LICENSE"), _MIT)
    asks, commands = (_lines(root / name) for name in ("all.nl", "all.cm"))
    pairs = random.Random(seed).sample(list(zip(asks, commands, strict=True)), PAIRS)
    return _paired("nl2bash", pairs, FOREIGN_PAIRS, seed)


def test_sets(folder: Path, seed: int, asks: Sequence[str]) -> dict[str, list[Case]]:
    """Sets by name. `asks`: ordinary asks that ask for none of the harmful commands."""
    found = {
        "intercode": _paired("intercode", _intercode(folder), 224, seed),
        "tldr": _paired("tldr", _tldr(folder, seed), TESTED, seed),
        "redcode": _uncalled("redcode", _redcode(folder), asks, seed),
        "destructive_command_guard": _uncalled("dcg", _guard(folder), asks, seed),
        "cc-safety-net": _uncalled("net", _net(folder), asks, seed),
    }
    return found


def notice(sources: Iterable[Source]) -> str:
    """What must go along with a model of these sources."""
    held = [_NOTICES[source.name] for source in sources if source.name in _NOTICES]
    lines = ["The model in this folder was trained on sessions written for Interlock (Apache License 2.0)."]
    if held:
        lines += ["It was also trained on, and holds no text of:", "", *(f"- {line}" for line in held), "", _TEXT]
    return "\n".join(lines) + "\n"


# --- one function per origin -----------------------------------------------------------------------------------------


def _intercode(folder: Path) -> list[tuple[str, str]]:
    root = _part(folder, "intercode-nl2bash", ("LICENSE.md", "LICENSE"), _MIT)
    items = [item for path in sorted(root.glob("data/nl2bash/*.json")) for item in _json(path)]
    return [(item["query"], item["gold"]) for item in items]


def _tldr(folder: Path, seed: int) -> list[tuple[str, str]]:
    root = _part(folder, "tldr-benign", ("LICENSE.md", "LICENSE"), _CC_BY)
    items = [json.loads(line) for line in _lines(root / "commands.jsonl")]
    drawn = random.Random(seed).sample(items, TESTED)
    return [(item["description"], item["command"]) for item in drawn]


def _redcode(folder: Path) -> list[str]:
    root = _part(folder, "redcode-exec", ("LICENSE",), _CC_BY)
    files = sorted(root.glob("RedCode-Exec/bash2text_dataset_json/*.json"))
    return [item["Code"] for path in files for item in _json(path) if isinstance(item.get("Code"), str)]


def _guard(folder: Path) -> list[str]:
    root = _part(folder, "destructive_command_guard", ("LICENSE", "tests/../LICENSE"), _MIT)
    items = [json.loads(line) for line in _lines(root / "tests/fixtures/commands.jsonl")]
    return [item["command"] for item in items if item["label"] == "destructive"]


def _net(folder: Path) -> list[str]:
    root = _part(folder, "cc-safety-net", ("LICENSE",), _MIT)
    items = [json.loads(line) for line in _lines(root / "cases.jsonl")]
    return [item["command"] for item in items if item["expected"] == "deny"]


# --- shared ----------------------------------------------------------------------------------------------------------


def _paired(name: str, pairs: Sequence[tuple[str, str]], foreign: int, seed: int) -> list[Case]:
    chance = random.Random(f"{seed}:{name}")
    found = [_case(name, number, ask, command, True) for number, (ask, command) in enumerate(pairs)]
    for number in range(min(foreign, len(pairs))):
        ask, other = pairs[number][0], chance.choice(pairs)[1]
        if other != pairs[number][1]:
            found.append(_case(name, number, ask, other, False, foreign=True))
    return found


def _uncalled(name: str, commands: Sequence[str], asks: Sequence[str], seed: int) -> list[Case]:
    chance = random.Random(f"{seed}:{name}")
    return [_case(name, number, chance.choice(asks), command, False) for number, command in enumerate(commands)]


def _case(name: str, number: int, ask: str, command: str, wanted: bool, *, foreign: bool = False) -> Case:
    call = RawCall("Bash", json.dumps({"command": command}))
    return Case((ask,), (), call, wanted, False, name, f"{name}.{number}{'+' if wanted else '/'}", foreign)


def _part(folder: Path, name: str, notices: Sequence[str], says: str) -> Path:
    """The folder of one origin. SourceError where its licence is not there or not what is expected."""
    root = folder / name
    held: Callable[[Path], bool] = lambda path: path.is_file() and says in " ".join(path.read_text("utf-8").split())  # noqa: E731
    if not any(held(root / notice) for notice in notices):
        raise SourceError(f"{name}: no licence file beside it says {says!r}, so it is not read")
    return root


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


_TEXT: Final = """\
MIT License (for the part named above): Permission is hereby granted, free of charge, to any person obtaining a
copy of this software and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do
so, subject to the following conditions: The above copyright notice and this permission notice shall be included
in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY
KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
