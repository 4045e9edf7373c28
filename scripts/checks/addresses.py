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
PATTERN = re.compile("|".join([*map(re.escape, HOSTS), *PATHS]).encode())

MATERIAL = "tests/data/"
"""Collections of other people's commands: a home directory in them is theirs. Hosts are looked for there too."""
IN_MATERIAL = re.compile("|".join(map(re.escape, HOSTS)).encode())


def problems() -> list[str]:
    found = []
    for path in tree.files():
        pattern = IN_MATERIAL if str(path).startswith(MATERIAL) else PATTERN
        for number, line in enumerate((tree.ROOT / path).read_bytes().split(b"\n"), 1):
            if match := pattern.search(line):
                found.append(f"{path}:{number}: names {match.group().decode()!r}")
    return found
