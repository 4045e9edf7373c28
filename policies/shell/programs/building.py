"""Programs that build, test, lint and format: they run what the workspace says, which is `project_code`."""

from __future__ import annotations

from policies.shell.model import Invocation, program
from policies.shell.words import Field


def _make(call: Invocation) -> None:
    call.effect("project_code")
    for name in ("--eval",):
        for item in call.values.get(name, []):
            call.effect("exec_data")
            call.doubt("make runs text" if item.value else item.why)
    for item in call.operands:
        name, equals, _ = (item.value or "").partition("=")
        if equals and name.rstrip(":+?") in {"SHELL", "CC", "CXX", "LD", ".SHELLFLAGS", "MAKEFLAGS", "PATH"}:
            call.effect("exec_data")
            call.doubt(f"{name} changes which program make runs")
    if any((text in {"clean", "distclean", "mrproper", "maintainer-clean"}) for text in call.texts()):
        call.write("build")


def _project(call: Invocation) -> None:
    """Operands with a leading slash are still places that are read."""
    call.effect("project_code")
    for item in call.operands:
        if item.value is not None and item.value[:1] in {"/", "\0", "."}:
            call.read(item)


def _formatter(call: Invocation) -> None:
    """black, prettier, gofmt: rewrite their operands unless asked to check."""
    checks = call.has(
        "--check", "--check-only", "--diff", "-c", "-l", "-d", "--list-different", "--dry-run", "--output-format", "-n"
    )
    if call.program in {"prettier", "gofmt", "goimports", "clang-format", "shfmt", "rustfmt"}:
        writes = call.has("--write", "-w", "-i", "-in-place", "--in-place") or (
            call.program == "rustfmt" and not checks
        )
    else:
        writes = not checks
    call.read(*call.operands)
    if writes:
        call.write(*(call.operands or [Field(".")]))


def _linter(call: Invocation) -> None:
    call.effect("project_code") if call.program in {"eslint", "tsc", "stylelint", "pylint", "rubocop", "mypy"} else None
    call.read(*call.operands)
    if call.has("--fix", "--unsafe-fixes", "--fix-only", "--write", "-w", "-a", "-A", "--autocorrect", "--apply"):
        call.write(*(call.operands or [Field(".")]))


def _ruff(call: Invocation) -> None:
    texts = call.operands[1:]
    call.read(*texts)
    if (
        (call.texts()[:1] == ["format"] and not call.has("--check", "--diff"))
        or call.has("--fix", "--unsafe-fixes", "--fix-only", "--add-noqa")
        or call.texts()[:1] == ["clean"]
    ):
        call.write(*(texts or [Field(".")]))


def _compiler(call: Invocation) -> None:
    call.read(*call.operands)
    if not call.values.get("-o") and not call.has("-E", "-fsyntax-only", "--version", "-v", "-M", "-MM"):
        call.write("a.out")


def _editor(call: Invocation) -> None:
    call.doubt("an editor")
    call.effect("exec_data") if call.values.get("-c") or call.values.get("--cmd") or call.has(
        "-e", "-E", "-es", "-S", "-s"
    ) else None
    for name in ("-c", "--cmd"):
        for item in call.values.get(name, []):
            text = (item.value or "").lstrip(":")
            if text.startswith("!"):
                call.run.text(call, text[1:], call.program)
    for item in call.operands:
        text = item.value or ""
        if text.startswith("+"):
            call.effect("exec_data")
            if text.lstrip("+:").startswith("!"):
                call.run.text(call, text.lstrip("+:")[1:], call.program)
        else:
            call.read(item)
            call.write(item)


def _gradle(call: Invocation) -> None:
    _project(call)
    if any(
        text.rpartition(":")[2] in {"publish", "deploy", "uploadArchives", "release"} or text.startswith("release:")
        for text in call.texts()
    ):
        call.effect("publish", "network")


def _dotnet(call: Invocation) -> None:
    _project(call)
    if call.subcommand == "nuget" and call.texts()[:1] in (["push"], ["delete"]):
        call.effect("publish", "network")
    if call.subcommand in {"add", "tool", "restore", "workload"}:
        call.effect("install", "network")


def _precommit(call: Invocation) -> None:
    call.effect("project_code")
    if call.subcommand in {"install", "install-hooks", "autoupdate"}:
        call.effect("persistence", "install", "network")


