"""docs/reference/hooks.md from the table of points, the limits and the settings of hooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import get_args

from gateway.adapters import hook_desk, hook_model, judge
from gateway.adapters.hooks import ERROR_BYTES_MAX, KEPT_ENVIRONMENT
from gateway.pipeline import points as pipeline
from policies import engine, hooks, model, modelhook, points
from policies.model import Hook
from policies.points import COMMON, POINTS, Right
from scripts.pages.markdown import table
from scripts.pages.settings import default, spell

INTRO = """
# Hooks

Programs, addresses and models that are asked or told at named points: what each point tells, what it takes for an answer,
and every limit, from the code itself. How to write one is in [write a hook](../how-to/write-a-hook.md).

Nothing a hook says is wider than the rules: no answer lifts a deny or a floor, a rewrite is judged from the start, a lane
can only be narrowed. A request whose policy has no hooks pays a few comparisons.
"""
RIGHTS: dict[Right, str] = {
    "deny": "refuses the call (as the policy's refusals do), or the request with 403 in the client's dialect",
    "ask": "a person must look at the call",
    "allow": "lifts an ask that has no floor; at every other point that decides it means: go on",
    "rewrite": "replaces the call's arguments, with `may_rewrite`; the new call is judged from the start by the rules and "
    "by all other hooks, and what asked before with a floor still asks",
    "context": "adds text as the last thing the model reads from the user's side, in front of no cached byte",
    "route": "narrows the request to a lane (`local`, or one of the hook's `lanes`) and adds some of its `tags`",
}
FORMS = (
    ("`command`", "exit 0: go on, or as stdout says; exit 2: block, stderr is the reason; anything else: `on_error`"),
    ("`http`", "204 or an empty 200: go on; 200 with JSON: as it says; all else, redirects too: `on_error`"),
    ("`model`", "`{\"decision\", \"reason\"}` and nothing else; anything unclear: `on_error`"),
)  # fmt: skip


def page() -> str:
    assert set(RIGHTS) == set(get_args(Right))
    parts = [INTRO.strip(), "## Points", overview()]
    parts += ["## What an answer may do", table(["right", "meaning"], [[f"`{k}`", v] for k, v in RIGHTS.items()])]
    parts += ["## Forms", table(["form", "how it answers"], FORMS), "## Limits", table(["limit", "value"], limits())]
    rows = [
        [f"`{name}`", spell(field.annotation), default(field), field.description or ""]
        for name, field in Hook.model_fields.items()
    ]
    parts += ["## Settings of a hook", table(["key", "type", "default", "meaning"], rows)]
    parts += ["## What every payload has", _json({"properties": COMMON}), *schemas()]
    return "\n\n".join(parts)


def overview() -> str:
    rows = [
        [
            f"[`{point}`](#{point})",
            spec.about,
            ", ".join(f"`{right}`" for right in spec.may) or "watches",
            ("deny" if spec.decides else "allow"),
        ]
        for point, spec in POINTS.items()
    ]
    return table(["point", "when", "what it may do", "default `on_error`"], rows)


def limits() -> list[tuple[str, str]]:
    return [
        ("time for a command or an address, unless `timeout_ms` says otherwise", f"{hooks.TIMEOUT_MS / 1000:g} s"),
        ("time for a model, unless `timeout_ms` says otherwise", f"{hooks.MODEL_TIMEOUT_MS / 1000:g} s"),
        ("output, unless `output_bytes` says otherwise", f"{Hook.model_fields['output_bytes'].default} bytes"),
        ("stderr that is read", f"{ERROR_BYTES_MAX} bytes"),
        ("runs of one hook at a time, unless `concurrency` says otherwise", str(Hook.model_fields["concurrency"].default)),
        ("reason, context of one answer", f"{points.REASON_CHARS_MAX}, {points.CONTEXT_CHARS_MAX} characters"),
        ("context of all hooks in one request", f"{pipeline.ADDED_CHARS_MAX} characters, then the request is refused"),
        ("`prompt`, `result` in a payload", f"{pipeline.PROMPT_CHARS_MAX}, {pipeline.RESULT_CHARS_MAX} characters, the end"),
        ("tool results of one request that hooks look at", f"{pipeline.RESULTS_MAX}, then the request is refused"),
        ("payload that a model judges", f"{modelhook.MATERIAL_BYTES_MAX} bytes"),
        ("tokens of a model's answer, thoughts included", str(modelhook.ANSWER_TOKENS_MAX)),
        ("reply of a model's server", f"{hook_model.REPLY_BYTES_MAX} bytes"),
        ("rewrites of one call", str(engine.REWRITES_MAX)),
        ("verdict on one call without people", f"{judge.VERDICT_S:g} s and twice the time of its hooks, then `on_timeout`"),
        ("watching hooks under way or waiting", f"{hook_desk.QUEUE_MAX}, then they are dropped and counted"),
        ("watching hooks at a time", str(hook_desk.AT_A_TIME)),
        ("environment of a command", ", ".join(f"`{name}`" for name in KEPT_ENVIRONMENT) + " and its `env`"),
    ]  # fmt: skip


def schemas() -> Iterator[str]:
    assert set(POINTS) == set(get_args(model.Point))
    for point, spec in POINTS.items():
        yield f"## {point}"
        yield spec.about
        yield "What a hook gets beside what every payload has:"
        yield _json({"properties": spec.own, "required": list(spec.own)})
        answer = points.answer_schema(point)
        if answer is None:
            yield "What it prints is not read; it runs behind the client's back."
        else:
            yield "What it may answer; nothing at all means: go on."
            yield _json(answer)


def _json(value: object) -> str:
    return "```json\n" + json.dumps(value, indent=2, ensure_ascii=False) + "\n```"
