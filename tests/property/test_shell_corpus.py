"""Our own corpus of bypasses (tests/data/policies/own): what the facts must say of each line. The policy's verdicts on the same
lines are in tests/integration and in `python -m scripts.policy_figures`."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.shell import facts

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "policies" / "own" / "bypass.jsonl").read_text().splitlines()
]
SECRETS = (
    ".ssh",
    ".env",
    ".aws",
    "shadow",
    ".netrc",
    ".gnupg",
    "id_",
    ".docker/config",
    ".e*v",
    ".en?",
    ".ss?",
    ".ss[h]",
)


def test_every_class_has_its_cases():
    count = Counter(row["class"] for row in ROWS)
    assert len(count) >= 20
    assert min(count.values()) >= 3


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "deny"], ids=lambda row: row["command"][:60])
def test_what_must_be_refused_shows_why(row):
    found = facts(row["command"])
    secret = any(mark in path for path in found.reads for mark in SECRETS)
    sent = "network" in found.effects and ("exec_data" in found.effects or "secrets" in found.effects)
    assert "destructive" in found.effects or secret or sent, found


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "guard"], ids=lambda row: row["command"][:60])
def test_what_must_not_pass_gives_a_reason(row):
    found = facts(row["command"])
    outside = any(not path.startswith("/repo") for path in found.reads)
    stranger = any(not command.known for command in found.commands)
    changes = [
        command
        for command in found.commands
        if command.subcommand in {"commit", "add", "merge", "stash", "checkout", "rebase", "tag", "ps", "apply"}
    ]
    assert (
        found.unknown or found.effects or found.writes or found.hosts or found.invalid or outside or stranger or changes
    ), found


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "allow"], ids=lambda row: row["command"][:60])
def test_harmless_look_alikes_are_read_completely(row):
    found = facts(row["command"])
    assert not found.unknown, found
    assert not {
        "destructive",
        "network",
        "exec_data",
        "privilege",
        "persistence",
        "publish",
        "install",
        "secrets",
    } & set(found.effects), found
