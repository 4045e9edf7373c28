"""Paths as they are meant: from the working directory, without `.`, `..`, doubled or trailing slashes. By words only: what
is a link on the client's disk is not seen here, and the documentation says so.
"""

from __future__ import annotations

from policies.shell.state import HOME, NOWHERE

_ALIASES = ("/proc/self/root", "/proc/1/root", "/proc/thread-self/root", "/proc/self/cwd/")
"""Other names of the root directory. The root of process 1 is the same one wherever an agent runs unconfined."""


def resolve(path: str, cwd: str) -> str | None:
    """`path` seen from `cwd`; None when it is relative and the directory is not known. Results: `/abs`, `~…` as `\\0…`,
    `./rel` or `../rel` when the directory itself is relative to an unknown start. `cwd` is a result of this function."""
    if path.startswith("/"):
        return _absolute(path)
    if path.startswith(HOME):
        head, slash, rest = path[1:].partition("/")
        return HOME + head + _below(rest, home=True) if slash else path
    if cwd == NOWHERE:
        return None
    if not path:
        return cwd
    if cwd.startswith("/"):
        return _absolute(cwd + "/" + path)
    if cwd.startswith(HOME):
        return resolve(cwd + "/" + path, "/")
    return _relative(cwd + "/" + path)


def shown(path: str) -> str:
    """As facts write it."""
    return "~" + path[1:] if path.startswith(HOME) else path


def _absolute(path: str) -> str:
    for _ in range(4):
        parts = _folded(path.split("/"))
        path = "/" + "/".join(part for part in parts if part != "..")
        alias = next((alias for alias in _ALIASES if path == alias or path.startswith(alias + "/")), "")
        if not alias:
            return path
        path = path[len(alias) :] or "/"
    return path


def _below(rest: str, home: bool) -> str:
    parts = _folded(rest.split("/"))
    if parts[:1] == [".."]:
        # Above the home directory: where that is, is not known. Kept as written, which no allow rule takes for inside.
        return "/" + "/".join(parts)
    return "/" + "/".join(parts) if parts else ""


def _relative(path: str) -> str:
    parts = _folded(path.split("/"))
    if parts[:1] == [".."]:
        return "/".join(parts)
    return "./" + "/".join(parts) if parts else "."


def _folded(parts: list[str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        if part == "..":
            if out and out[-1] != "..":
                out.pop()
            else:
                out.append(part)
        elif part not in {"", "."}:
            out.append(part)
    return out


def inside(path: str, roots: tuple[str, ...]) -> bool:
    """Whether a result of `resolve` lies in one of the roots (absolute, or `~/…`). A relative one does, when it does not
    climb: the client starts in its workspace."""
    if path == "." or path.startswith("./"):
        return True
    for root in roots:
        head = root.rstrip("/")
        if path == head or path.startswith(head + "/") or (head == "" and path.startswith("/")):
            return True
    return False
