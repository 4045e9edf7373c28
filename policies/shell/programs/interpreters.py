"""Programs that run text: shells, and the interpreters of other languages."""

from __future__ import annotations

from policies.shell.model import Invocation, Special, program
from policies.shell.verbs import verbs
from policies.shell.words import Field

_SCRIPTS = {"python": (".py", ".pyz"), "node": (".js", ".mjs", ".cjs", ".ts"), "perl": (".pl",), "ruby": (".rb",)}


def _shell(call: Invocation) -> None:
    """`sh -c TEXT`, `sh FILE`, or text on standard input."""
    words = [item.value for item in call.argv[1:]]
    index = 0
    text_next = False
    stdin = False
    while index < len(words):
        word = words[index]
        if word is None or not word.startswith(("-", "+")) or word in {"-", "--"}:
            index += word in {"-", "--"}
            break
        call.flags.append(word if word.startswith("--") or len(word) == 2 else "-" + word[1:2])
        if word in {"--rcfile", "--init-file"} and index + 1 < len(words):
            call.effect("exec_data")
            call.read(call.argv[index + 2])
            index += 1
        elif word in {"-o", "+o", "-O", "+O"}:
            index += 1
        elif not word.startswith("--"):
            text_next = text_next or "c" in word[1:]
            stdin = stdin or "s" in word[1:]
            if "i" in word[1:]:
                call.doubt("an interactive shell reads its start files")
        index += 1
    rest = call.argv[1 + index :]
    if text_next and "-c" not in call.flags:
        call.flags.append("-c")
    call.operands = rest
    if text_next:
        _text(call, rest)
    elif rest and not stdin:
        call.effect("exec_data" if (rest[0].value or "/").startswith(("/", "\0")) else "project_code")
        call.read(rest[0])
        if (rest[0].value or "").startswith("/dev/"):
            call.effect("exec_data")
            call.doubt("what it runs is another command's output")
    elif call.stdin is None or call.stdin:
        call.effect("exec_data")
        call.run.text(call, call.stdin, call.program, call.rough)


def _text(call: Invocation, rest: list[Field]) -> None:
    call.quiet = True
    if not rest:
        return
    call.effect("exec_data")
    call.run.text(call, rest[0].value, call.program, rest[0].rough, stdin=True)
    if rest[0].value is not None and not call.assigns and not any(item.value is None for item in rest[1:]):
        # What it runs is listed by itself, so that the shell around it says nothing more.
        call.effects = [effect for effect in call.effects if effect != "exec_data"]
        call.dropped = True


def _language(language: str, code: tuple[str, ...], module: str = "") -> Special:
    def special(call: Invocation) -> None:
        given = [item for flag in code for item in call.values.get(flag, [])]
        for item in given:
            call.run.code(call, language, item.value, item.rough)
        modules = call.values.get(module, []) if module else []
        if modules:
            call.operands = [*modules, *call.operands]
            _module(call, modules[0].value)
        elif not given and call.operands:
            _file(call, language)
        elif not given and (call.stdin is None or call.stdin) and not call.has("-V", "--version", "-h", "-v"):
            call.run.code(call, language, call.stdin, call.rough)
        elif not given and len(call.argv) == 1:
            call.doubt("an interpreter that waits for code")

    return special


def _file(call: Invocation, language: str) -> None:
    first = call.operands[0]
    if first.value == "-":
        call.run.code(call, language, call.stdin, call.rough)
        return
    call.read(first)
    call.effect(
        "exec_data" if (first.value or "/")[:1] in {"/", "\0"} and not _workspace(call, first) else "project_code"
    )


def _workspace(call: Invocation, item: Field) -> bool:
    return (
        item.value is not None
        and item.value.startswith("/")
        and not item.value.startswith(("/tmp/", "/var/tmp/", "/dev/"))
    )


_TOOLS = frozenset(
    [
        "pytest",
        "unittest",
        "tox",
        "nox",
        "doctest",
        "mypy",
        "ruff",
        "flake8",
        "pylint",
        "black",
        "isort",
        "coverage",
        "compileall",
        "pyright",
        "bandit",
        "vulture",
        "pydocstyle",
        "pycodestyle",
        "timeit",
        "trace",
        "cProfile",
    ]
)


