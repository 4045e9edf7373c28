"""Facts about a tool call, whatever the harness calls its tool. Commands are read by `policies.shell`; the paths,
hosts and effects of all other tools are read here. Symbolic links and the true working directory are not seen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from policies import jsonpath, patch, paths, toolmap, validate
from policies.facts import Command, Effect, Facts, Kind
from policies.globs import is_glob
from policies.toolmap import TOOLS, Spec
from policies.verdict import NeedParse, ToolCall
from policies.view import TEMP, Place

Steps = Generator[NeedParse, "bytes | None", Facts]
Understand = Callable[[str, Place], Steps]
"""Reads a command; the shell package behind one signature, so that it can be replaced in tests."""

INNER_DEPTH_MAX = 3
COMMANDS_MAX = 64
PERSISTENT = (
    "**/.git/hooks/**", "**/.git/config", "**/.gitmodules", "**/.github/workflows/**", "**/.github/actions/**",
    "**/.gitlab-ci.yml", "**/.circleci/**", "**/Jenkinsfile", "**/.husky/**", "**/.pre-commit-config.yaml", "**/.envrc",
    "**/.vscode/**", "**/.idea/**", "**/.devcontainer/**", "**/.mcp.json", "**/.claude/**", "**/.codex/**", "**/.cursor/**",
    "**/.gemini/**", "**/.qwen/**", "**/.opencode/**", "**/opencode.json", "**/.clinerules/**", "**/.roo/**",
    "**/.continue/**",
    "~/.*rc", "~/.profile", "~/.bash_*", "~/.zshenv", "~/.zprofile", "~/.config/**", "~/.ssh/**", "~/.local/bin/**",
    "~/.local/share/systemd/**", "~/Library/LaunchAgents/**", "/etc/**", "/var/spool/cron/**", "/usr/**", "/opt/**",
)  # fmt: skip
"""Files that are run or obeyed later, by people, machines or the agents themselves."""
_SHELLS = frozenset({"", "bash", "sh", "/bin/bash", "/bin/sh", "/usr/bin/bash", "/usr/bin/sh", "/usr/bin/env bash"})


@dataclass(frozen=True, slots=True)
class Reader:
    """What facts are read with: the tools a policy adds or changes, the place, and the reader of commands."""

    place: Place
    understand: Understand
    tools: Mapping[str, Spec]

    def spec(self, name: str) -> Spec | None:
        return self.tools.get(name) or TOOLS.get(name)


def facts(call: ToolCall, value: Any, reader: Reader, depth: int = 0) -> Steps:
    """Facts of one call whose arguments are `value`; the generator asks for a second parse where a command needs it."""
    name = toolmap.qualified(call.name, call.namespace)
    spec = reader.spec(name) or reader.spec(f"{call.namespace}__{call.name}")
    if spec is None:
        return _unmapped(name, value, reader)
    if isinstance(value, str):
        value = _wrapped(value, spec)
        if value is None:
            return Facts(spec.kind, name, invalid="text where arguments are expected")
    problem = _missing(spec, value)
    if problem:
        return Facts(spec.kind, name, invalid=problem)
    if spec.inner is not None:
        return (yield from _inner(call, spec, value, reader, depth))
    if spec.kind == "shell":
        return (yield from _shell(name, spec, value, reader))
    return _plain(name, spec, value, reader.place)


def _wrapped(text: str, spec: Spec) -> dict[str, Any] | None:
    """A custom tool's raw text under the name of the argument it stands for."""
    if spec.patch:
        return {spec.patch[0]: text}
    return {spec.commands[0]: text} if spec.commands else None


def _missing(spec: Spec, value: Any) -> str:
    given = {name for name, held in value.items() if held is not None}
    for group in spec.need:
        if given.isdisjoint(group):
            return f"no {' or '.join(group[:3])}"
    plain = _plain_names(spec.commands, spec.reads, spec.writes, spec.urls, spec.cwd)
    odd = {name for name in given if name in plain and not isinstance(value[name], (str, list))}
    return f"{next(name for name in plain if name in odd)} is not a text" if odd else ""


@functools.lru_cache(maxsize=1024)
def _plain_names(*lists: tuple[str, ...]) -> dict[str, None]:
    """Names of arguments that are no path into one, in their order."""
    return {name: None for names in lists for name in names if "[" not in name and "." not in name}


