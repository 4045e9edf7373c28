"""Programs that run another one given as their words: what they run is judged, they themselves only when they add
something."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, Special, program
from policies.shell.words import Field

_ASSIGN = re.compile(r"[A-Za-z_]\w*=")


def _wrap(call: Invocation) -> None:
    """The operands are a command; nothing else is said of the wrapper."""
    call.dropped = True
    rest = call.operands
    if rest:
        call.run.words(call, rest, call.source, wrapper=call.program)
    else:
        call.dropped = False


def _skip(count: int) -> Special:
    def special(call: Invocation) -> None:
        call.operands = call.operands[count:]
        _wrap(call)

    return special


def _env(call: Invocation) -> None:
    """`env A=b program`; without a program it prints the environment. `-S` is a command line of its own."""
    split = call.values.get("-S", call.values.get("--split-string", []))
    if split:
        call.effect("exec_data")
        extra = " ".join(item.value or item.rough for item in call.operands)
        for item in split:
            call.run.text(call, None if item.value is None else f"env {item.value} {extra}", "env", item.rough)
        call.dropped = True
        return
    rest = list(call.operands)
    assigns = list(call.assigns)
    while rest and rest[0].value is not None and _ASSIGN.match(rest[0].value):
        name, _, value = (rest.pop(0).value or "").partition("=")
        assigns.append((name, value))
    while rest and rest[0].value is None and "=" in rest[0].rough:
        name = rest.pop(0).rough.partition("=")[0]
        assigns.append((name, None))
    call.assigns = tuple(assigns)
    if call.has("-C", "--chdir"):
        call.doubt("the working directory is changed by env")
    if not rest:
        call.effect("secrets")
        return
    call.operands = rest
    _wrap(call)


def _command(call: Invocation) -> None:
    if call.has("-v", "-V") and len(call.operands) < 2:
        return
    _wrap(call)


def _sudo(call: Invocation) -> None:
    call.effect("privilege")
    if call.has("-e", "--edit"):
        call.write(*call.operands)
        return
    rest = list(call.operands)
    assigns = list(call.assigns)
    while rest and rest[0].value is not None and _ASSIGN.match(rest[0].value):
        name, _, value = (rest.pop(0).value or "").partition("=")
        assigns.append((name, value))
    call.assigns = tuple(assigns)
    call.operands = rest
    if rest:
        _wrap(call)


def _last(call: Invocation, *flags: str) -> Field | None:
    return next((call.values[flag][-1] for flag in flags if call.values.get(flag)), None)


def _su(call: Invocation) -> None:
    call.effect("privilege")
    text = _last(call, "-c", "--command")
    if text is not None:
        call.wrappers = (*call.wrappers, call.program)
        call.run.text(call, text.value, call.program, text.rough, stdin=True)


def _watch(call: Invocation) -> None:
    """watch gives its words to `sh -c`, unless `-x`."""
    if call.has("-x", "--exec"):
        _wrap(call)
        return
    call.dropped = bool(call.operands)
    call.wrappers = (*call.wrappers, call.program)
    words = [item.value if item.value is not None else item.rough for item in call.operands]
    known = all(item.value is not None for item in call.operands)
    if words:
        call.run.text(call, " ".join(words) if known else None, call.program, " ".join(words))


def _xargs(call: Invocation) -> None:
    """Its input becomes words: known when the input is, else one word that is not."""
    call.dropped = True
    argv = list(call.operands) or [Field("echo")]
    if call.has("-a", "--arg-file"):
        call.stdin = None
    mark = call.value("-I", "-i", "-J", "--replace") or ("{}" if call.has("-i", "-I", "--replace", "-J") else "")
    added = _input(call, lines=bool(mark))
    argv = [item for word in argv for item in _replaced(word, mark, added)] if mark else [*argv, *added]
    call.run.words(call, argv, "xargs", wrapper=call.program)


def _input(call: Invocation, lines: bool) -> list[Field]:
    if call.stdin is None and call.names is not None:
        return list(call.names)
    if call.stdin is None:
        return [Field(None, why="words come from another command's output", rough="$_")]
    if call.has("-0", "--null"):
        return [Field(word) for word in call.stdin.split("\0") if word.strip()][:50]
    if lines:
        return [Field(line.strip()) for line in call.stdin.splitlines() if line.strip()][:50]
    return [Field(word.strip("'\"")) for word in call.stdin.split()][:50]


def _replaced(word: Field, mark: str, added: list[Field]) -> list[Field]:
    if word.value is None or mark not in word.value:
        return [word]
    if len(added) == 1 and added[0].value is not None:
        return [Field(word.value.replace(mark, added[0].value), added[0].glob)]
    if added and all(item.value is not None for item in added):
        return [Field(word.value.replace(mark, item.value or "")) for item in added]
    return [Field(None, why="words come from another command's output", rough=word.value.replace(mark, "$_"))]


def _parallel(call: Invocation) -> None:
    """GNU parallel: a command line with `{}`, inputs behind `:::`, or command lines on its input."""
    call.dropped = True
    words = call.operands
    cut = next(
        (i for i, item in enumerate(words) if (item.value or "") in {":::", ":::+", "::::", "::::+"}), len(words)
    )
    line, inputs = words[:cut], [item for item in words[cut:] if (item.value or "") not in {":::", ":::+"}]
    if any((item.value or "").startswith("::::") for item in words):
        inputs = [Field(None, why="words come from a file", rough="$_")]
    if call.has("-S", "--sshlogin"):
        call.effect("network")
        call.dropped = False
    if cut == len(words):
        inputs = (
            [Field(None, why="words come from another command's output", rough="$_")]
            if call.stdin is None
            else [Field(word) for word in (call.stdin or "").splitlines()]
        )
    if not line:
        for item in inputs:
            call.run.text(call, item.value, "parallel", item.rough)
        return
    for item in inputs[:20] or [Field("")]:
        _one(call, line, item)


def _one(call: Invocation, line: list[Field], item: Field) -> None:
    marks = ("{}", "{.}", "{/}", "{//}", "{1}", "{2}", "{3}")
    value = item.value if item.value is not None else "$_"
    words: list[str] = []
    used = False
    for word in line:
        text = word.value if word.value is not None else word.rough
        for mark in marks:
            used = used or mark in text
            text = text.replace(mark, value)
        words.append(text)
    if not used:
        words.append(value)
    known = item.value is not None and all(word.value is not None for word in line)
    # A shell reads the line again, so its words count as text; `sh -c TEXT` keeps TEXT one word.
    if len(words) > 2 and words[1] in {"-c", "-lc"}:
        fields = [Field(word) for word in (*words[:2], " ".join(words[2:]))]
        call.run.words(call, fields, "parallel", wrapper=call.program)
    else:
        call.run.text(call, " ".join(words) if known else None, "parallel", " ".join(words))


def _flock(call: Invocation) -> None:
    text = _last(call, "-c", "--command")
    lock = call.operands[:1]
    call.operands = call.operands[1:]
    if text is not None:
        call.write(*lock)
        call.run.text(call, text.value, "flock", text.rough)
    elif call.operands[:1] and call.operands[0].value in {"-c", "--command"} and len(call.operands) > 1:
        call.write(*lock)
        call.run.text(call, call.operands[1].value, "flock", call.operands[1].rough)
    else:
        call.write(*lock)
        _wrap(call)
        call.dropped = False


def _script(call: Invocation) -> None:
    text = _last(call, "-c", "--command")
    call.write(*(call.operands[:1] or [Field("typescript")]))
    if text is not None:
        call.run.text(call, text.value, "script", text.rough)
    elif len(call.operands) > 1:
        call.run.words(call, call.operands[1:], "script", wrapper="script")


def _expect(call: Invocation) -> None:
    call.effect("exec_data")
    call.doubt("its script is not read")


PROGRAMS = (
    program(
        "env",
        ": -i - --ignore-environment -0 --null -v --debug\n=: -u --unset -C --chdir -S --split-string\n?: "
        "--block-signal",
        stop=True,
        strict=True,
        special=_env,
    ),
    program("command", ": -p -v -V", stop=True, special=_command),
    program("builtin nohup noglob nocorrect busybox toybox setarch caffeinate", stop=True, special=_wrap),
    program("exec", ": -c -l\n=: -a", stop=True, special=_wrap),
    program(
        "sudo",
        "!privilege: -A -b -B -E -H -i -K -k -l -n -P -S -s -V -v -e --edit --login --shell --stdin "
        "--preserve-env --non-interactive --background --set-home --list --validate --reset-timestamp "
        "--remove-timestamp --askpass --bell\n=: -a -C -c -D -g -h -p -R -r -t -T -U -u --user --group "
        "--host --prompt --chdir --chroot --role --type --other-user --close-from --command-timeout\n?: "
        "--preserve-env",
        stop=True,
        strict=True,
        special=_sudo,
    ),
    program("doas", ": -L -n -s\n=: -a -C -u", effects="privilege", stop=True, special=_sudo),
    program(
        "pkexec", "=: --user\n: --disable-internal-agent --keep-cwd", effects="privilege", stop=True, special=_sudo
    ),
    program(
        "runuser su",
        ": - -l --login -m -p --preserve-environment -f --fast -P --pty\n=: -c --command -g --group -G "
        "--supp-group -s --shell -u --user -w --whitelist-environment --session-command",
        special=_su,
    ),
    program("nice", "=: -n --adjustment", stop=True, special=_wrap),
    program("ionice", ": -t\n=: -c -n -p -P -u --class --classdata", stop=True, special=_wrap),
    program("chrt taskset", ": -a -p -b -f -i -o -r -m -v -c\n=: -T -P -D", stop=True, special=_skip(1)),
    program(
        "timeout gtimeout",
        ": --foreground --preserve-status -v --verbose -f -p\n=: -k --kill-after -s --signal",
        stop=True,
        special=_skip(1),
    ),
    program(
        "time gtime",
        ": -p -v -a -l -q --portability --verbose --append --quiet\n=: -f --format\n=w: -o --output",
        stop=True,
        special=_wrap,
    ),
    program("stdbuf", "=: -i -o -e --input --output --error", stop=True, special=_wrap),
    program("setsid", ": -c -f -w --ctty --fork --wait", stop=True, special=_wrap),
    program(
        "unbuffer rlwrap firejail catchsegv dbus-run-session xvfb-run fakeroot eatmydata trickle cpulimit "
        "proxychains proxychains4 torsocks chronic ts-node-dev",
        style="gnu",
        stop=True,
        special=_wrap,
    ),
    program(
        "watch viddy",
        ": -b -c -C -d -e -g -p -q -r -t -w -x --beep --color --exec --errexit --chgexit --precise "
        "--no-title --no-wrap --no-rerun\n=: -n --interval -q --equexit\n?: --differences",
        stop=True,
        special=_watch,
    ),
    program(
        "xargs gxargs",
        ": -0 -o -p -r -t -x --null --interactive --no-run-if-empty --verbose --exit --open-tty "
        "--show-limits\n=: -d -E -I -L -n -P -R -s -S -J --delimiter --max-lines --max-args --max-procs "
        "--max-chars --process-slot-var\n=r: -a --arg-file\n?: -e -i -l --eof --replace",
        stop=True,
        special=_xargs,
    ),
    program(
        "parallel",
        ": -0 -k -m -q -t -u -v -X --bar --dry-run --eta --keep-order --line-buffer --null --progress "
        "--quote --ungroup --verbose --xargs --tag --no-notice --will-cite\n=: -a -C -d -I -j -L -N -n -P -r "
        "-S -s --arg-file --colsep --delay --halt --jobs --joblog --max-args --max-procs --memfree --nice "
        "--retries --results --sshlogin --timeout --tmpdir --wd --workdir --env",
        stop=True,
        special=_parallel,
    ),
    program(
        "flock",
        ": -e -x -n -o -s -u -F --close --exclusive --nonblock --nb --shared --unlock --verbose\n=: -w "
        "--timeout --wait -E -c --command",
        stop=True,
        special=_flock,
    ),
    program("chroot", "=: --userspec --groups\n: --skip-chdir", effects="privilege", stop=True, special=_skip(1)),
    program(
        "unshare",
        ": -c -f -i -m -n -p -r -u -U -C -T --fork --mount --net --pid --user --map-root-user --uts --ipc "
        "--cgroup --mount-proc\n=: -S -G -R -w --root --wd",
        effects="privilege",
        stop=True,
        special=_wrap,
    ),
    program(
        "nsenter",
        ": -a -m -u -i -n -p -C -U -F --all --mount --net --pid\n=: -t --target -S -G -r -w",
        effects="privilege",
        stop=True,
        special=_wrap,
    ),
    program(
        "script",
        ": -a -e -f -q --append --return --flush --quiet\n=: -c --command -E -m -o -t -I -O -B -T",
        special=_script,
    ),
    program(
        "strace ltrace dtruss",
        ": -f -F -c -C -d -i -k -q -r -t -T -v -V -x -y -z -Z --follow-forks\n=: -a -b -e -E -I -O -p -P -s "
        "-S -u -X --trace\n=w: -o --output",
        stop=True,
        special=_wrap,
    ),
    program("perf", doubt="perf can run programs and write files"),
    program("gdb lldb", doubt="a debugger runs commands", effects="exec_data"),
    program("expect", special=_expect),
    program("entr", ": -a -c -d -n -p -r -s -z", stop=True, special=_wrap),
    program("hyperfine", style="none", doubt="its commands are not read", effects="exec_data"),
    program("systemd-run systemd-inhibit", stop=True, effects="privilege persistence", special=_wrap),
    program("tmux screen", style="none", effects="exec_data", doubt="a terminal of its own runs commands"),
)
