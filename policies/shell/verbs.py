"""Words that say that something is destroyed, for command lines too large for tables, and for programs nobody has
described."""

from __future__ import annotations

import re

from policies.shell.model import Invocation
from policies.shell.words import Field

_VERBS = frozenset(
    [
        "delete",
        "destroy",
        "purge",
        "drop",
        "remove",
        "rm",
        "wipe",
        "erase",
        "truncate",
        "prune",
        "terminate",
        "revoke",
        "unregister",
        "deregister",
        "del",
        "rmdir",
        "nuke",
        "zap",
        "rmi",
        "dropdb",
        "flushall",
        "flushdb",
        "reset-all",
        "expunge",
        "shred",
        "forget",
        "unsubscribe",
        "clear_permissions",
        "delete-job",
        "delete-node",
        "remove-secret",
        "rb",
        "dropuser",
        "obliterate",
        "disable-and-delete",
        "uninstall-all",
        "cleanup-all",
    ]
)
_FORM = re.compile(
    r"(?:delete|destroy|purge|remove|drop|wipe|erase|terminate|revoke|unsubscribe|deregister|truncate|clear)[-_]\w.*"
    r"|[\w-]+[-_:.](?:delete|destroy|purge|remove|drop|wipe|prune)(?:[-_][\w-]+)?|do(?:Delete|Destroy|Wipe)\w*"
)
_FLAG = re.compile(
    r"-(?:delete|destroy|purge)"
    r"|--(?:delete|destroy|purge|remove|drop|wipe|erase|force-delete|prune|delete-\w+|remove-\w+|purge-\w+)"
)
_WORDS = 4
"""Verbs stand at the front: later words are names."""


def verbs(call: Invocation, fields: list[Field]) -> None:
    seen = 0
    for item in fields:
        word = item.value
        if word is None:
            continue
        if word.startswith("-"):
            if _FLAG.fullmatch(word.partition("=")[0]) and not word.endswith("=false"):
                call.effect("destructive")
            continue
        seen += 1
        if seen <= _WORDS and (word in _VERBS or _FORM.fullmatch(word)):
            call.effect("destructive")
