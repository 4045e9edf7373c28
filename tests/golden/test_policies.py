"""Policies in, verdicts out: each file of policies/ is a policy and what it must decide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli._policies import answer
from policies.document import read
from policies.engine import drive, judge
from policies.load import load
from policies.verdict import Caller, ToolCall

FOLDER = Path(__file__).parent / "policies"
FILES = sorted(FOLDER.glob("*.yaml"))


def cases():
    for path in FILES:
        held = read(path.read_text("utf-8"), path.name).value
        policy = load([(path.name, held["policy"])])
        for number, case in enumerate(held["cases"], 1):
            yield pytest.param(policy, case, id=f"{path.stem}-{number}")


@pytest.mark.parametrize(("policy", "case"), list(cases()))
def test_verdict(policy, case):
    who = {"cwd": "/repo", "home": "/home/u"} | case.get("caller", {})
    who["taint"] = frozenset(who.get("taint", ()))
    custom = isinstance(case["arguments"], str)
    raw = case["arguments"] if custom else json.dumps(case["arguments"])
    verdict = drive(judge(policy, ToolCall("1", case["tool"], raw.encode(), custom=custom), Caller(**who)), answer)
    assert verdict.decision == case["decision"], verdict
    if "rule" in case:
        assert case["rule"] in [match.rule for match in verdict.rules if match.decision == verdict.decision]
    assert verdict.checkpoint == case.get("checkpoint", "rules")
