"""Package managers: installing brings in code of others and usually runs it (install scripts)."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, Program, program
from policies.shell.options import host_of, looks_like_path
from policies.shell.words import Field


def _install(call: Invocation) -> None:
    call.effect("install", "network")
    for name in ("-i", "--index-url", "--extra-index-url", "--registry", "-f", "--find-links", "--index", "--source"):
        for item in call.values.get(name, []):
            if item.value and "://" in item.value:
                call.host(host_of(item.value))
    for text in call.texts():
        if "://" in text:
            call.host(host_of(text))


def _run_script(call: Invocation) -> None:
    call.effect("project_code")
    for item in call.operands:
        if item.value is not None:
            looks_like_path(call, item.value)


def _exec(call: Invocation) -> None:
    """npx, uvx, pnpm dlx: fetch a package if it is not there, then run it."""
    call.effect("project_code")
    rest = list(call.operands)
    tool = (rest[0].value or "") if rest else ""
    known = tool.partition("@")[0] if not tool.startswith("@") else tool
    if call.has("-c", "--call"):
        for item in [*call.values.get("-c", []), *call.values.get("--call", [])]:
            call.run.text(call, item.value, call.program, item.rough)
    if call.has("-p", "--package", "--from", "--with") or "@" in tool[1:] or known not in _USUAL:
        call.effect("install", "network")
    if rest and known in _USUAL:
        call.run.words(call, [Field(known), *rest[1:]], call.program, wrapper=call.program)
        call.dropped = "install" not in call.effects


_USUAL = frozenset(
    [
        "jest",
        "vitest",
        "mocha",
        "eslint",
        "prettier",
        "tsc",
        "tsx",
        "ts-node",
        "biome",
        "stylelint",
        "playwright",
        "cypress",
        "karma",
        "ava",
        "tap",
        "c8",
        "nyc",
        "webpack",
        "vite",
        "rollup",
        "esbuild",
        "turbo",
        "nx",
        "lerna",
        "next",
        "nuxt",
        "astro",
        "svelte-check",
        "vue-tsc",
        "ng",
        "prisma",
        "pytest",
        "ruff",
        "mypy",
        "black",
        "isort",
        "flake8",
        "pylint",
        "pyright",
        "coverage",
        "tox",
        "nox",
        "pre-commit",
        "python",
        "python3",
        "node",
    ]
)


def _uv_run(call: Invocation) -> None:
    """`uv run`, `poetry run`, `pipenv run`, `bundle exec`: a command in the project's environment."""
    call.effect("project_code")
    if call.has("--with", "--with-requirements", "--from"):
        call.effect("install", "network")
    if call.has("-m", "--module"):
        call.operands = [
            Field("python"),
            Field("-m"),
            *call.values.get("-m", call.values.get("--module", [])),
            *call.operands,
        ]
    if call.operands:
        first = call.operands[0]
        if (first.value or "").endswith(".py"):
            call.operands = [Field("python"), *call.operands]
        call.run.words(call, call.operands, call.program, wrapper=call.program)
        call.dropped = "install" not in call.effects


def _publish(call: Invocation) -> None:
    call.effect("publish", "network")


def _yank(call: Invocation) -> None:
    call.effect("publish", "network", "destructive")


def _remove(call: Invocation) -> None:
    call.effect("destructive") if call.program in _SYSTEM_WIDE else call.write(
        "node_modules" if call.program in {"npm", "pnpm", "yarn", "bun"} else "\0/.local"
    )


_SYSTEM_WIDE = frozenset(
    [
        "apt",
        "apt-get",
        "aptitude",
        "dnf",
        "yum",
        "pacman",
        "zypper",
        "apk",
        "brew",
        "snap",
        "flatpak",
        "dpkg",
        "rpm",
        "port",
        "emerge",
        "yay",
        "paru",
        "nix-env",
        "choco",
        "winget",
        "scoop",
    ]
)


def _system(call: Invocation) -> None:
    if call.program in _SYSTEM_WIDE - {"brew", "scoop", "nix-env"}:
        call.effect("privilege")
    _install(call)


