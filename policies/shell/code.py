"""A conservative look at code of other languages: the commands it starts with constant text, files and hosts it names, and
whether it removes trees. Code is never taken as read: whoever calls this adds a doubt of its own."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

CODE_MAX = 20_000
"""Characters looked at."""
SHELLS_MAX = 8
_STRING = r"""(?:[rRbBuUf]{0,2})(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|`((?:\\.|[^`\\])*)`)"""
_RUNS = re.compile(
    r"(?:\bos\.(?:system|popen)|\b(?:subprocess\.)?(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)|\bexec(?:Sync|FileSync|File)?"
    r"|\bspawn(?:Sync)?|\bsystem|\bpopen|\bshell_exec|\bpassthru|\bproc_open|\bqx|\bos\.execute|\bio\.popen|\bIO\.popen"
    r"|\bdo shell script"
    r"|\bKernel\.\w+|\bOpen3\.\w+|\bstartfile|\bexecl?p?e?|\bexecvp?e?|\bshelljs\.exec|\$)\s*\(?\s*\[?\s*" + _STRING
)
_LIST = re.compile(r"\[\s*((?:" + _STRING + r"\s*,?\s*)+)\]")
_BACKTICK = re.compile(r"`([^`]+)`|%x[({\[]([^)}\]]+)[)}\]]|\bqx[({/|]([^)}/|]+)[)}/|]")
_DESTROYS = re.compile(
    r"\brmtree\b|\brm_rf?\b|\brmSync\b|\brmdirSync\b|\bremove_entry_secure\b|\bfs(?:\.promises)?\.rm\b|\brimraf\b|\bremoveSync\b|\bemptyDirSync\b"
    r"|\bshutil\.move\b.*?/dev/null|\bremovedirs\b|\bdeltree\b|\bFileUtils\.rm|\bdelTree\b|\bremove_dir_all\b|\bDROP\s+(?:TABLE|DATABASE|SCHEMA)\b"
    r"|\bTRUNCATE\s+TABLE\b|\bDELETE\s+FROM\b|\brm\s+-\w*[rf]|\bunlinkSync\b|\bos\.(?:remove|unlink|rmdir)\b|\bunlink\b|\bFile\.delete\b|\.unlink\("
    r"|\bkillpg\b|\bos\.kill\b|\bgit\s+reset\s+--hard|\bgit\s+clean\s+-\w*f|\bgit\s+push\s+[^'\"]*(?:--force\b|-f\b)",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?:https?|ftp|wss?|tcp|ssh)://(?:[^\s/'\"@]*@)?([\w.-]+(?::\d+)?)")
_NETWORK = re.compile(
    r"\b(?:socket\.|requests\.|urllib|httpx|aiohttp|http\.client|fetch\(|net\.connect|https?\.(?:get|request)|LWP|Net::HTTP|fsockopen|curl_exec|open-uri|IO::Socket|TCPSocket)"
)
_WRITES = re.compile(
    r"\bopen\(\s*" + _STRING + r"\s*,\s*['\"][wax+]|\b(?:writeFile|appendFile)(?:Sync)?\(\s*" + _STRING
)


@dataclass(slots=True)
class Found:
    shells: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    destructive: bool = False
    network: bool = False


def scan(language: str, text: str) -> Found:
    """What stands in the code in so many words. Nothing found means nothing."""
    text = text[:CODE_MAX]
    found = Found()
    found.shells = _shells(language, text)[:SHELLS_MAX]
    found.destructive = _DESTROYS.search(text) is not None
    found.hosts = list(dict.fromkeys(match[1].lower() for match in _HOST.finditer(text)))
    found.network = bool(found.hosts) or _NETWORK.search(text) is not None
    found.writes = [_first(match.groups()) for match in _WRITES.finditer(text)]
    found.reads = list(dict.fromkeys(value for value in _strings(text) if value and len(value) < 300))[:50]
    return found


def _shells(language: str, text: str) -> list[str]:
    out: list[str] = []
    for match in _RUNS.finditer(text):
        groups = match.groups()
        value = _first(groups)
        listed = _LIST.match(text, text.find("[", match.start(), match.end())) if "[" in match[0] else None
        if listed is not None:
            words = [_first(item.groups()) for item in re.finditer(_STRING, listed[1])]
            value = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        elif re.match(r"\s*,\s*\[", text[match.end() :]):
            tail = _LIST.match(text, text.index("[", match.end()))
            if tail is not None:
                words = [value, *(_first(item.groups()) for item in re.finditer(_STRING, tail[1]))]
                value = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        if value:
            out.append(value)
    if language in {"perl", "ruby", "php"}:
        out.extend(next(group for group in match.groups() if group) for match in _BACKTICK.finditer(text))
    return out


def _first(groups: tuple[str | None, ...]) -> str:
    raw = next((group for group in groups if group is not None), "")
    if "\\" not in raw:
        return raw
    try:
        value = ast.literal_eval('"' + raw.replace('"', '\\"').replace('\\\\"', '\\"') + '"')
    except (ValueError, SyntaxError):
        return raw
    return value if isinstance(value, str) else raw


def _strings(text: str) -> list[str]:
    return [_first(match.groups()) for match in re.finditer(_STRING, text)]
