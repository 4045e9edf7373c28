"""What is wrong with a policy's hooks that no single key shows: keys that mean nothing at a point, names that stand twice,
tags that would choose a profile. Pure; `policies.load` gives each finding its place.
"""

from __future__ import annotations

from collections.abc import Iterator

from policies.globs import Words
from policies.model import Hook, PolicyFile
from policies.points import POINTS

Found = tuple[str, str, str]
"""(key, or "" for the hook itself; what is wrong; what would be right)."""


def problems(hook: Hook) -> Iterator[Found]:
    """Of one hook."""
    if sum(form is not None for form in (hook.command, hook.http, hook.model)) != 1:
        yield "", "a hook has exactly one of command, http and model", "give one of them"
    if hook.model is not None and not hook.criteria.strip():
        yield "", "a hook that asks a model has criteria", "add criteria"
    if hook.criteria and hook.model is None:
        yield "criteria", "criteria have no meaning without a model", "add model, or remove it"
    if hook.env and hook.command is None:
        yield "env", "only a command has an environment", "remove it"
    yield from _at_point(hook)


def _at_point(hook: Hook) -> Iterator[Found]:
    spec = POINTS[hook.on]
    if hook.tool is not None and not spec.tools:
        yield "tool", f"{hook.on} is not about a tool", "remove it"
    if hook.program is not None and not spec.facts:
        yield "program", f"no commands are known at {hook.on}", "remove it"
    if hook.may_rewrite and ("rewrite" not in spec.may or hook.model is not None):
        cure = "remove it" if "rewrite" not in spec.may else "use command or http"
        yield "may_rewrite", f"a {'model' if hook.model else hook.on} hook cannot rewrite", cure
    if (hook.lanes or hook.tags) and "route" not in spec.may:
        yield "lanes" if hook.lanes else "tags", f"no way is chosen at {hook.on}", "remove it, or use pre_route"
    if hook.on_error == "ask" and "ask" not in spec.may:
        yield "on_error", f"nobody can be asked at {hook.on}: no call is pending", "deny or allow"
    if hook.on_error == "deny" and not spec.decides:
        yield "on_error", f"nothing can be stopped at {hook.on}", "remove it"


def whole(file: PolicyFile) -> Iterator[tuple[str, str]]:
    """(what is wrong, what would be right) of all hooks together."""
    seen: set[str] = set()
    for number, hook in enumerate(file.hooks, 1):
        name = hook.id or f"hook-{number}"
        if name in seen:
            yield f"the hook {name} stands twice", "rename one"
        seen.add(name)
        for profile_name, profile in file.profiles.items():
            globs = profile.match.tag if profile.match is not None else None
            for tag in hook.tags:
                if globs is not None and tag in Words(globs):
                    message = (
                        f"the tag {tag} of hook {name} chooses the profile {profile_name}: a hook must not do that"
                    )
                    yield message, "use another tag"