def _pip(call: Invocation) -> None:
    if call.subcommand in {"install", "download", "wheel"}:
        _install(call)
        for item in call.operands:
            if item.value and (item.value[:1] in {"/", "\0", "."}):
                call.read(item)
                call.effect("project_code")
    elif call.subcommand == "uninstall":
        call.write("\0/.local")
    elif call.subcommand == "cache" and any(text in {"purge", "remove"} for text in call.texts()):
        call.effect("destructive")
    elif call.subcommand == "config" and call.texts()[:1] != ["list"]:
        call.effect("persistence")


def _conda(call: Invocation) -> None:
    if call.subcommand in {"install", "create", "update", "upgrade"}:
        _install(call)
    elif call.subcommand in {"remove", "uninstall", "clean"} or (
        call.subcommand == "env" and call.texts()[:1] == ["remove"]
    ):
        call.effect("destructive")
    elif call.subcommand == "run":
        _uv_run(call)


_INSTALL = program("", style="loose", special=_install)
_READ = program("", style="loose")
_RUN = program("", style="loose", special=_run_script)
_EXEC = program(
    "",
    "=: -p --package --from --with --python -c --call\n: -y -q --yes --no-install --no --quiet --isolated",
    stop=True,
    special=_exec,
)
_PUBLISH = program("", style="loose", special=_publish)
_YANK = program("", style="loose", special=_yank)
_REMOVE = program("", style="loose", special=_remove)
_TOKEN = program("", style="loose", effects="secrets")
_WRAP = program(
    "",
    "=: --with --with-requirements --from --python -p --extra --group --package --project --directory -n "
    "--env-file -m --module --name\n: -q --quiet --frozen --locked --no-sync --isolated --no-project "
    "--all-extras --dev --no-dev --offline -v --active",
    stop=True,
    special=_uv_run,
)

_NPM: dict[str, Program] = {
    "": _READ,
    "test t tst": program("", style="loose", special=_run_script),
    "run run-script start stop restart build dev lint": _RUN,
    "install i add ci in ins inst insta isnt isntal install-test it install-ci-test cit link ln "
    "rebuild rb update up upgrade dedupe ddp import create init innit fetch": _INSTALL,
    "exec x dlx": _EXEC,
    "ls list la ll view info show v outdated search find s why explain audit fund ping root prefix bin "
    "help docs home bugs repo "
    "config.get get query doctor licenses whoami": _READ,
    "config c set": program(
        "",
        style="loose",
        special=lambda call: (
            call.effect("persistence")
            if call.texts()[:1] in (["set"], ["delete"], ["edit"]) or call.subcommand == "set"
            else None
        ),
    ),
    "publish deprecate dist-tag owner access team stage": _PUBLISH,
    "unpublish": _YANK,
    "token login adduser logout profile": _TOKEN,
    "uninstall remove rm r un unlink prune": _REMOVE,
    "pack version pkg set-script cache shrinkwrap edit": program(
        "", style="loose", special=lambda call: call.write("package.json")
    ),
    "explore": program("", style="loose", effects="exec_data", doubt="it starts a shell"),
    "*": _RUN,
}

