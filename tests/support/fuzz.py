"""Mutated commands from a seed: pieces of real ones cut, joined, doubled and spoilt. For tests and for `make fuzz-shell`."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data" / "policies"
PIECES = (
    "$(", ")", "`", "${", "}", "$((", "))", "<(", ">(", "<<EOF\n", "\nEOF\n", "<<<", "|", "||", "&&", ";", "&", "\n", "\\\n", "'", '"', "\\", "$'", "*", "?", "[",
    "]", "{a,b}", "{1..9}", "~", "~root", "..", "/", "//", "--", "-", "=", "!", "#", " ", "\t", "$IFS", "$@", "$1", "${x:-", "${!x}", "${x@P}", "2>&1", "> /dev/null",
    "if ", "then ", "fi", "for x in ", "do ", "done", "case ", "esac", "function f ", "f() {", "[[ ", " ]]", "time ", "coproc ", "sudo ", "env ", "xargs ", "sh -c '",
    "eval ", "find . -exec ", " {} \\;", "sed 's/a/b/e' ", "awk '{print > \"x\"}' ", "git -c ", "python3 -c '", "\u202e", "\u200b", "\x1b", "é", "🚀", "\ud800", "\0", "a" * 300,
)  # fmt: skip


def commands() -> list[str]:
    out = [json.loads(line)["command"] for line in (DATA / "own" / "bypass.jsonl").read_text().splitlines()]
    for name in ("destructive_command_guard", "cc-safety-net", "nl2bash"):
        lines = (DATA / name / "commands.jsonl").read_text().splitlines()
        out += [json.loads(line)["command"] for line in lines]
    return [text for text in out if len(text) < 2000]


def mutated(seed: int, count: int) -> Iterator[str]:
    chance = random.Random(seed)
    known = commands()
    for _ in range(count):
        text = chance.choice(known)
        for _ in range(chance.randint(1, 5)):
            text = _change(text, chance, known)
        yield text[:12_000]


def _change(text: str, chance: random.Random, known: list[str]) -> str:
    at = chance.randint(0, len(text))
    kind = chance.randrange(7)
    if kind == 0:
        return text[:at] + chance.choice(PIECES) + text[at:]
    if kind == 1:
        return text[:at] + text[at + chance.randint(1, 6) :]
    if kind == 2:
        return text + chance.choice((" ; ", " | ", " && ", "\n", " ")) + chance.choice(known)
    if kind == 3:
        return text[:at] + text[at:].swapcase()
    if kind == 4:
        return (
            chance.choice(("$(", "`", "sh -c '", "{ ", "( ", "f() { "))
            + text
            + chance.choice((")", "`", "'", "; }", " )", ""))
        )
    if kind == 5:
        end = chance.randint(at, len(text))
        return text[:end] + text[at:end] * chance.randint(1, 3) + text[end:]
    return text[:at] + chr(chance.randrange(1, 0x250)) + text[at:]
