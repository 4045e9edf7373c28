"""Where an agent says it works: the working directory in the environment block that harnesses put into the system text or
the first messages. Pure. A hint, told by the client and never proven; what it may widen is the policy engine's matter.

Only the system text and the first words of the human's side are read: later messages carry what tools brought, and a web
page must not be able to move the workspace. Forms seen (clients.md 3): `Working directory: …` (Claude Code, OpenCode,
Continue), `<cwd>…</cwd>` (Codex), `# Current Working Directory (…)` (Cline, Roo), `working in the directory: …`
(qwen-code, Gemini CLI).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from gateway.dialects.contract import View
from gateway.reading import role_of

SYSTEM_BYTES_MAX: Final = 256 * 1024
MESSAGES_MAX: Final = 4
"""Messages at the beginning that may hold an environment block; Codex puts it into the second."""
MESSAGE_BYTES_MAX: Final = 64 * 1024
PATH_MAX: Final = 1024

_FORMS: Final = re.compile(
    rb"(?:[Ww]orking [Dd]irectory(?: is)?: ?|[Cc]urrent [Ww]orking [Dd]irectory \(|<cwd>"
    rb"|working in the directory: ?|[Cc]urrent directory: ?)"
    rb'[`\']?(/(?:[^"\\<>\n`\'()]|\\\\|\\u[0-9a-fA-F]{4}){0,1024})'
)
_HOME: Final = re.compile(r"(/(?:home|Users)/[^/]+|/root)(?:/|\Z)")
_text = msgspec.json.Decoder(str)


class Whereabouts(NamedTuple):
    """`home` follows from where home directories usually are."""

    cwd: str | None = None
    home: str | None = None


def whereabouts(view: View) -> Whereabouts:
    """What the environment block says; nothing where there is none."""
    parts = [bytes(memoryview(view.system)[:SYSTEM_BYTES_MAX])] if view.system is not None else []
    for raw in view.messages[:MESSAGES_MAX]:
        if (role := role_of(raw)) in ("system", "user"):
            parts.append(bytes(memoryview(raw)[: SYSTEM_BYTES_MAX if role == "system" else MESSAGE_BYTES_MAX]))
        elif role != "other":
            break
    for part in parts:
        found = _FORMS.search(part)
        if found is not None and (cwd := _path(found[1])) is not None:
            home = _HOME.match(cwd)
            return Whereabouts(cwd, home[1] if home else None)
    return Whereabouts()


def _path(raw: bytes) -> str | None:
    """The path as it is meant; None for one that cannot be read as text or holds what a path of a prompt does not."""
    try:
        text = _text.decode(b'"' + raw.strip() + b'"')
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    text = text.strip().rstrip(".,;")
    return text if 0 < len(text) <= PATH_MAX and text.isprintable() else None