@functools.lru_cache(maxsize=4096)
def _named(names: tuple[str, ...]) -> dict[str, tuple[tuple[int, str, jsonpath.Steps], ...]]:
    """By the first name of each: (its place, as written, its steps)."""
    out: dict[str, tuple[tuple[int, str, jsonpath.Steps], ...]] = {}
    for place, name in enumerate(names):
        head = jsonpath.head(name)
        out[head] = (*out.get(head, ()), (place, name, jsonpath.compiled(name)))
    return out


def _texts(value: Any, names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(texts found, names of arguments that hold something else), in the order of the names."""
    found: list[str] = []
    odd: list[str] = []
    table = _named(names)
    for _, name, steps in sorted([entry for head in value if head in table for entry in table[head]]):
        for held in jsonpath.values(value, steps):
            if isinstance(held, str):
                found.append(held)
            elif isinstance(held, int | float | bool):
                odd.append(name)
    return (list(dict.fromkeys(found)) if len(found) > 1 else found), odd


def _shell(name: str, spec: Spec, value: Any, reader: Reader) -> Steps:
    commands = _commands(spec, value)
    unknown = [spec.unknown] if spec.unknown else []
    if len(commands) > COMMANDS_MAX:
        return Facts("shell", name, invalid=f"more than {COMMANDS_MAX} commands in one call")
    place, odd = _moved(reader.place, spec, value)
    unknown += odd + _extras(spec, value)
    parts: list[Facts] = []
    for text in commands:
        strange = validate.hidden(text)
        if strange:
            return Facts("shell", name, invalid=strange)
        if text.strip():
            parts.append((yield from reader.understand(text, place)))
    effects: tuple[Effect, ...] = spec.effects
    if _escalated(value):
        effects = (*effects, "privilege")
    if name in {"write_stdin", "send_stdin"} and any(text.strip() for text in commands):
        unknown.append("text typed into a running program")
    return _joined("shell", name, parts, effects, unknown)


def _commands(spec: Spec, value: Any) -> list[str]:
    """Every command of the call. An argv (`command: ["bash", "-lc", "…"]`) is one command, its words quoted."""
    out: list[str] = []
    for name in spec.commands:
        if jsonpath.head(name) not in value:
            continue
        held = jsonpath.values(value, jsonpath.compiled(name))
        if name == "command[*]":
            words = [word for word in held if isinstance(word, str)]
            out += [" ".join(quoted(word) for word in words)] if words and len(words) == len(held) else []
        else:
            out += [text for text in held if isinstance(text, str)]
    return list(dict.fromkeys(out))


def quoted(word: str) -> str:
    """A word as a POSIX shell reads it back."""
    plain = word and all(char.isalnum() or char in "_@%+=:,./-" for char in word) and word.isascii()
    return word if plain else "'" + word.replace("'", "'\"'\"'") + "'"


def _moved(place: Place, spec: Spec, value: Any) -> tuple[Place, list[str]]:
    """The place a call names as its working directory. It never changes what the workspace is."""
    found, odd = _texts(value, spec.cwd)
    reasons = [f"{name} is not a text" for name in odd]
    if not found:
        return place, reasons
    if len(found) > 1:
        return place, [*reasons, "two working directories"]
    path, reason = paths.normalised(found[0], place.cwd, place.home)
    if reason or not path.startswith("/"):
        return replace(place, cwd=None), [*reasons, reason] if reason else reasons
    return replace(place, cwd=path), reasons


def _extras(spec: Spec, value: Any) -> list[str]:
    """Arguments of a command that are not known may change what it does."""
    heads = {jsonpath.head(name) for name in (*spec.commands, *spec.cwd)}
    extra = [
        name for name in value if name not in heads and name not in spec.known and value[name] not in (None, "", False)
    ]
    reasons = [f"the argument {name[:40]}" for name in extra if not spec.unknown]
    shell = value.get("shell")
    if isinstance(shell, str) and shell not in _SHELLS:
        reasons.append(f"the shell {shell[:40]}")
    if value.get("env") not in (None, "", {}):
        reasons.append("variables set beside the command")
    return reasons


def _escalated(value: Any) -> bool:
    return value.get("sandbox_permissions") == "require_escalated" or any(
        value.get(name) is True for name in ("with_escalated_permissions", "dangerouslyDisableSandbox")
    )


def _joined(kind: Kind, name: str, parts: list[Facts], effects: Iterable[Effect], unknown: Iterable[str]) -> Facts:
    def union(key: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(value for part in parts for value in getattr(part, key)))

    commands: tuple[Command, ...] = tuple(command for part in parts for command in part.commands)
    return Facts(
        kind,
        name,
        commands=commands,
        reads=union("reads"),
        writes=union("writes"),
        hosts=union("hosts"),
        effects=tuple(dict.fromkeys((*effects, *union("effects")))),
        unknown=tuple(dict.fromkeys((*unknown, *union("unknown")))),
        invalid=next((part.invalid for part in parts if part.invalid), ""),
    )


def _plain(name: str, spec: Spec, value: Any, place: Place) -> Facts:
    kind, reasons = _kind(spec, value)
    reads, writes, effects = list[str](), list[str](), list[Effect](spec.effects)
    base, odd = _base(spec, value, place)
    for text in _texts(value, spec.reads)[0]:
        reads.append(_path(text, base if kind == "search" and is_glob(text) else place, reasons))
    for text in _texts(value, spec.writes)[0]:
        (reads if kind == "read" else writes).append(_path(text, place, reasons))
    if spec.patch:
        _patched(spec, value, place, writes, effects, reasons)
    if kind in {"list", "search"} and not reads:
        reads.append(place.cwd or ".")
    hosts = _hosts(value, spec, reasons)
    if kind == "edit":
        reads += writes
    reads, writes = list(dict.fromkeys(reads)), list(dict.fromkeys(writes))
    reasons += odd
    if kind in {"write", "edit", "delete"} and not writes:
        reasons.append("no path that can be read")
    effects += written(writes, place)
    return Facts(
        kind, name, "", (), tuple(reads), tuple(writes), hosts, tuple(dict.fromkeys(effects)), tuple(dict.fromkeys(reasons)),
        _hidden_path(reads + writes),
    )  # fmt: skip


def _kind(spec: Spec, value: Any) -> tuple[Kind, list[str]]:
    if not spec.action_arg:
        return spec.kind, []
    action = value.get(spec.action_arg)
    known = dict(spec.actions)
    if isinstance(action, str) and action in known:
        return known[action], []
    return spec.kind, [f"{spec.action_arg} {str(action)[:40]}"] if action is not None else []


def _base(spec: Spec, value: Any, place: Place) -> tuple[Place, list[str]]:
    """Where a search pattern is read from: the folder that is given beside it."""
    if spec.kind != "search":
        return place, []
    found = [text for text in _texts(value, toolmap.FOLDER)[0] if not is_glob(text)]
    if not found:
        return place, []
    path, _ = paths.normalised(found[0], place.cwd, place.home)
    return (replace(place, cwd=path) if path.startswith("/") else place), []


def _path(text: str, place: Place, reasons: list[str]) -> str:
    path, reason = paths.normalised(text, place.cwd, place.home)
    if reason:
        reasons.append(reason)
    return path


def _patched(
    spec: Spec, value: Any, place: Place, writes: list[str], effects: list[Effect], reasons: list[str]
) -> None:
    texts, _ = _texts(value, spec.patch)
    for text in texts:
        found = patch.touched(text)
        writes += [_path(path, place, reasons) for path in (*found.writes, *found.deletes)]
        if found.deletes:
            effects.append("destructive")
        if found.problem:
            reasons.append(found.problem)
    if not texts:
        reasons.append("a patch that is not a text")


def written(writes: Iterable[str], place: Place) -> list[Effect]:
    """Effects that follow from the places written to."""
    out: list[Effect] = []
    for path in writes:
        if not place.inside(path) and path not in place.paths(TEMP):
            out.append("write_outside")
        if path in place.paths(PERSISTENT) and not (
            path.startswith(("/usr/", "/opt/", "/etc/")) and place.inside(path)
        ):
            out.append("persistence")
    return out


def _hidden_path(found: list[str]) -> str:
    return next((reason for reason in map(validate.hidden, found) if reason), "")


def _hosts(value: Any, spec: Spec, reasons: list[str]) -> tuple[str, ...]:
    texts, _ = _texts(value, spec.urls)
    if spec.kind == "fetch" and not texts and isinstance(value.get("prompt"), str):
        texts = [word.strip("<>()[]\"'.,") for word in value["prompt"].split() if "://" in word]
        if not texts:
            reasons.append("an address that is not given")
    return tuple(dict.fromkeys(host for host in (_host(text, reasons) for text in texts) if host))


def _host(url: str, reasons: list[str]) -> str:
    """Host of an address, with its port when that is not the scheme's own; "" for a resource that is no host."""
    strange = validate.hidden(url)
    try:
        parts = urlsplit(url if "://" in url else "https://" + url)
        port = parts.port
    except ValueError:
        reasons.append("an address that cannot be read")
        return ""
    if strange or "\\" in url or parts.scheme not in {"http", "https", "ws", "wss", "ftp"} or not parts.hostname:
        reasons.append(strange or f"the address {url[:60]!r}")
        return ""
    host = parts.hostname.rstrip(".")
    return host if port is None or port == {"http": 80, "https": 443}.get(parts.scheme) else f"{host}:{port}"


def _inner(call: ToolCall, spec: Spec, value: Any, reader: Reader, depth: int) -> Steps:
    """A call inside a call is judged by its inner name and arguments."""
    name = toolmap.qualified(call.name, call.namespace)
    if depth >= INNER_DEPTH_MAX:
        return Facts("other", name, invalid="calls inside calls, too deep")
    if call.name == "batch":
        return (yield from _batch(name, call, value, reader, depth))
    assert spec.inner is not None
    inner, arguments = value.get(spec.inner[0]), value.get(spec.inner[1])
    arguments = {} if arguments is None else arguments
    if isinstance(arguments, str):
        parsed = validate.read(replace(call, arguments=arguments.encode("utf-8", "surrogatepass"), custom=False))
        if parsed.problem:
            return Facts("other", name, invalid=parsed.problem)
        arguments = parsed.value
    if not isinstance(inner, str) or not inner or not isinstance(arguments, dict):
        return Facts("other", name, invalid="an inner call without name or arguments")
    if call.name == "use_mcp_tool":
        return _mcp(str(value.get("server_name")), inner, arguments, reader.place, name)
    return (yield from facts(replace(call, name=inner, namespace=""), arguments, reader, depth + 1))


def _batch(name: str, call: ToolCall, value: Any, reader: Reader, depth: int) -> Steps:
    calls = value.get("tool_calls") or value.get("calls")
    if not isinstance(calls, list) or not 0 < len(calls) <= COMMANDS_MAX:
        return Facts("other", name, invalid=f"a batch must hold 1 to {COMMANDS_MAX} calls")
    parts: list[Facts] = []
    for entry in calls:
        inner = entry.get("tool") or entry.get("name") if isinstance(entry, dict) else None
        arguments = (entry.get("parameters") or entry.get("arguments") or {}) if isinstance(entry, dict) else None
        if not isinstance(inner, str) or not isinstance(arguments, dict):
            return Facts("other", name, invalid="a batch entry without tool or parameters")
        parts.append((yield from facts(replace(call, name=inner, namespace=""), arguments, reader, depth + 1)))
    kinds = {part.kind for part in parts}
    if len(kinds) == 1:
        return _joined(parts[0].kind, parts[0].tool if len({part.tool for part in parts}) == 1 else name, parts, (), ())
    return _joined("other", name, parts, (), ("a batch of different tools",))


def _unmapped(name: str, value: Any, reader: Reader) -> Facts:
    parts = toolmap.mcp_parts(name)
    if parts is None:
        return Facts("other", name, hosts=_loose_hosts(value), reads=_loose_paths(value, reader.place))
    return _mcp(parts[0], parts[1], value, reader.place, name)


def _mcp(server: str, tool: str, value: Any, place: Place, name: str) -> Facts:
    return Facts("mcp", tool, server, reads=_loose_paths(value, place), hosts=_loose_hosts(value), unknown=())


def _loose(value: Any) -> list[str]:
    """Texts at any depth of a foreign tool's arguments, a bounded number."""
    held = jsonpath.values(value, ("..", "*"))[:2_000] if isinstance(value, dict) else []
    return [text for text in held if isinstance(text, str)]


def _loose_paths(value: Any, place: Place) -> tuple[str, ...]:
    """Texts of a foreign tool that look like paths. They may be read or written: rules about either must see them."""
    heads = ("/", "~/", "./", "../", "file:/")
    found = [text for text in _loose(value) if len(text) < 1_000 and "\n" not in text and text.startswith(heads)]
    return tuple(dict.fromkeys(paths.normalised(text, place.cwd, place.home)[0] for text in found))


def _loose_hosts(value: Any) -> tuple[str, ...]:
    found = [text for text in _loose(value) if text[:8].lower().startswith(("http://", "https://"))]
    hosts = (_host(text.split()[0], []) for text in found)
    return tuple(dict.fromkeys(host for host in hosts if host))
