"""From the `policies:` of a configuration to one compiled policy: reads the files, compiles, tells every problem.

Names of bundled policies stand for themselves; anything else is a file, relative to the configuration that names it.
Compiling takes about 0.1 s, so the last few results are kept: a start builds its runtime twice, a reload often changes
something else.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from gateway.config.load import Loaded
from gateway.errors import ConfigError
from policies import bundled, load
from policies.compiled import Guard, Policy
from policies.errors import PolicyError, listed, nearest
from policies.model import Hook

FILE_BYTES_MAX: Final = 1 << 20
"""A policy of a thousand rules is 200 KB."""


def paths(loaded: Loaded) -> tuple[Path, ...]:
    """The files that `policies:` names, for whoever watches them."""
    return tuple(_path(loaded, name) for name in loaded.settings.policies if name not in bundled.NAMES)


def compiled(loaded: Loaded, guard: Guard) -> Policy | None:
    """The policy of a configuration, None where judging is switched off. ConfigError with every problem: file, line, path,
    value and cure."""
    if not loaded.settings.policies:
        return None
    sources: list[load.Source] = []
    problems: list[str] = []
    for index, name in enumerate(loaded.settings.policies):
        try:
            sources.append((name, bundled.text(name)) if name in bundled.NAMES else _read(_path(loaded, name)))
        except OSError as error:
            problems.append(_unread(loaded, index, name, error.strerror or type(error).__name__))
        except ValueError as error:
            problems.append(_unread(loaded, index, name, str(error)))
    if problems:
        raise _error(problems)
    policy = _compiled(tuple(sources), guard)
    unknown = [hook for hook in policy.hooks if hook.model is not None and hook.model not in loaded.settings.models]
    if unknown:
        raise _error([_no_model(loaded, hook) for hook in unknown])
    return policy


def _no_model(loaded: Loaded, hook: Hook) -> str:
    models = loaded.settings.models
    cure = f"configured: {listed(models)}{nearest(hook.model, models)}" if models else "no model is configured"
    return f"{loaded.source}: policies: the hook {hook.id} asks the model {hook.model}, which is not configured; {cure}"


def _path(loaded: Loaded, name: str) -> Path:
    return Path(loaded.source).parent / Path(name).expanduser()


def _read(path: Path) -> load.Source:
    """ValueError for what is no policy text."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"is larger than {FILE_BYTES_MAX} bytes")
    try:
        return str(path), data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def _unread(loaded: Loaded, index: int, name: str, why: str) -> str:
    place = loaded.places.get(("policies", index)) or loaded.places.get(("policies",))
    where = f"{loaded.source}:{place.line}" if place is not None else loaded.source
    cure = f"bundled: {listed(bundled.NAMES)}{nearest(name, bundled.NAMES)}"
    return f"{where}: policies[{index}]: {_path(loaded, name)}: {why}; give the path of a policy file, or {cure}"


def _error(problems: list[str]) -> ConfigError:
    many = f"{len(problems)} problems in the policies" if len(problems) > 1 else problems[0]
    return ConfigError(many, problems=tuple(problems), where="policies")


@functools.lru_cache(maxsize=4)
def _compiled(sources: tuple[load.Source, ...], guard: Guard) -> Policy:
    try:
        # Examples (`match:`) that need the second parser are left to `interlock policy test`: a start runs no program.
        return load.load(sources, guard=guard)
    except PolicyError as error:
        raise _error([problem.sentence() for problem in error.problems]) from None
