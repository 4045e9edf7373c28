"""find, sed and awk: readers whose little languages can write and run. POSIX and GNU manuals (findutils 4.10, sed 4.9,
gawk 5.3)."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program
from policies.shell.words import Field

# --- find ---------------------------------------------------------------------------------------------------------------

_ONE = frozenset(
    [
        "-amin",
        "-anewer",
        "-atime",
        "-cmin",
        "-cnewer",
        "-context",
        "-ctime",
        "-fstype",
        "-gid",
        "-group",
        "-ilname",
        "-iname",
        "-inum",
        "-ipath",
        "-iregex",
        "-iwholename",
        "-links",
        "-lname",
        "-maxdepth",
        "-mindepth",
        "-mmin",
        "-mtime",
        "-name",
        "-newer",
        "-path",
        "-perm",
        "-printf",
        "-regex",
        "-regextype",
        "-samefile",
        "-size",
        "-type",
        "-uid",
        "-used",
        "-user",
        "-wholename",
        "-xtype",
        "-since",
        "-flags",
        "-files0-from",
    ]
)
_NONE = frozenset(
    [
        "-a",
        "-and",
        "-daystart",
        "-depth",
        "-d",
        "-empty",
        "-executable",
        "-false",
        "-follow",
        "-help",
        "-ignore_readdir_race",
        "-ls",
        "-mount",
        "-nogroup",
        "-noleaf",
        "-noignore_readdir_race",
        "-not",
        "-nouser",
        "-nowarn",
        "-o",
        "-or",
        "-print",
        "-print0",
        "-prune",
        "-quit",
        "-readable",
        "-true",
        "-version",
        "-warn",
        "-writable",
        "-xdev",
        "!",
        "(",
        ")",
        ",",
        "-L",
        "-H",
        "-P",
        "-E",
        "-X",
        "-x",
        "-s",
        "-f",
        "--version",
        "-noerror",
    ]
)
_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def _find(call: Invocation) -> None:
    fields = call.operands
    starts, index = _starts(fields)
    names: list[str] = []
    runs: list[tuple[str, list[Field]]] = []
    deletes = False
    while index < len(fields):
        word = fields[index].value
        index += 1
        if word is None:
            call.doubt(fields[index - 1].why)
        elif word in _RUNS:
            end = index
            while (
                end < len(fields)
                and fields[end].value != ";"
                and not (fields[end].value == "+" and fields[end - 1].value == "{}")
            ):
                end += 1
            runs.append((word, fields[index:end]))
            index = end + 1
        elif word == "-delete":
            deletes = True
        elif word in {"-fprint", "-fprint0", "-fls", "-fprintf"}:
            call.write(*fields[index : index + 1])
            index += 2 if word == "-fprintf" else 1
        elif word in _ONE or word.startswith("-newer"):
            if word in {"-name", "-iname"} and index < len(fields) and fields[index].value:
                names.append(fields[index].value or "")
            elif word == "-files0-from":
                call.read(*fields[index : index + 1])
            index += 1
        elif word in _NONE or re.fullmatch(r"-(?:O\d|D)", word):
            call.flags.append(word) if word.startswith("-") else None
        else:
            call.doubt(f"find's {word} is not known")
    call.operands = starts
    _found(call, starts, names, runs, deletes)


def _starts(fields: list[Field]) -> tuple[list[Field], int]:
    index = 0
    while index < len(fields) and (fields[index].value or "") in {"-L", "-H", "-P", "-E", "-X", "-d", "-s", "-x"}:
        index += 1
    first = index
    while index < len(fields):
        value = fields[index].value
        if value is not None and (value.startswith("-") or value in {"(", "!", ")"}):
            break
        index += 1
    return fields[first:index], index


def _found(
    call: Invocation, starts: list[Field], names: list[str], runs: list[tuple[str, list[Field]]], deletes: bool
) -> None:
    starts = starts or [Field(".")]
    call.read(*starts)
    tails = names or [""]
    matches = [
        Field(None, why=start.why)
        if start.value is None
        else Field((start.value.rstrip("/") or "/") + (f"/**/{tail}" if tail else "/**"), True)
        for start in starts
        for tail in tails
    ]
    if deletes:
        call.flags.append("-delete")
        call.effect("destructive")
        call.write(*matches)
    for flag, words in runs:
        call.flags.append(flag)
        call.effect("exec_data")
        argv = [match for word in words for match in _match(word, matches)]
        call.run.words(call, argv, "find", wrapper="find")
    if runs and not deletes and not call.writes:
        call.effects = [effect for effect in call.effects if effect != "exec_data"]  # what it runs is listed


def _match(word: Field, matches: list[Field]) -> list[Field]:
    if word.value is None or "{}" not in word.value:
        return [word]
    if word.value == "{}":
        return matches
    return [Field(word.value.replace("{}", "$_"), rough=word.value.replace("{}", "$_"))]


# --- sed ----------------------------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"\s*(?:\d+(?:~\d+)?|\$|/(?:\\.|\[[^\]]*\]|[^/\\])*/[IM]*|\\(.)(?:\\.|(?!\1).)*\1[IM]*)?\s*")


def _sed(call: Invocation) -> None:
    given = [*call.values.get("-e", []), *call.values.get("--expression", [])]
    files = list(call.operands)
    if call.has("-f", "--file"):
        call.doubt("the sed script is in a file")
    elif not given and files:
        given = [files.pop(0)]
    for item in given:
        if item.value is None:
            _rough_sed(call, item)
        else:
            _sed_script(call, item.value)
    call.quiet = all(item.value is not None for item in files)
    call.read(*files)
    if call.has("-i", "-I", "--in-place"):
        call.write(*files)


def _rough_sed(call: Invocation, item: Field) -> None:
    call.effect("exec_data")
    call.doubt(item.why or "the sed script is not known")


def _sed_script(call: Invocation, text: str) -> None:
    """Follow the script's commands; what does not look like sed is doubt."""
    index = 0
    steps = 0
    while index < len(text) and steps < 500:
        steps += 1
        while index < len(text) and text[index] in " \t\n;{}":
            index += 1
        if index >= len(text):
            return
        index = _skip_address(text, index)
        if index >= len(text):
            return
        index = _sed_command(call, text, index)
    if steps >= 500:
        call.doubt("a long sed script")


