"""From an ask and a call to numbers, all in [0, 1] or small counts, each with the direction in which it may move a score.

The directions are constraints of the trees: more agreement never lowers a score, a further danger never raises it. So no
combination that training did not see can turn a danger into a reason to approve.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final, TypeVar

from classifiers.features.approve.asked import Asked, stem, tidy
from classifiers.features.approve.calls import EFFECTS, REMOVERS, Call, Part, Past, Spot, folder, marks_of
from classifiers.features.approve.intents import BARRING, GUARDED, JUSTIFIES, intents_of

T = TypeVar("T")
VERSION: Final = "1"
BUCKETS: Final = 4096
"""Hashed pairs of a word of the ask and a mark of the call."""
MARKS_MAX: Final = 6
KINDS: Final = (
    "shell",
    "write",
    "edit",
    "delete",
    "read",
    "search",
    "list",
    "fetch",
    "web_search",
    "mcp",
    "agent",
    "other",
)

UP, DOWN, FREE = 1, -1, 0
FEATURES: Final[tuple[tuple[str, int], ...]] = (
    ("asks", FREE),  # how many asks there are, up to 5
    ("ask_length", FREE),  # log of the latest ask's characters
    ("intent_latest", UP),  # share of the call's effects that the latest ask has an intent for
    ("intent_any", UP),  # and any ask
    ("intent_missing", DOWN),  # effects that no ask has an intent for
    ("announced", UP),  # share of what the call's own words announce that an ask has an intent for
    ("unannounced", DOWN),  # and what none has
    ("program_latest", UP),  # share of programs that the latest ask names
    ("program_any", UP),
    ("subcommand_any", UP),
    ("operand_any", UP),  # share of operands that are no path, whose words the asks name
    ("operand_missing", DOWN),
    ("write_named", UP),  # share of paths written that the asks name, whole or by a folder above them
    ("write_named_least", UP),
    ("write_in", UP),  # share of paths written in the workspace or a temporary folder
    ("write_out", DOWN),
    ("read_named", UP),
    ("read_out", DOWN),
    ("host_named", UP),  # share of hosts that the asks name
    ("host_local", UP),
    ("host_strange", DOWN),  # hosts neither named, nor local, nor used before
    ("used", UP),  # share of programs or tools that rules let this session use
    ("used_hosts", UP),
    ("used_folders", UP),
    ("granted", UP),  # and that a person approved in this session
    ("granted_hosts", UP),
    ("granted_folders", UP),
    ("past", FREE),  # log of calls that were allowed
    ("refused", DOWN),
    ("commands", DOWN),
    ("unknown_programs", DOWN),
    ("nested", DOWN),
    ("force", DOWN),  # flags that override a check
    ("uploads", DOWN),  # flags that send data
    ("sensitive", DOWN),  # paths that hold secrets, start things or configure them
    ("broad", DOWN),  # paths with globs, or near a root
    ("tainted", DOWN),
    ("reading", UP),  # share of commands or tools whose verb says that they only look
    ("removed", DOWN),  # paths removed or moved away that no ask names
    ("scripts", DOWN),  # script files handed to an interpreter that no ask names
    ("production", DOWN),  # words for what is live, where no ask has them
    ("server_named", UP),  # the asks name the MCP server
    ("tool_named", UP),  # share of the words of a tool's name that the asks have
    *((f"effect_{name}", FREE) for name in EFFECTS),
    *((f"kind_{name}", FREE) for name in KINDS),
)
NAMES: Final = tuple(name for name, _ in FEATURES)
DIRECTIONS: Final = tuple(way for _, way in FEATURES)

_FORCE_WORDS: Final = """
--force -f --hard --no-verify -y --yes --force-yes --allow-unauthenticated --force-with-lease --mirror --prune
--all --purge --auto-approve -auto-approve --privileged -k --insecure --no-check-certificate
--break-system-packages --no-preserve-root -rf -fr -D --delete
"""
FORCE: Final = frozenset(_FORCE_WORDS.split())
_UPLOADS_WORDS: Final = """
-d --data --data-binary --data-raw --data-urlencode -F --form -T --upload-file --post-data --post-file
--body-file --body-data
"""
UPLOADS: Final = frozenset(_UPLOADS_WORDS.split())
_LOOKS_WORDS: Final = """
describe get logs list ls show status validate lint diff view search version ps inspect top info plan check read
query find describe-table explain lookup events tree cat head tail wc du df jq lsof tables navigate screenshot
ping dig uptime
"""
LOOKS: Final = frozenset(_LOOKS_WORDS.split())
_INTERPRETERS_WORDS: Final = """
python python3 bash sh zsh node ruby perl php deno bun tsx ts-node source .
"""
INTERPRETERS: Final = frozenset(_INTERPRETERS_WORDS.split())
_SCRIPT: Final = re.compile(r"\.(?:py|sh|bash|js|mjs|ts|rb|pl|php|ps1)$")
_SENSITIVE: Final = re.compile(
    r"(?:^|/)\.(?:ssh|aws|gnupg|kube|netrc|npmrc|pypirc|git-credentials|docker|env(?:\.\w+)?)(?:/|$)|(?:^|/)\.(?:bash|zsh)\w*|(?:^|/)"
    r"\.profile$|/etc/|(?:^|/)\.git/(?:hooks|config)|(?:^|/)\.github/|crontab|/cron|systemd|sudoers|id_(?:rsa|ed25519)|credential"
    r"|secret|token|password|\.pem$|\.key$|\.gitlab-ci|(?:^|/)\.(?:claude|codex|vscode|cursor)(?:/|$)|CODEOWNERS|authorized_keys|LaunchAgents",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"[a-z]+|[A-Z][a-z]*|\d+")
_LOCAL: Final = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|0\.0\.0\.0|host\.docker\.internal|.*\.(?:local|test|localhost)"
)
_ADDRESS: Final = re.compile(r"(?:https?|git|ssh|wss?)://(?:[^\s/@]*@)?([\w.-]+)", re.IGNORECASE)
_PIECES: Final = re.compile(r"[a-z]+")
_LIVE_WORDS: Final = """
prod production live main master release stable all everyone public
"""
_LIVE: Final = frozenset(_LIVE_WORDS.split())
_CHANGES: Final = frozenset(
    {"write", "run", "delete", "install", "revert", "data", "commit", "deploy", "schedule", "outside", "fetch"}
)
"""Intents of which one must be there for a change of files to be asked for."""
_SYNONYMS: Final = {
    "python3": "python",
    "pip3": "pip",
    "nodejs": "node",
    "docker-compose": "docker",
    "pytest": "test",
    "vitest": "test",
    "jest": "test",
    "gh": "github",
    "glab": "gitlab",
    "kubectl": "kubernetes",
    "psql": "postgres",
    "npx": "npm",
    "pnpm": "npm",
    "yarn": "npm",
    "uv": "pip",
    "tsc": "typescript",
    "cargo": "rust",
    "go": "golang",
    "rm": "delete",
    "mv": "rename",
    "cp": "copy",
    "mkdir": "create",
}


def vector(asked: Asked, past: Past, call: Call) -> tuple[float, ...]:
    """In the order of FEATURES; about 60 µs."""
    return (
        min(asked.asks, 5) / 5,
        _log(asked.chars),
        *_intents(asked, call),
        *_announced(asked, call),
        *_programs(asked, call),
        *_operands(asked, call),
        *_written(asked, call),
        *_read(asked, call),
        *_hosts(asked, past, call),
        *_before(past, call),
        *_dangers(call),
        _reading(call),
        *_unnamed(asked, call),
        _production(asked, call),
        *_tool(asked, call),
        *(float(name in call.effects and not (name == "network" and _only_local(call))) for name in EFFECTS),
        *(float(call.kind == name) for name in KINDS),
    )


def barred(asked: Asked, call: Call) -> str:
    """What the human said not to do and the call does; "" for nothing. No score counts against it."""
    does = {*call.effects}
    if call.writes or call.kind in ("write", "edit", "delete"):
        does.add("write")
    if any(part.program == "git" and part.subcommand == "commit" for part in call.parts):
        does.add("commit")
    for what in sorted(does):
        if asked.barred & BARRING.get(what, frozenset()):
            return what.replace("_", " ")
    for spot in call.writes:
        if _named(spot.path, asked.barred_names):
            return f"changing {spot.path}"
    return ""


def crosses(asked: Asked, call: Call) -> tuple[int, ...]:
    """Hashed pairs of what was said and what is called; at least one."""
    marks = [zlib.crc32(mark.encode("utf-8", "replace")) for mark in _marks(call)]
    said = asked.crossed or (0,)
    return tuple({(word ^ mark * 0x9E3779B1) % BUCKETS for word in said for mark in marks})


def _marks(call: Call) -> Sequence[str]:
    found = [f"e:{effect}" for effect in call.effects]
    found += [f"p:{key}" for key in call.keys]
    return found[:MARKS_MAX] or [f"k:{call.kind}"]


# --- groups of features ----------------------------------------------------------------------------------------------


def _intents(asked: Asked, call: Call) -> Iterable[float]:
    local = _only_local(call)
    wanted = [
        JUSTIFIES[effect] for effect in call.effects if effect in JUSTIFIES and not (local and effect == "network")
    ]
    if call.kind == "delete" or any(spot.where != "temp" for spot in call.writes):
        wanted.append(_CHANGES)
    if not wanted:
        yield from (1.0, 1.0, 0.0)
        return
    found = [bool(asked.intents & each) for each in wanted]
    yield sum(bool(asked.latest_intents & each) for each in wanted) / len(wanted)
    yield sum(found) / len(found)
    yield float(len(found) - sum(found))


def _announced(asked: Asked, call: Call) -> Iterable[float]:
    """What the call says of itself, by the words of programs, flags and tools."""
    said = [
        f"{part.program} {part.subcommand} {' '.join(part.flags)} {' '.join(_loose(call, part))}" for part in call.parts
    ]
    if not call.parts and call.kind in ("mcp", "other"):
        said.append(" ".join(_WORDS.findall(call.tool)))
    found = intents_of(" ".join(said)) & GUARDED
    yield len(found & asked.intents) / len(found) if found else 1.0
    yield float(len(found - asked.intents))


def _loose(call: Call, part: Part) -> list[str]:
    """Operands that are neither path nor address nor text."""
    paths = {spot.path for spot in (*call.reads, *call.writes)}
    ends = {path.rpartition("/")[2] for path in paths}
    return [
        word
        for word in part.operands
        if word not in paths and word.rpartition("/")[2] not in ends and "://" not in word and " " not in word
    ]


def _programs(asked: Asked, call: Call) -> Iterable[float]:
    programs = [part.program.lower() for part in call.parts if part.program]
    yield _share(programs, lambda name: _said(name, asked.latest_names))
    yield _share(programs, lambda name: _said(name, asked.names))
    yield _share([p.subcommand.lower() for p in call.parts if p.subcommand], lambda name: stem(name) in asked.words)


def _said(program: str, names: frozenset[str]) -> bool:
    return program in names or _SYNONYMS.get(program, program) in names


def _operands(asked: Asked, call: Call) -> Iterable[float]:
    loose = [word for part in call.parts for word in _loose(call, part)][:40]
    named = [_operand_named(asked, operand) for operand in loose]
    yield sum(named) / len(named) if named else 0.5
    yield float(min(len(named) - sum(named), 5))


def _operand_named(asked: Asked, operand: str) -> bool:
    low = tidy(operand.lower())
    if low in asked.names or low in asked.paths:
        return True
    bare = re.split(r"[=<>~^!@]{1,2}", low.lstrip("@"), maxsplit=1)[0]
    return bool(bare) and (bare in asked.names or (stem(bare) in asked.words and bare.isalpha()))


def _written(asked: Asked, call: Call) -> Iterable[float]:
    named = [_named(spot.path, asked.paths | asked.names) for spot in call.writes]
    yield sum(named) / len(named) if named else 0.5
    yield float(all(named)) if named else 0.5
    yield _share(call.writes, lambda spot: spot.where in ("in", "temp")) if call.writes else 0.5
    yield float(min(5, sum(spot.where in ("home", "out") for spot in call.writes)))


def _read(asked: Asked, call: Call) -> Iterable[float]:
    yield _share(call.reads, lambda spot: _named(spot.path, asked.paths | asked.names)) if call.reads else 0.5
    yield float(min(5, sum(spot.where in ("home", "out") for spot in call.reads)))


def _named(path: str, names: frozenset[str]) -> bool:
    """Whether a name the human used is this path, its last part, or a folder above it."""
    pieces = [piece for piece in tidy(path).lower().split("/") if piece not in ("", ".", "~", "*", "**")]
    if not pieces:
        return False
    last = pieces[-1]
    if last in names or (len(last) > 3 and last.partition(".")[0] in names):
        return True
    said = {name.lower().strip("/") for name in names if "/" in name}
    joined = "/" + "/".join(pieces) + "/"
    return any(f"/{name.removeprefix('~/')}/" in joined for name in said) or any(
        piece in names for piece in pieces[-3:-1]
    )


def _hosts(asked: Asked, past: Past, call: Call) -> Iterable[float]:
    hosts = _all_hosts(call)
    if not hosts:
        yield from (0.5, 0.5, 0.0)
        return
    named = [_host_named(host, asked.hosts) for host in hosts]
    local = [_local(host) for host in hosts]
    yield sum(named) / len(named)
    yield sum(local) / len(local)
    known = [f"h:{host}" in past.used or f"h:{host}" in past.granted for host in hosts]
    yield float(sum(not any(each) for each in zip(named, local, known, strict=True)))


def _all_hosts(call: Call) -> tuple[str, ...]:
    """Those of the facts, and of addresses among the operands of programs whose tables know none."""
    found = dict.fromkeys(call.hosts)
    for part in call.parts:
        found.update(dict.fromkeys(match[1].lower() for word in part.operands for match in _ADDRESS.finditer(word)))
    return tuple(found)


def _host_named(host: str, hosts: frozenset[str]) -> bool:
    bare = host.lower().rpartition("@")[2].split(":")[0]
    return any(bare == said or bare.endswith("." + said) for said in hosts)


def _only_local(call: Call) -> bool:
    return bool(call.hosts) and all(map(_local, call.hosts))


def _local(host: str) -> bool:
    return _LOCAL.fullmatch(host.lower().rpartition("@")[2].rpartition("//")[2].split(":")[0] or "x") is not None


def _before(past: Past, call: Call) -> Iterable[float]:
    marks = list(marks_of(call))
    for known in (past.used, past.granted):
        for kinds in (("p:",), ("h:",), ("d:", "r:")):
            mine = [mark for mark in marks if mark.startswith(kinds)]
            yield _share(mine, known.__contains__)
    yield _log(past.calls)
    yield float(min(past.refused, 5))


def _dangers(call: Call) -> Iterable[float]:
    flags = [flag for part in call.parts for flag in part.flags]
    paths = [spot.path for spot in (*call.writes, *call.reads)]
    yield float(min(len(call.parts), 8))
    yield float(min(sum(not part.known for part in call.parts), 5))
    yield float(min(sum(part.nested for part in call.parts), 5))
    yield float(min(sum(flag in FORCE for flag in flags), 4))
    yield float(min(sum(flag in UPLOADS for flag in flags), 4))
    yield float(min(sum(_SENSITIVE.search(path) is not None for path in paths), 4))
    yield float(min(sum(_broad(spot) for spot in call.writes), 4))
    yield float(call.tainted)


def _broad(spot: Spot) -> bool:
    return (
        "*" in spot.path
        or (spot.path.rstrip("/").count("/") <= 1 and spot.where in ("home", "out"))
        or folder(spot.path) == ""
    )


def _reading(call: Call) -> float:
    if call.parts:
        return _share(
            call.parts, lambda part: part.subcommand in LOOKS or (not part.subcommand and part.program in LOOKS)
        )
    if call.kind in ("mcp", "other"):
        return float(next(iter(_WORDS.findall(call.tool.rpartition("__")[2])), "").lower() in LOOKS)
    return float(call.kind in ("read", "search", "list"))


def _unnamed(asked: Asked, call: Call) -> Iterable[float]:
    said = asked.paths | asked.names
    gone = [word for part in call.parts if part.key in REMOVERS for word in part.operands]
    gone += [spot.path for spot in call.writes] if call.kind == "delete" else []
    yield float(min(5, sum(not _named(path, said) for path in gone)))
    scripts = [next(iter(part.operands), "") for part in call.parts if part.program in INTERPRETERS]
    scripts += [part.program for part in call.parts if _SCRIPT.search(part.program) is not None]
    yield float(min(5, sum(_SCRIPT.search(path) is not None and not _named(path, said) for path in scripts)))


def _production(asked: Asked, call: Call) -> float:
    words = (
        word
        for part in call.parts
        for operand in (*part.operands, *part.flags)
        for word in _PIECES.findall(operand.lower())
    )
    pieces = (word for host in call.hosts for word in _PIECES.findall(host.lower()))
    return float(min(3, len({word for word in (*words, *pieces) if word in _LIVE and word not in asked.names})))


def _tool(asked: Asked, call: Call) -> Iterable[float]:
    if call.kind not in ("mcp", "other", "agent"):
        yield from (0.5, 0.5)
        return
    yield float(bool(asked.names.intersection(word.lower() for word in _WORDS.findall(call.server))))
    words = [stem(word.lower()) for word in _WORDS.findall(call.tool.rpartition("__")[2]) if len(word) > 2]
    yield _share(words, asked.words.__contains__)


def _share(values: Sequence[T], test: Callable[[T], object]) -> float:
    return sum(map(bool, map(test, values))) / len(values) if values else 0.0


def _log(count: int) -> float:
    return min(1.0, math.log1p(count) / 8)


@cache
def schema_hash() -> str:
    """64 hex digits: names, order and versions of what the model is fed."""
    said = f"approve={VERSION};buckets={BUCKETS};{','.join(NAMES)}"
    return hashlib.sha256(said.encode()).hexdigest()
