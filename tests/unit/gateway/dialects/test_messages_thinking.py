import msgspec
import pytest

from gateway.dialects._messages_thinking import Thinking, cut_budget, effort_when_disabled, fitted, plan, wanted_budget
from gateway.ir.profile import Profile
from gateway.ir.request import ReasoningOptions

BUDGETS = Profile(thinking_modes=("enabled", "disabled"))
ADAPTIVE = Profile(thinking_modes=("adaptive", "disabled"), output_config=True, verifies_signatures=True)
ALWAYS = Profile(thinking_modes=("adaptive",), output_config=True)
NONE = Profile(thinking_modes=())


def field(result):
    return None if result.field is None else msgspec.json.decode(result.field)


@pytest.mark.parametrize(("effort", "budget"), [("minimal", 1024), ("low", 4096), ("medium", 10240), ("high", 32000)])
def test_effort_becomes_the_documented_budget(effort, budget):
    made = plan(ReasoningOptions(effort=effort), BUDGETS, 100_000, forced=False)
    assert field(made) == {"type": "enabled", "budget_tokens": budget}
    assert made.losses == ()


def test_effort_stays_effort_where_it_is_understood():
    made = plan(ReasoningOptions(effort="minimal"), ADAPTIVE, 1000, forced=False)
    assert (field(made), made.effort) == ({"type": "adaptive"}, "low")


def test_a_budget_never_reaches_max_tokens():
    made = plan(ReasoningOptions("enabled", budget_tokens=32000), BUDGETS, 32000, forced=False)
    assert field(made) == {"type": "enabled", "budget_tokens": 25600}
    assert cut_budget(5000, 1200) is None
    small = plan(ReasoningOptions(effort="high"), BUDGETS, 1000, forced=False)
    assert field(small) is None
    assert small.losses


def test_a_forced_tool_excludes_thinking_and_says_so():
    made = plan(ReasoningOptions(effort="high"), BUDGETS, 50_000, forced=True)
    assert made.field is None
    assert made.losses


@pytest.mark.parametrize("options", [ReasoningOptions("disabled"), ReasoningOptions(effort="none")])
def test_off_is_said_where_there_is_a_word_for_it(options):
    assert field(plan(options, BUDGETS, 5000, forced=False)) == {"type": "disabled"}
    assert plan(options, NONE, 5000, forced=False) == plan(None, NONE, 5000, forced=False)
    always = plan(options, ALWAYS, 5000, forced=False)
    assert (always.field, always.effort) == (None, "low")
    assert always.losses


def test_a_budget_becomes_the_nearest_effort_for_adaptive_models():
    made = plan(ReasoningOptions("enabled", budget_tokens=12000), ADAPTIVE, 64000, forced=False)
    assert (field(made), made.effort, made.losses) == ({"type": "adaptive"}, "medium", ())


def test_an_effort_of_this_dialect_alone_asks_for_no_thinking():
    made = plan(ReasoningOptions(effort="max"), ADAPTIVE, 5000, forced=False, own=True)
    assert (made.field, made.effort, made.losses) == (None, "max", ())
    assert plan(ReasoningOptions(effort="max"), BUDGETS, 5000, forced=False, own=True).losses


def test_no_wish_is_no_field():
    assert plan(ReasoningOptions(summary="auto"), BUDGETS, 5000, forced=False).field is None
    assert wanted_budget(None) == 0
    assert wanted_budget(ReasoningOptions(effort="low")) == 4096


@pytest.mark.case("3B.42")
def test_effort_beside_disabled_thinking():
    """Thinking switched off never travels with an effort that the vendor refuses beside it.
    claude-code-hub#1257, claude-code#65863: 400 on thinking disabled + output_config.effort."""
    assert effort_when_disabled("max", ADAPTIVE) == "high"
    assert effort_when_disabled("low", ADAPTIVE) == "low"
    assert effort_when_disabled("low", BUDGETS) is None


@pytest.mark.parametrize(
    ("now", "profile", "max_tokens", "wanted"),
    [
        (Thinking("enabled", 5000), NONE, 9000, None),
        (Thinking("enabled", 5000), BUDGETS, 9000, True),
        (Thinking("enabled", 5000, "summarized"), ADAPTIVE, 9000, b'{"type":"adaptive","display":"summarized"}'),
        (Thinking("adaptive"), BUDGETS, 9000, b'{"type":"enabled","budget_tokens":7200}'),
        (Thinking("adaptive"), BUDGETS, 500, None),
        (Thinking("between_tools"), ADAPTIVE, 9000, b'{"type":"adaptive"}'),
        (Thinking("disabled"), ALWAYS, 9000, None),
        (Thinking("enabled", 32000), BUDGETS, 32000, b'{"type":"enabled","budget_tokens":25600}'),
        (Thinking("someday"), BUDGETS, 9000, True),
    ],
)
def test_a_clients_own_thinking_is_fitted_to_the_profile(now, profile, max_tokens, wanted):
    assert fitted(now, profile, max_tokens, clamped=False) == wanted


def test_anthropic_may_think_beyond_max_tokens():
    anthropic = Profile(thinking_modes=("enabled", "disabled"), verifies_signatures=True)
    assert fitted(Thinking("enabled", 32000), anthropic, 32000, clamped=False) is True
    assert (
        fitted(Thinking("enabled", 32000), anthropic, 8000, clamped=True) == b'{"type":"enabled","budget_tokens":6400}'
    )