_PYTEST = (
    "=: -k -m -n -p -W -o -r --maxfail --tb --durations --cov --cov-report --cov-config --timeout "
    "--deselect --ignore --ignore-glob --import-mode --numprocesses "
    "--dist --color --capture --log-level --log-cli-level --override-ini --hypothesis-seed --reruns "
    "--junit-prefix --verbosity --show-capture\n"
    "=d: --rootdir --confcutdir -c\n=w: --basetemp --junitxml --junit-xml --log-file --report-log --resultlog\n"
    ": -q -v -vv -vvv -x -s -l -h --lf --ff --nf --sw --last-failed --failed-first --new-first "
    "--stepwise --exitfirst --quiet --verbose --pdb --co --collect-only "
    "--no-header --no-summary --showlocals --strict-markers --strict-config --cache-clear --cache-show "
    "--fixtures --markers --no-cov --setup-show --runxfail "
    "--disable-warnings --disable-pytest-warnings --doctest-modules --pyargs --trace --full-trace "
    "--continue-on-collection-errors --noconftest --keep-duplicates --version -V -f"
)

PROGRAMS = (
    program(
        "make gmake bmake",
        "=: -j -l -o -W -O -f --jobs --load-average --old-file --what-if --output-sync\n=d: -C --directory "
        "-I\n=r: -f --file --makefile\n=: --eval -E\n: -B -b -d -e -i -k -L -m -n -p -q -R -r -S -s -t -v -w "
        "--silent --dry-run --just-print --keep-going --always-make --question --touch --no-print-directory "
        "--print-directory --quiet --version",
        special=_make,
    ),
    program(
        "just task ninja rake invoke inv doit scons waf meson bazel bazelisk buck buck2 pants please earthly "
        "mage ant mill tup",
        "=d: -C -f\n=: -j -t --set",
        special=_project,
    ),
    program(
        "mvn mvnw gradle gradlew sbt lein",
        "=: -D -P -pl -p -f -x -I --tests --console --settings -s",
        style="loose",
        special=_gradle,
    ),
    program(
        "cmake ctest cpack",
        "=: -D -G -T -A -U -j -R -E -L -C -P --build --target --config --preset --parallel --prefix\n=d: -S "
        "-B --test-dir\n: --output-on-failure -V -VV -N --verbose --fresh",
        special=_project,
    ),
    program("dotnet msbuild xbuild", subs={"": program(""), "*": program("", style="loose", special=_dotnet)}),
    program("pytest py.test", _PYTEST, special=_project),
    program(
        "tox nox jest vitest mocha ava phpunit rspec karma playwright cypress minitest tap c8 nyc behave "
        "robot newman nosetests stestr trial",
        "=: -t -k -e -c --config --testNamePattern --testPathPattern --reporter --project -p --grep -g "
        "--timeout --maxWorkers -w --coverage-dir --session -s\n=w: --outputFile --output-file",
        special=_project,
    ),
    program(
        "coverage",
        subs={
            "": program(""),
            "report html xml json lcov combine annotate": program(
                "", "=w: -o -d\n=: -m --include --omit", special=_project
            ),
            "run": program(
                "",
                "=: --source --rcfile --omit --include --context\n=: -m\n: -a -p --branch --append",
                stop=True,
                ends="-m",
                special=_project,
            ),
            "erase": program("", special=_project),
            "*": program("", special=_project),
        },
    ),
    program(
        "tsx ts-node esno jiti swc babel webpack vite rollup esbuild parcel turbo nx lerna next nuxt astro "
        "ng gulp grunt snowpack tsup storybook expo react-scripts vue-cli-service svelte-check vue-tsc remix "
        "prisma drizzle-kit sequelize knex typeorm",
        style="loose",
        special=_project,
    ),
    program(
        "deno",
        "=: --config --import-map -c",
        subs={
            "": program(""),
            "test check lint bench doc info types fmt task run compile eval": program(
                "", "=: -e --ext\n: -A --allow-all --allow-read --allow-net", special=_project
            ),
            "publish deploy": program("", style="loose", effects="publish network"),
            "*": program("", style="loose", effects="install network"),
        },
    ),
    program(
        "black isort prettier gofmt goimports clang-format rustfmt shfmt yapf autopep8 autoflake djlint "
        "taplo dprint stylua ormolu ktlint swiftformat buf mdformat",
        "=: --line-length --target-version --exclude --include --skip --profile -t --parser --print-width "
        "--style --assume-filename --stdin-filepath --tab-width -ln\n=r: --config --ignore-path "
        "--settings-file\n=p: --plugin\n: -q -v -w -i -d -l -s -c --check --check-only --diff --write "
        "--quiet --verbose --list-different --in-place --fast --color",
        special=_formatter,
    ),
    program(
        "eslint tsc flake8 pylint mypy pyright basedpyright stylelint shellcheck hadolint yamllint "
        "markdownlint markdownlint-cli2 golangci-lint staticcheck rubocop biome bandit vulture lint-imports "
        "actionlint vale codespell typos cppcheck clang-tidy swiftlint detekt checkstyle pycodestyle "
        "pydocstyle pyflakes semgrep gitleaks trufflehog tflint checkov kubeval kubeconform ansible-lint "
        "luacheck ameba credo dialyzer phpstan psalm phpcs",
        "=: --format -f --ext --max-line-length --select --ignore --exclude --rule --severity -s "
        "--python-version --target -p --project --max-warnings --extend-ignore --shell --module "
        "--outDir\n=w: -o --output-file --output --report --cache-location --outFile --tsBuildInfoFile "
        "--declarationDir\n=r: -c --config --rcfile --ignore-path\n: -q -v --fix --noEmit --watch -w "
        "--strict --quiet --verbose --no-color --cache",
        special=_linter,
    ),
    program(
        "ruff",
        "=: --select --ignore --extend-select --line-length --target-version --config --output-format "
        "--exclude --per-file-ignores --stdin-filename\n=w: -o --output-file --cache-dir\n: -q -v -s -n -e "
        "--fix --unsafe-fixes --fix-only --diff --check --statistics --show-fixes --no-cache --isolated "
        "--watch --exit-zero --preview --add-noqa --quiet --verbose",
        special=_ruff,
    ),
    program(
        "pre-commit husky lefthook lint-staged",
        subs={
            "": program(""),
            "*": program(
                "", "=: --hook-stage --files --from-ref --to-ref -c --config\n: -a --all-files -v", special=_precommit
            ),
        },
    ),
    program(
        "gcc g++ cc c++ clang clang++ rustc javac kotlinc scalac tcc nasm as ld gfortran nvcc swiftc zig ocamlopt fpc",
        "=w: -o --out-dir -d\n=d: -I -L -isystem -B -iquote -include -idirafter --sysroot\n=: -D -U -l -x "
        "-std -f -W -O -m -g -MF -MT -MQ -arch -target -Xlinker -Xpreprocessor -cp -classpath -C --edition "
        "--crate-type\n=p: -fuse-ld -wrapper -fplugin\n: -c -S -E -v -w -g -O2 -O3 -O0 -Wall -Wextra -Werror "
        "-pedantic -fsyntax-only -shared -fPIC -M -MM -MD -MMD",
        special=_compiler,
    ),
    program(
        "vim vi nvim view ex ed nano emacs pico micro joe kak helix hx vimdiff",
        "=: -c --cmd -S -u -w -W -T -i\n: -R -n -e -E -s -es -b -d -o -O -p -y -Z",
        special=_editor,
    ),
    program("rails django-admin flask alembic artisan", style="loose", special=lambda call: _framework(call)),
    program(
        "ansible ansible-playbook ansible-vault ansible-galaxy salt chef knife puppet vagrant packer fab "
        "capistrano cap",
        style="loose",
        effects="network exec_data",
        special=lambda call: _deploy(call),
    ),
)


def _framework(call: Invocation) -> None:
    call.effect("project_code")
    if any(
        text
        in {
            "db:drop",
            "db:reset",
            "db:migrate:reset",
            "db:schema:load",
            "db:purge",
            "flush",
            "sqlflush",
            "reset_db",
            "migrate:fresh",
            "migrate:reset",
            "migrate:rollback",
            "db:wipe",
            "downgrade",
            "ecto.drop",
            "ecto.reset",
        }
        for text in call.texts()
    ):
        call.effect("destructive")


def _deploy(call: Invocation) -> None:
    if any(text in {"destroy", "delete", "remove", "prune", "rm"} for text in call.texts()):
        call.effect("destructive")
