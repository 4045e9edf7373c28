"""No tracked file names the host of a package registry or a path of the machine it was written on.

A lock with an index address installs from one company's mirror only; a machine's path works nowhere else. Both creep in
through copied command output, so the tree is searched.
"""

from __future__ import annotations

import re

from scripts.checks import tree

# Written in pieces, so that this file does not find itself.
HOSTS = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
    "proxy.go" + "lang.org",
    "static.crates" + ".io",
    "index.crates" + ".io",
    "conda.ana" + "conda.org",
    "deb.deb" + "ian.org",
    "archive.ubu" + "ntu.com",
)
PATHS = ("/work/(?:main|wt|shared|" + r"\.library)", "/root/" + r"\.", "/tmp/" + "v/", "/opt/(?:wheels|" + "pypi)")
# Commands of others on which policies are measured: what they name is the attack, not our machine.
EXEMPT = ("tests/data/policies/",)
PATTERN = re.compile("|".join([*map(re.escape, HOSTS), *PATHS]).encode())


def problems() -> list[str]:
    found = []
    for path in tree.files():
        if str(path).startswith(EXEMPT):
            continue
        for number, line in enumerate((tree.ROOT / path).read_bytes().split(b"\n"), 1):
            if match := PATTERN.search(line):
                found.append(f"{path}:{number}: names {match.group().decode()!r}")
    return found
