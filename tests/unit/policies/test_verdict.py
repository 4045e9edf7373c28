"""Verdicts carry what decided them; a call says what it does not know."""

from policies.verdict import Caller, Matched, ToolCall, Verdict


def test_a_call_without_a_tool_list_is_not_a_call_of_an_unknown_tool() -> None:
    assert ToolCall("c1", "Bash", b"{}").known is None


def test_a_verdict_names_its_rules_strongest_first() -> None:
    rules = (Matched("no-secrets", "deny"), Matched("read", "allow"))
    assert Verdict("deny", "rules", "secret files", rules).rules[0].decision == "deny"


def test_a_caller_is_untainted_until_told() -> None:
    assert not Caller().taint