def _skip_address(text: str, index: int) -> int:
    found = _ADDRESS.match(text, index)
    index = found.end() if found else index
    if index < len(text) and text[index] == ",":
        again = re.compile(r",\s*[+~]?").match(text, index)
        index = again.end() if again else index + 1
        found = _ADDRESS.match(text, index)
        index = found.end() if found else index
    while index < len(text) and text[index] in "! \t":
        index += 1
    return index


def _sed_command(call: Invocation, text: str, index: int) -> int:
    letter = text[index]
    line_end = text.find("\n", index)
    line_end = len(text) if line_end < 0 else line_end
    if letter in "{};":
        return index + 1
    if letter in "sy" and index + 1 < len(text):
        return _substitute(call, text, index)
    if letter in "aic#:":
        return line_end
    if letter in "rRwW":
        name = text[index + 1 : line_end].strip()
        (call.read if letter in "rR" else call.write)(name) if name not in {
            "/dev/stdout",
            "/dev/stderr",
            "/dev/stdin",
        } else None
        return line_end
    if letter == "e":
        call.effect("exec_data")
        call.run.text(call, text[index + 1 : line_end].strip() or None, "sed")
        return line_end
    if letter in "btTqQlLv":
        end = index + 1
        while end < len(text) and text[end] not in ";\n}":
            end += 1
        return end
    if letter in "=dDgGhHnNpPxzF":
        return index + 1
    call.doubt(f"the sed command {letter!r} is not known")
    return len(text)


def _bracket(text: str, start: int) -> int:
    """Where a bracket expression ends: a delimiter inside is an ordinary character (GNU, BSD and busybox agree)."""
    at = start + 1
    if text[at : at + 1] == "^":
        at += 1
    if text[at : at + 1] == "]":
        at += 1
    while at < len(text) and text[at] != "]":
        if text[at] == "[" and text[at + 1 : at + 2] in {":", ".", "="}:
            end = text.find(text[at + 1] + "]", at + 2)
            at = end + 1 if end > 0 else at
        at += 1
    return at


def _substitute(call: Invocation, text: str, index: int) -> int:
    mark, at, parts = text[index + 1], index + 2, 0
    while at < len(text) and parts < 2:
        if text[at] == "\\":
            at += 1
        elif text[at] == "[" and parts == 0 and text[index] == "s":
            at = _bracket(text, at)
        elif text[at] == mark:
            parts += 1
        at += 1
    if parts < 2:
        call.doubt("a sed substitution that is not read")
        return len(text)
    while at < len(text) and text[at] in "gpiImM0123456789e":
        if text[at] == "e" and text[index] == "s":
            call.effect("exec_data")
            call.doubt("sed runs what it makes")
        at += 1
    if at < len(text) and text[at] == "w" and text[index] == "s":
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        name = text[at + 1 : end].strip()
        if name not in {"/dev/stdout", "/dev/stderr"}:
            call.write(name)
        return end
    if at < len(text) and text[at] not in " \t;\n}":
        call.doubt("a sed flag that is not known")
    return at


# --- awk ----------------------------------------------------------------------------------------------------------------

_BEFORE_PATTERN = frozenset("(,!~{};&|\n=<>+-*%^?:")
"""Behind one of these, or at the start, a slash begins a pattern; elsewhere it divides (gawk manual, section 3.1)."""
_SYSTEM = re.compile(r"system\s*\(\s*\x01(\d+)\x02\s*\)")


def _awk(call: Invocation) -> None:
    items = list(call.operands)
    texts: list[Field] = [*call.values.get("-e", []), *call.values.get("--source", [])]
    if call.has("-f", "--file"):
        call.effect("exec_data")
        call.doubt("the awk program is in a file")
    elif not texts and items:
        texts = [items.pop(0)]
    for item in texts:
        if item.value is None:
            call.effect("exec_data")
            call.doubt(item.why or "the awk program is not known")
        else:
            _awk_program(call, item.value)
    call.read(*(item for item in items if not re.match(r"[A-Za-z_]\w*=", item.value or "")))