def _module(call: Invocation, name: str | None) -> None:
    """`python -m`: modules of the standard library and of the environment."""
    if name in {"pip", "pipx", "ensurepip"}:
        call.run.words(call, [Field(name), *call.operands[1:]], call.source, wrapper=call.program)
        call.dropped = True
    elif name in {"http.server", "SimpleHTTPServer"}:
        call.effect("network")
    elif name == "json.tool":
        call.read(*call.operands[1:2])
        call.write(*call.operands[2:3])
    elif name in {"venv", "virtualenv"}:
        call.write(*call.operands[1:])
    elif name in {
        "this",
        "site",
        "sysconfig",
        "platform",
        "calendar",
        "tokenize",
        "ast",
        "dis",
        "base64",
        "py_compile",
    }:
        call.read(*call.operands[1:])
    elif name in {"shutil", "zipfile", "tarfile"}:
        call.write(*call.operands[1:])
    else:
        call.effect("project_code")
        for item in call.operands[1:]:
            value = item.value
            if value is not None and value[:1] in {"/", "\0"}:
                call.read(value)


def _osascript(call: Invocation) -> None:
    for item in call.values.get("-e", []):
        call.run.code(call, "applescript", item.value, item.rough)
    call.effect("exec_data")
    call.doubt("a script that can do anything the user can")


def _java(call: Invocation) -> None:
    """`java -jar X …` is a program of its own: its verbs are read."""
    call.effect("project_code")
    verbs(call, call.operands)
    for item in [*call.values.get("-jar", []), *call.values.get("-cp", [])]:
        call.read(item)


PROGRAMS = (
    program(
        "sh bash dash ash zsh ksh mksh rbash fish csh tcsh posh yash elvish nu xonsh", style="none", special=_shell
    ),
    program(
        "python python2 python3 python3.8 python3.9 python3.10 python3.11 python3.12 python3.13 python3.14 "
        "pypy pypy3 ipython ipython3",
        "=: -c -m -W -X --check-hash-based-pycs\n: -b -B -d -E -h -i -I -O -OO -P -q -s -S -u -v -V -VV -x --version",
        stop=True,
        ends="-c -m",
        special=_language("python", ("-c",), "-m"),
    ),
    program(
        "node nodejs",
        "=: -e --eval -p --print -C --conditions --input-type --max-old-space-size --stack-trace-limit\n=r: "
        "-r --require --import --loader --experimental-loader --env-file\n: -c -i -v -h --check "
        "--interactive --version --test --watch --inspect --inspect-brk --trace-warnings --no-warnings "
        "--expose-gc --experimental-vm-modules --prof\n?: --inspect --test-reporter --test-name-pattern "
        "--experimental-test-coverage",
        stop=True,
        special=_language("javascript", ("-e", "--eval", "-p", "--print", "-pe", "-ep")),
    ),
    program(
        "perl",
        "=: -e -E -F -I -M -m -C -D -x\n: -a -c -h -l -n -p -s -S -t -T -u -U -v -V -w -W -X -0\n?: -i -0 -l",
        stop=True,
        special=_language("perl", ("-e", "-E")),
    ),
    program(
        "ruby jruby",
        "=: -e -I -r -C -E -K -T -W -x -F\n: -a -c -d -h -l -n -p -s -S -v -w -y --version\n?: -i -0",
        stop=True,
        special=_language("ruby", ("-e",)),
    ),
    program(
        "php",
        "=: -r -B -R -E -d -S -t -c -z --run\n=r: -f -F\n: -a -i -l -m -n -q -v -w -s --version\n=: --rf",
        stop=True,
        special=_language("php", ("-r", "--run", "-B", "-R", "-E")),
    ),
    program(
        "lua luajit lua5.1 lua5.3 lua5.4 Rscript R julia elixir erl groovy scala kotlin clojure racket guile "
        "sbcl ghc runghc ocaml swift dart tclsh wish deno-eval octave maxima gp raku crystal nim",
        "=: -e -E --eval -l --expr -x",
        stop=True,
        special=_language("code", ("-e", "-E", "--eval", "--expr")),
    ),
    program("osascript", "=: -e -l -s -i", special=_osascript),
    program(
        "pwsh powershell powershell.exe cmd cmd.exe wscript cscript",
        style="loose",
        effects="exec_data",
        doubt="a shell of another kind",
    ),
    program("m4 cpp", style="loose", operands="read*", doubt="macros can run programs"),
    program(
        "java",
        "=: -cp -classpath -jar -m --module -p --module-path --add-opens --add-exports",
        style="single",
        stop=True,
        ends="-jar",
        special=_java,
    ),
)
