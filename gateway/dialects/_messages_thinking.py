"""How much to think, in Messages words: which `thinking` and `output_config.effort` a profile can be sent.

Used twice: `plan` says it for a request that comes from another dialect, `fitted` corrects a same-dialect one. Sources:
anthropic 2.11 `ThinkingConfig*Param`, `OutputConfigParam`; for the pair "thinking disabled" + effort claude-code#65863 and
#87126, deepseek-ai/awesome-deepseek-agent#193.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from gateway.ir.profile import Profile
from gateway.ir.request import ReasoningOptions

MIN_BUDGET_TOKENS: Final = 1024
"""Anthropic's and vLLM's lower bound of `budget_tokens`."""

BUDGET_TOKENS: Final = {"minimal": 1024, "low": 4096, "medium": 10240, "high": 32000, "xhigh": 48000, "max": 64000}
"""Effort to budget where a vendor knows budgets only. low/medium/high are Claude Code's own steps "think", "think hard" and
"ultrathink" (4,000 / 10,000 / 31,999), rounded to what vendors accept."""

_EFFORTS: Final = {"minimal": "low"}
_OUTPUT_WORDS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_SHARE: Final = (4, 5)
"""Part of max_tokens that a budget may take when it has to be cut: the rest is for the answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`field` is the raw value of `thinking`, None to leave it out; `effort` that of `output_config.effort`."""

    field: bytes | None = None
    effort: str | None = None
    on: bool = False
    losses: tuple[str, ...] = ()

    @property
    def by_budget(self) -> bool:
        return self.field is not None and b'"enabled"' in self.field


def paused(plan: Plan, profile: Profile) -> Plan:
    """No thinking in a tool loop that did not begin with thinking: with `enabled` the API answers 400 "Expected `thinking`
    or `redacted_thinking`, but found `tool_use`" (adaptive thinking has no such rule; platform.claude.com,
    extended-thinking, "toggling in mid-turn")."""
    loss = "reasoning: this tool loop began without thinking"
    off = _disabled(plan.effort, profile)
    return Plan(off.field, off.effort, losses=(*plan.losses, loss))


class Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


def cut_budget(budget: int, max_tokens: int) -> int | None:
    """The budget, below `max_tokens` as the API demands; None if no legal budget is left."""
    if budget >= max_tokens:
        budget = max_tokens * _SHARE[0] // _SHARE[1]
    return budget if MIN_BUDGET_TOKENS <= budget < max_tokens else None


def wanted_budget(options: ReasoningOptions | None) -> int:
    """Tokens of thinking that the client's wish amounts to, to make room in a default `max_tokens`; 0 for none."""
    if (
        options is None
        or options.mode == "disabled"
        or (options.effort in (None, "none") and not options.budget_tokens)
    ):
        return 0
    return options.budget_tokens or BUDGET_TOKENS.get(options.effort or "medium", BUDGET_TOKENS["medium"])


def effort_when_disabled(effort: str | None, profile: Profile) -> str | None:
    """The effort that may stand beside `thinking: disabled`.

    Anthropic's own models (which also know `adaptive`) take low to high and answer 400 for more ("Use effort 'high' or
    below"), so more becomes high. Others (DeepSeek: "cannot be disabled when reasoning_effort is set") refuse any effort.
    """
    if effort is None or "adaptive" not in profile.thinking_modes:
        return None
    return "high" if effort in ("xhigh", "max") else effort


def plan(options: ReasoningOptions | None, profile: Profile, max_tokens: int, forced: bool, own: bool = False) -> Plan:
    """`forced`: a tool is forced, which excludes thinking (protocols.md 1.5), so thinking is left out and reported. `own`:
    the request came in this dialect, where an effort alone does not ask for thinking."""
    if options is None:
        return Plan()
    if own and options.mode is None:
        return Plan(None, options.effort) if profile.output_config else Plan(losses=("output_config.effort",))
    mode = options.mode or ("disabled" if options.effort == "none" else "adaptive" if wanted_budget(options) else None)
    effort = _EFFORTS.get(options.effort or "", options.effort)
    effort = effort if effort in _OUTPUT_WORDS else None
    if mode is None:
        return Plan()
    if mode == "disabled":
        return _disabled(effort, profile)
    if forced and profile.thinking_modes:
        return Plan(losses=("reasoning: a forced tool excludes thinking",))
    return _enabled(options, mode, effort, profile, max_tokens)