PROGRAMS = (
    program(
        "npm pnpm yarn bun cnpm",
        "=d: --prefix -C --cwd --dir\n=: --filter -F -w --workspace --registry --loglevel\n: -s -g -r --silent "
        "--global --recursive -ws --workspaces -v --version -h --if-present",
        subs=_NPM,
    ),
    program(
        "npx pnpx bunx",
        "=: -p --package -c --call -w --workspace\n: -y -q --yes --no-install --no --quiet",
        stop=True,
        special=_exec,
    ),
    program(
        "uvx", "=: --from --with --python -p --index --index-url\n: -q --quiet --isolated", stop=True, special=_exec
    ),
    program(
        "corepack fnm nvm volta n nodenv pyenv rbenv asdf mise rtx sdk jenv goenv",
        style="loose",
        subs={
            "": _READ,
            "ls list version versions which current whence doctor where plugins": _READ,
            "exec run": program("", style="loose", special=_run_script),
            "*": _INSTALL,
        },
    ),
    program(
        "pip pip3 pip3.11 pip3.12 pip3.13",
        "=: --python --proxy --log --cache-dir\n: -q -v --quiet --verbose --disable-pip-version-check "
        "--no-input --isolated -V",
        subs={
            "": _READ,
            "list show freeze check inspect index hash debug help search": _READ,
            "*": program(
                "",
                "=: -i --index-url --extra-index-url -f --find-links -c --constraint -p --platform --python-version "
                "--trusted-host --proxy --target -t --prefix --root\n=r: -r --requirement -e --editable\n: -q -U -v "
                "-y --upgrade --user --no-deps --pre --no-cache-dir --force-reinstall --break-system-packages",
                special=_pip,
            ),
        },
    ),
    program("pipx", subs={"": _READ, "list environment": _READ, "run": _EXEC, "*": _INSTALL}),
    program(
        "uv",
        "=: --directory --project --python -p --cache-dir --config-file --color\n: -q -v --quiet --verbose "
        "--offline --no-cache -n -V",
        subs={
            "": _READ,
            "run": _WRAP,
            "tool": program("", subs={"": _READ, "list dir": _READ, "run": _EXEC, "*": _INSTALL}),
            "pip": program("", subs={"list show freeze check tree": _READ, "*": _INSTALL}),
            "publish": _PUBLISH,
            "version tree export help": _READ,
            "lock build": _RUN,
            "cache": program("", subs={"dir": _READ, "*": _REMOVE}),
            "python": program("", subs={"list find dir": _READ, "*": _INSTALL}),
            "venv init": program("", style="loose", operands="write*"),
            "*": _INSTALL,
        },
    ),
    program(
        "poetry pdm pipenv hatch rye",
        "=: -C --directory -P --project\n: -q -v -n --no-interaction",
        subs={
            "": _READ,
            "run": _WRAP,
            "show check version list search about help debug graph": _READ,
            "publish": _PUBLISH,
            "build shell test lock fmt": _RUN,
            "*": _INSTALL,
        },
    ),
    program(
        "conda mamba micromamba",
        subs={
            "": _READ,
            "list info search compare": _READ,
            "*": program("", "=: -n --name -p --prefix -c --channel -f --file\n: -y -q --yes --all", special=_conda),
        },
    ),
    program(
        "cargo",
        "=: --color -Z\n=d: -C --manifest-path\n=!exec_data~a setting can name a program: --config\n"
        ": -q -v --quiet --verbose --offline --locked --frozen -V --list",
        subs={
            "": _READ,
            "test t check c clippy build b bench doc d nextest run r rustc rustdoc fix fmt expand miri llvm-cov "
            "tarpaulin udeps machete hack": program(
                "",
                "=: -p --package --target --features --exclude --jobs -j --profile --test --bin --example --bench "
                "--message-format --color\n=d: --manifest-path --target-dir\n: -q -v --release --all --workspace "
                "--all-targets --all-features --no-default-features --no-run --lib --offline --locked --frozen -r "
                "--check --fix --allow-dirty",
                special=_run_script,
            ),
            "tree metadata search pkgid locate-project verify-project read-manifest help version audit "
            "outdated info deny": _READ,
            "publish owner login logout": _PUBLISH,
            "yank": _YANK,
            "clean": program("", style="loose", special=lambda call: call.write("target")),
            "new init generate-lockfile vendor package": program("", style="loose", operands="write*"),
            "*": _INSTALL,
        },
    ),
    program(
        "rustup",
        subs={
            "": _READ,
            "show which doc help check": _READ,
            "run": program(
                "", stop=True, special=lambda call: call.run.words(call, call.operands[1:], "rustup", wrapper="rustup")
            ),
            "*": _INSTALL,
        },
    ),
    program(
        "go",
        style="single",
        subs={
            "": _READ,
            "test vet build run generate tool": program(
                "",
                "=: -run -bench -count -timeout -tags -p -parallel -covermode -coverpkg -ldflags -gcflags -asmflags "
                "-mod -cpu -benchtime -fuzz -fuzztime -list -skip -shuffle -modfile -overlay -pgo -C\n=w: -o "
                "-coverprofile -cpuprofile -memprofile -trace -outputdir -blockprofile -mutexprofile\n=x: -exec "
                "-toolexec -vettool\n: -v -race -cover -short -json -failfast -a -n -x -i -c -trimpath -work "
                "-benchmem -msan -asan",
                style="single",
                strict=True,
                special=_run_script,
            ),
            "list version doc help fmt env": program(
                "",
                "=: -f -C -tags\n!persistence: -w -u\n: -json -e -deps -test -m -versions -x -n -all -src -short "
                "-changed",
                style="single",
            ),
            "get install mod work": program("", style="loose", special=_install),
            "clean": program("", style="loose", special=lambda call: call.write("\0/.cache/go-build")),
            "*": program("", style="loose", effects="project_code"),
        },
    ),
    program(
        "gem bundle bundler",
        "=: --gemfile -j",
        subs={
            "": _READ,
            "list info show search env outdated query contents which specification dependency environment "
            "check platform help": _READ,
            "exec": _WRAP,
            "push": _PUBLISH,
            "yank": _YANK,
            "uninstall cleanup clean remove": _REMOVE,
            "*": _INSTALL,
        },
    ),
    program(
        "composer",
        "=d: -d --working-dir",
        subs={
            "": _READ,
            "show info outdated validate licenses why depends prohibits search status diagnose "
            "check-platform-reqs about": _READ,
            "run-script run exec test": _RUN,
            "*": _INSTALL,
        },
    ),
    program(
        "apt apt-get aptitude apt-cache apt-mark apt-file apt-key dnf yum microdnf zypper apk brew snap "
        "flatpak port emerge nix-env choco winget scoop",
        "=: -o -c -t -q\n: -y -qq -q --yes --assume-yes --quiet",
        subs={
            "": _READ,
            "list show search info policy madison depends rdepends showpkg query provides repolist se "
            "history leaves deps uses cat home config doctor outdated check-update repoquery help desc log "
            "formulae casks": _READ,
            "remove purge autoremove uninstall erase rm del delete autoclean clean cleanup": _REMOVE,
            "*": program("", style="loose", special=_system),
        },
    ),
    program(
        "pacman yay paru makepkg dpkg rpm dpkg-reconfigure alien", style="loose", special=lambda call: _flagged(call)
    ),
    program(
        "nix nix-shell nix-build nix-store nixos-rebuild home-manager guix",
        style="loose",
        effects="install network exec_data",
    ),
    program(
        "cpan cpanm luarocks opam stack cabal mix hex rebar3 nuget pub pod carthage vcpkg conan krew",
        style="loose",
        subs={
            "": _READ,
            "list show search info help": _READ,
            "test check build lint analyze format": _RUN,
            "publish push hex.publish": _PUBLISH,
            "*": _INSTALL,
        },
    ),
    program(
        "twine flit maturin goreleaser semantic-release release-it np changeset vsce ovsx",
        style="loose",
        subs={"": _READ, "check": _READ, "build develop": _RUN, "*": _PUBLISH},
    ),
    program(
        "code cursor codium subl atom idea",
        style="loose",
        special=lambda call: call.effect("install", "network") if call.has("--install-extension") else None,
    ),
)


def _flagged(call: Invocation) -> None:
    """pacman, dpkg, rpm: the operation is an option."""
    flags = " ".join(flag for flag in call.flags)
    words = " ".join(item.value or "" for item in call.argv[1:])
    if re.search(r"(?:^|\s)(?:-Q|-l|-L|-s|-S$|-p|-q|--list|--status|--query|-Ss|-Si|-V|-f\b)", words) and not re.search(
        r"-(?:i|U|r|P|e|R)\b|-S[yuw]*\s+\w|--install|--remove|--purge|--erase", words
    ):
        return
    if re.search(r"-R|--remove|--purge|-e\b|--erase|-r\b|-P\b", words):
        call.effect("destructive", "privilege")
    else:
        call.effect("install", "privilege")
        if "-S" in words or "://" in words or not flags:
            call.effect("network")
