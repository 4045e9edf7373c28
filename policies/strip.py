"""Which tools a caller's profile takes out of a request, by name alone. Pure.

What is taken out depends on who calls, never on what was said, so it is the same in every turn of a session and the tools
of a provider's cached prefix do not move. The engine denies these tools as well: a model that calls one from memory is
refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from policies import hooks
from policies.compiled import CompiledRule, Policy, Resolved, subagent
from policies.globs import Words
from policies.toolmap import TOOLS, qualified
from policies.verdict import Caller
from policies.view import Place, View

Stripped = Callable[[str, str], bool]
"""(name, namespace) of a tool -> whether it is taken out."""


def stripped(policy: Policy, caller: Caller) -> Stripped | None:
    """None where nothing is. Of a sub-agent also what the agent above it may not have."""
    own = policy.profile(caller)
    above = policy.profile(_above(caller)) if subagent(caller) else own
    tests = [test for profile in dict.fromkeys((own, above)) if (test := _test(policy, profile)) is not None]
    if not tests:
        return None
    return lambda name, namespace: any(test(name, namespace) for test in tests)


def _above(caller: Caller) -> Caller:
    return Caller(caller.key_id, caller.harness, caller.session, caller.tags)


@functools.lru_cache(maxsize=16)
def _test(policy: Policy, profile: Resolved) -> Stripped | None:
    words = Words(profile.strip)
    rules = tuple(_plain_denials(profile)) if profile.strip_denied else ()
    if not profile.strip and not rules:
        return None

    @functools.lru_cache(maxsize=4096)
    def test(name: str, namespace: str) -> bool:
        full = qualified(name, namespace)
        if full in words:
            return True
        view = _view(policy, full)
        return view is not None and any(rule.test(view) for rule in rules)

    return test


def _plain_denials(profile: Resolved) -> list[CompiledRule]:
    """Rules that deny a tool whatever it is called with."""
    return [
        rule
        for layer in profile.layers
        for rule in layer.index.rules
        if rule.decision == "deny"
        and rule.when is None
        and rule.source is not None
        and rule.source.deny is not None
        and rule.source.deny.model_fields_set <= {"tool", "mcp"}
        and rule.source.deny.model_fields_set
    ]


def _view(policy: Policy, name: str) -> View | None:
    """What rules see of a tool of this name; None for one whose kind depends on its arguments."""
    spec = policy.tools.get(name) or TOOLS.get(name)
    if spec is not None and (spec.actions or spec.inner is not None or spec.patch):
        return None
    return View(hooks.named(name, policy.tools), Place(), {}, tool=name)