def _awk_code(text: str) -> tuple[str, list[str], bool]:
    """The program with strings as numbers and patterns as one mark, the strings, and whether that is certain."""
    out: list[str] = []
    strings: list[str] = []
    sure = True
    index, last = 0, "{"
    while index < len(text):
        char = text[index]
        end = index + 1
        if char == '"' or (char == "/" and last in _BEFORE_PATTERN):
            while end < len(text) and text[end] != char and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            body = text[index + 1 : end]
            sure = sure and end < len(text) and text[end] == char
            if char == '"':
                strings.append(body)
                out.append(f"\x01{len(strings) - 1}\x02")
            else:
                sure = sure and '"' not in body and "#" not in body
                out.append(" \x03 ")
            index, last = end + 1, "\x02"
            continue
        if char == "#":
            end = text.find("\n", index)
            index = len(text) if end < 0 else end
            continue
        out.append(char)
        if not char.isspace() or char == "\n":
            last = char
        index = end
    return "".join(out), strings, sure


def _awk_program(call: Invocation, text: str) -> None:
    code, strings, sure = _awk_code(text)
    hidden = re.search(r"\bsystem\s*\(", text) is not None and re.search(r"\bsystem\s*\(", code) is None
    if not sure or (hidden and '"' in text):
        call.effect("exec_data")
        call.doubt("the awk program is not read for certain")
        for found in re.finditer(r'system\s*\(\s*"((?:\\.|[^"\\])*)"', text):
            call.run.text(call, found[1], "awk")
    if re.search(r"@(?:load|include|namespace)|\bENVIRON\b", code):
        call.effect("secrets" if "ENVIRON" in code else "exec_data")
        call.doubt("the awk program reads more than its input")
    for found in _SYSTEM.finditer(code):
        call.effect("exec_data")
        call.run.text(call, strings[int(found[1])].replace('\\"', '"'), "awk")
    rest = _SYSTEM.sub("", code)
    if re.search(r"\bsystem\s*\(", rest):
        call.effect("exec_data")
        call.doubt("awk runs what it makes")
    _awk_pipes(call, rest, strings)
    _awk_files(call, rest, strings)


def _awk_pipes(call: Invocation, code: str, strings: list[str]) -> None:
    for found in re.finditer(r"(\x01(\d+)\x02)?\s*\|&?\s*(getline\b|\x01(\d+)\x02)?", code.replace("||", "  ")):
        given = found[2] if (found[3] or "").startswith("getline") else found[4]
        call.effect("exec_data")
        if given is None:
            call.doubt("awk runs what it makes")
        else:
            call.run.text(call, strings[int(given)], "awk")


def _awk_files(call: Invocation, code: str, strings: list[str]) -> None:
    for found in re.finditer(r"\bgetline\b[^;}\n<|]*<\s*(?:\x01(\d+)\x02)?", code):
        if found[1] is None:
            call.doubt("a file that awk reads is not known")
        else:
            _awk_path(call, strings[int(found[1])], write=False)
    for found in re.finditer(r"\bprintf?\b([^;}\n]*)", code):
        flat = re.sub(r"\([^()]*\)", "", re.sub(r"\([^()]*\)", "", found[1]))
        target = re.search(r">>?\s*(?:\x01(\d+)\x02)?\s*(.*)", flat)
        if target is None:
            continue
        if target[1] is None or target[2].strip():
            call.doubt("a file that awk writes is not known")
            call.effect("exec_data")
        else:
            _awk_path(call, strings[int(target[1])], write=True)


def _awk_path(call: Invocation, name: str, write: bool) -> None:
    if name.startswith("/inet"):
        call.effect("network")
        call.host(name.split("/")[4] if name.count("/") >= 4 else "")
    elif name not in {"-", "/dev/stdout", "/dev/stderr", "/dev/stdin"}:
        (call.write if write else call.read)(name)


PROGRAMS = (
    program("find gfind", style="none", special=_find),
    program(
        "sed gsed ssed",
        ": -n -E -r -s -u -z --quiet --silent --regexp-extended --null-data --separate --unbuffered --posix "
        "--debug --sandbox --follow-symlinks\n=: -e -l --expression --line-length\n=r: -f --file\n?: -i -I "
        "--in-place",
        strict=True,
        special=_sed,
    ),
    program(
        "awk gawk mawk nawk original-awk",
        ": -b -c -C -g -h -I -M -N -n -O -P -r -s -S -t -V --traditional --posix --sandbox --re-interval "
        "--csv -k\n=: -F -v --field-separator --assign -e --source -L\n=r: -f --file -E --exec -i --include "
        "-l --load\n=w: -o -d -D -p --pretty-print --dump-variables --profile --debug",
        strict=True,
        stop=True,
        special=_awk,
    ),
)
