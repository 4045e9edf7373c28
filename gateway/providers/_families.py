"""Model families that several providers serve, as data: how they differ, with the source.

Patterns are matched against lower-case ids with dots as dashes. The base of a table is the newest behaviour, and older
families are named: an id that nobody knows yet is far more likely to be newer than older.
"""

from __future__ import annotations

from gateway.providers.contract import Family

CLAUDE = (
    # Extended thinking by budget, sampling parameters and prefill: everything before 4.6. Effort and output_config came
    # with Opus 4.5 (platform.claude.com, models/migration-guide).
    *(
        Family(
            pattern,
            {"sampling": True, "prefill": True, "thinking_modes": ("enabled", "disabled"), "output_config": False},
        )
        for pattern in ("*claude-2*", "*claude-3*", "*claude-*-4", "*claude-*-4-[0125]*", "*claude-*-4-20*")
    ),
    Family("*claude-opus-4-5*", {"output_config": True}),
    # 4.6: prefill answers 400, adaptive thinking beside the deprecated budget (same guide; litellm map).
    Family(
        "*claude-*-4-6*",
        {
            "sampling": True,
            "prefill": False,
            "thinking_modes": ("adaptive", "enabled", "disabled"),
            "output_config": True,
        },
    ),
    # role "system" in mid-conversation: Opus 4.8 and later Opus (protocols.md section 1.3).
    Family("*claude-opus-4-8*", {"mid_system": True}),
    Family("*claude-opus-5*", {"mid_system": True}),
    # Always think and refuse forced tool use (protocols.md section 1.3, litellm map).
    Family("*claude-opus-5-5*", {"forced_tool_choice": False, "thinking_modes": ("adaptive",)}),
    Family("*claude-sonnet-5-5*", {"forced_tool_choice": False, "thinking_modes": ("adaptive",)}),
    # "Adaptive (always on)" in the model comparison of platform.claude.com; forcing a tool is refused while thinking.
    Family("*claude-fable-*", {"forced_tool_choice": False, "thinking_modes": ("adaptive",)}),
    Family("*claude-mythos-*", {"forced_tool_choice": False, "thinking_modes": ("adaptive",)}),
)
"""Over a base without sampling and prefill: sampling parameters answer 400 from Opus 4.7 and Sonnet 5 on ("temperature is
deprecated for this model", UKGovernmentBEIS/inspect_ai#3721), thinking.type "enabled" too (anomalyco/opencode#22863)."""

OPENAI_OLDER: dict[str, object] = {
    "sampling": True,
    "penalties": True,
    "logprobs": True,
    "seed": True,
    "stop_max": 4,
    "custom_tools": False,
    "encrypted_reasoning": False,
    "effort_field": "none",
}
OPENAI = (
    # Models that do not reason: all tuning knobs, no effort, no sealed reasoning (platform.openai.com, guides/reasoning).
    *(Family(p, OPENAI_OLDER) for p in ("*gpt-3-5*", "*gpt-4*", "*chatgpt-4*", "*gpt-5-chat*", "*gpt-5-[123]-chat*")),
    # The first reasoning models took neither custom tools nor developer messages before o1 (guides/reasoning).
    *(Family(p, {"custom_tools": False}) for p in ("o1*", "o3*", "o4*", "*/o1*", "*/o3*", "*/o4*")),
    # Open weights served by others: chat template without a developer role of its own field, plain max_tokens.
    Family(
        "*gpt-oss*",
        {"custom_tools": False, "sampling": True, "max_tokens_field": "max_tokens", "encrypted_reasoning": False},
    ),
)
"""Over a base that reasons: `max_tokens` is refused in favour of `max_completion_tokens`, and temperature, penalties,
logprobs and stop are refused (platform.openai.com, guides/reasoning and the reference of `stop`)."""
