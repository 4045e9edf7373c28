"""A command that was read, as a fact for the rules: what follows from its paths is added here (it writes outside the
workspace, runs later, reads the place it runs in).
"""

from __future__ import annotations

from policies.facts import Command
from policies.shell.model import Invocation
from policies.shell.paths import inside, shown
from policies.shell.places import is_device, runs_later
from policies.shell.state import NOWHERE, Place

_ANYWHERE = frozenset(
    {"cd", "pushd", "popd", "pwd", "echo", "printf", "true", "false", ":", "test", "[", "exit", "sleep"}
)
"""Programs to which the working directory means nothing."""


def command_of(call: Invocation, place: Place, dirs: tuple[str, ...]) -> Command:
    """`dirs`: the directories it may run in."""
    effects = list(call.effects)
    roots = place.roots
    outside = [path for path in call.writes if not (path.startswith("/dev/") or inside(shown(path), roots))]
    if outside and "write_outside" not in effects:
        effects.append("write_outside")
    written = [shown(path) for path in call.writes]
    if "persistence" not in effects and any(map(runs_later, written)):
        effects.append("persistence")
    if "destructive" not in effects and any(map(is_device, written)):
        effects.append("destructive")
    if call.hosts and "network" not in effects:
        effects.append("network")
    if _elsewhere(call, place, dirs):
        call.read(*(cwd for cwd in dirs if not inside(shown(cwd), place.roots) and cwd != NOWHERE))
    return Command(
        program=call.program,
        argv=tuple(None if item.value is None else shown(item.value) for item in call.argv),
        subcommand=call.subcommand.partition(" ")[0],
        flags=tuple(call.flags),
        operands=(
            *call.subcommand.split(" ")[1:],
            *(shown(item.value) for item in call.operands if item.value is not None),
        ),
        reads=tuple(map(shown, call.reads)),
        writes=tuple(map(shown, call.writes)),
        hosts=tuple(call.hosts),
        effects=tuple(effects),
        assigns=tuple((name, None if value is None else shown(value)) for name, value in call.assigns),
        wrappers=call.wrappers,
        source=call.source,
        unknown=tuple(call.unknown),
        known=call.known,
    )


def _elsewhere(call: Invocation, place: Place, dirs: tuple[str, ...]) -> bool:
    """Whether it runs outside the workspace, where the settings of git or npm are those of somebody else."""
    if dirs == (place.cwd,) or call.program in _ANYWHERE:
        return False
    return any(not inside(shown(cwd), place.roots) for cwd in dirs)