def _disabled(effort: str | None, profile: Profile) -> Plan:
    modes = profile.thinking_modes
    if "disabled" in modes:
        kept = effort_when_disabled(effort, profile) if profile.output_config else None
        return Plan(b'{"type":"disabled"}', kept)
    if not modes:
        return Plan()
    # A model that always thinks: the nearest wish it can follow is to think little.
    return Plan(None, "low" if profile.output_config else None, on=True, losses=("reasoning: cannot be switched off",))


def _enabled(options: ReasoningOptions, mode: str, effort: str | None, profile: Profile, max_tokens: int) -> Plan:
    modes = profile.thinking_modes
    other = "enabled" if mode == "adaptive" else "adaptive"
    use = mode if mode in modes else other if other in modes else None
    sent_effort = effort if profile.output_config else None
    field: dict[str, object] = {"type": use}
    if use is None:
        return Plan(None, sent_effort, losses=() if sent_effort else ("reasoning",))
    if use == "enabled":
        wish = options.budget_tokens or BUDGET_TOKENS.get(options.effort or "medium", BUDGET_TOKENS["medium"])
        budget = cut_budget(wish, max_tokens)
        if budget is None:
            return Plan(None, sent_effort, losses=("reasoning: max_tokens leaves no room for thinking",))
        field["budget_tokens"] = budget
    if options.display:
        field["display"] = options.display
    lost = use == "adaptive" and sent_effort is None and (effort is not None or options.budget_tokens is not None)
    if lost and profile.output_config and options.budget_tokens:
        sent_effort, lost = _nearest_effort(options.budget_tokens), False
    return Plan(msgspec.json.encode(field), sent_effort, True, ("reasoning.effort",) if lost else ())


def _nearest_effort(budget: int) -> str:
    fitting = [name for name, tokens in BUDGET_TOKENS.items() if name in _OUTPUT_WORDS and tokens <= max(budget, 4096)]
    return fitting[-1]


def fitted(now: Thinking, profile: Profile, max_tokens: int | None, clamped: bool) -> bytes | bool | None:
    """Correct a client's own `thinking` for a profile: True to leave it, None to remove it, or its new raw value.

    A type that is in no list of ours is a newer one: it is left to the vendor to judge.
    """
    modes = profile.thinking_modes
    if not modes:
        return None
    if now.type not in ("enabled", "disabled", "adaptive", "between_tools"):
        return True
    if now.type in modes:
        return _fitted_budget(now, profile, max_tokens, clamped) if now.type == "enabled" else True
    if now.type == "disabled":
        return None
    if now.type == "enabled" or "enabled" not in modes:
        return _raw("adaptive", None, now.display) if "adaptive" in modes else None
    budget = cut_budget(BUDGET_TOKENS["medium"], max_tokens) if max_tokens else BUDGET_TOKENS["medium"]
    return _raw("enabled", budget, None) if budget else None


def _fitted_budget(now: Thinking, profile: Profile, max_tokens: int | None, clamped: bool) -> bytes | bool | None:
    """Only Anthropic lets a budget exceed max_tokens (interleaved thinking); qwen-code sends 32000/32000 to everybody."""
    budget = now.budget_tokens
    if budget is None or max_tokens is None or budget < max_tokens or (profile.verifies_signatures and not clamped):
        return True
    cut = cut_budget(budget, max_tokens)
    return _raw("enabled", cut, now.display) if cut else None


def _raw(mode: str, budget: int | None, display: str | None) -> bytes:
    field: dict[str, object] = {"type": mode}
    if budget:
        field["budget_tokens"] = budget
    if display:
        field["display"] = display
    return msgspec.json.encode(field)
