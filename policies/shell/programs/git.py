"""git 2.47. Options that run programs, write files or throw work away; `-c` and `config` because settings name programs."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program
from policies.shell.options import host_of, remote

_PROGRAM_SETTINGS = re.compile(
    r"core\.(?:pager|editor|sshcommand|fsmonitor|hookspath|gitproxy|askpass|worktree|attributesfile|alternaterefscommand)"
    r"|.*\.(?:textconv|command|cmd|program|clean|smudge|process|driver|helper|path|proxy|uploadpack|receivepack|insteadof|"
    r"pushinsteadof|url|vcs|template|externaldiff|external|editor|tool|askpass)|alias\..*|pager\..*|include\.path|includeif\..*"
    r"|credential.*|sequence\.editor|diff\.external|init\.templatedir|http\..*|https\..*|protocol\..*|safe\.directory|gpg\..*"
    r"|uploadpack\..*|submodule\..*\.update|remote\..*|url\..*|browser\..*|man\..*|interactive\.difffilter|instaweb\..*",
    re.IGNORECASE,
)
_GLOBAL = (
    ": -p -P --paginate --no-pager --no-replace-objects --bare --literal-pathspecs --glob-pathspecs --noglob-pathspecs "
    "--icase-pathspecs --no-optional-locks --no-advice --no-lazy-fetch --html-path --man-path "
    "--info-path -v --version -h --help\n"
    "?: --exec-path\n=: -c --config-env --namespace --super-prefix --list-cmds --attr-source\n=d: -C "
    "--git-dir --work-tree"
)
_DIFF = (
    ": -p -u -s -U0 -a -b -w -z -R -M -C -D -B --patch --no-patch --raw --stat --numstat --shortstat "
    "--summary --name-only --name-status "
    "--color --no-color --word-diff --check --full-index --binary --exit-code --quiet --cached --staged "
    "--merge-base --minimal "
    "--patience --histogram --ignore-all-space --ignore-space-change --ignore-blank-lines "
    "--ignore-space-at-eol --no-renames "
    "--find-copies-harder --function-context -W --text --no-prefix --pickaxe-all --pickaxe-regex "
    "--no-index --ita-visible-in-index "
    "--compact-summary --cumulative --submodule --no-textconv --no-ext-diff --relative --no-relative -c "
    "--cc --combined-all-paths "
    "--graph --oneline --all --branches --tags --remotes --decorate --no-decorate --reverse --merges "
    "--no-merges --first-parent "
    "--follow --full-history --simplify-merges --date-order --topo-order --author-date-order "
    "--left-right --cherry-pick "
    "--cherry-mark --left-only --right-only --boundary --abbrev-commit --no-abbrev-commit "
    "--show-signature --walk-reflogs -g "
    "--no-walk --objects --count -i -E -F -P --regexp-ignore-case --all-match --invert-grep "
    "--extended-regexp --fixed-strings "
    "--perl-regexp --source --use-mailmap --mailmap --log-size --root -r -t -m --notes --no-notes "
    "--show-notes --parents --children "
    "--stdin --not --ignore-missing --dense --sparse --bisect --clear-decorations --no-mailmap --reflog "
    "--alternate-refs "
    "--ignore-submodules --full-diff --no-commit-id -v --verbose --show-linear-break --show-pulls --ancestry-path\n"
    "?: --abbrev --decorate --color --color-words --word-diff --stat --dirstat --submodule --diff-merges "
    "--notes --find-renames "
    "--find-copies --break-rewrites --color-moved --color-moved-ws --ws-error-highlight --ignore-submodules --relative "
    "--branches --tags --remotes --glob --exclude --show-notes --pretty --format --date --max-count "
    "--since --after --until "
    "--before --author --committer --grep --unified --inter-hunk-context --anchored --diff-filter --diff-algorithm "
    "--word-diff-regex --src-prefix --dst-prefix --line-prefix --encoding --skip --min-parents "
    "--max-parents --expand-tabs "
    "--no-walk --decorate-refs --decorate-refs-exclude --output-indicator-new --output-indicator-old "
    "--rotate-to --skip-to\n"
    "=: -n -U -S -G -L -l -O\n=w: --output\n!exec_data~it runs a diff program: --ext-diff\n!exec_data~it "
    "runs a text converter: --textconv"
)


def _global(call: Invocation) -> None:
    for item in [*call.values.get("-c", []), *call.values.get("--config-env", [])]:
        name = (item.value or "").partition("=")[0]
        if item.value is None or _PROGRAM_SETTINGS.fullmatch(name):
            call.effect("exec_data")
            call.doubt(f"the git setting {name or '?'} can name a program")
            value = (item.value or "").partition("=")[2]
            if name.lower().startswith("alias.") and value.startswith("!"):
                call.run.text(call, value[1:], "git")
    if call.values.get("--exec-path"):
        call.effect("exec_data")
        call.doubt("git runs programs from another folder")


def _only(call: Invocation) -> None:
    """Anything that needs no more than the settings looked at."""
    _global(call)


def _paths_behind(call: Invocation) -> None:
    """Readers: only what stands behind `--` or looks like a path from outside is a path for certain."""
    _global(call)
    for item in call.operands:
        value = item.value
        if value is not None and (
            value[:1] in {"/", "\0"} or value.startswith("../") or "/.." in value or ".env" in value
        ):
            call.read(value.rpartition(":")[2] if ":" in value else value)
        elif value is not None and call.has("--no-index"):
            call.read(value)
        elif value is not None and ":" in value:
            call.read(value.partition(":")[2])


def _log(call: Invocation) -> None:
    _paths_behind(call)


def _grep(call: Invocation) -> None:
    _paths_behind(call)
    if call.has("-O", "--open-files-in-pager"):
        call.effect("exec_data")
        call.doubt("git grep opens a program")


def _branch(call: Invocation) -> None:
    _global(call)
    if call.has("-D") or (call.has("-d", "--delete") and call.has("-f", "--force")) or call.has("-M", "-C"):
        call.effect("destructive")
    if call.has("-f", "--force") and call.operands:
        call.effect("destructive")


def _tag(call: Invocation) -> None:
    _global(call)
    if call.has("-d", "--delete") or (call.has("-f", "--force") and call.operands):
        call.effect("destructive")


def _checkout(call: Invocation) -> None:
    """`git checkout -- path`, `git checkout tree path`, `--force` and `--pathspec-from-file` throw changes away."""
    _global(call)
    words = [item.value or "" for item in call.argv]
    creates = call.has("-b", "-B", "--orphan")
    named = bool(call.values.get("--orphan")) or creates
    behind = words.index("--") if "--" in words else -1
    paths = words[behind + 1 :] if behind >= 0 else []
    many = len(call.operands) > 1 and not named and not call.has("-t", "--track", "--detach", "-d")
    if (
        call.has(
            "-f", "--force", "--pathspec-from-file", "-p", "--patch", "--ours", "--theirs", "--no-overlay", "--merge"
        )
        or paths
        or (many and behind < 0)
        or call.texts()[:1] in (["."], [":/"])
        or any(text.startswith("./") or text == "*" for text in call.texts())
    ):
        call.effect("destructive")
    if call.has("-B"):
        call.effect("destructive") if call.has("-f", "--force") else None


def _switch(call: Invocation) -> None:
    _global(call)
    if call.has("-f", "--force", "--discard-changes", "-C", "--force-create"):
        call.effect("destructive")


def _restore(call: Invocation) -> None:
    _global(call)
    if not call.has("-S", "--staged") or call.has("-W", "--worktree"):
        call.effect("destructive")


def _reset(call: Invocation) -> None:
    _global(call)
    if call.has("--hard", "--merge", "--keep"):
        call.effect("destructive")


def _clean(call: Invocation) -> None:
    _global(call)
    if call.has("-f", "--force", "-i", "--interactive") or not call.has("-n", "--dry-run"):
        call.effect("destructive")
    if call.has("-n", "--dry-run") and not call.has("-f", "--force"):
        call.effects = [effect for effect in call.effects if effect != "destructive"]


def _stash(call: Invocation) -> None:
    _global(call)
    if call.subcommand in {"stash drop", "stash clear"}:
        call.effect("destructive")


def _push(call: Invocation) -> None:
    _global(call)
    call.effect("publish", "network")
    if call.operands and call.operands[0].value:
        remote(call, call.operands[0].value)
    refs = call.texts()[1:]
    if call.has("-f", "--force", "--mirror", "--delete", "-d", "--prune") and not (
        call.has("--force-with-lease") and not call.has("-f", "--mirror", "--delete", "-d", "--prune")
    ):
        call.effect("destructive")
    if any(ref.startswith(("+", ":")) for ref in refs):
        call.effect("destructive")


def _fetch(call: Invocation) -> None:
    _global(call)
    call.effect("network")
    for text in call.texts():
        if text.startswith("ext::"):
            call.effect("exec_data")
            call.doubt("a transport that runs a program")
        remote(call, text)


def _clone(call: Invocation) -> None:
    _fetch(call)
    texts = call.texts()
    if texts:
        target = (
            texts[1]
            if len(texts) > 1
            else re.sub(r"\.git$", "", texts[0].rstrip("/").rpartition("/")[2].rpartition(":")[2])
        )
        call.write(target or ".")


def _remote(call: Invocation) -> None:
    _global(call)
    if call.subcommand in {"remote remove", "remote rm", "remote prune"}:
        call.effect("destructive")
    for text in call.texts():
        if "://" in text:
            call.host(host_of(text))


def _config(call: Invocation) -> None:
    _global(call)
    texts = call.texts()
    if texts[:1] in (["get"], ["list"], ["set"], ["unset"], ["edit"]):
        texts = texts[1:]
        writes = call.texts()[0] in {"set", "unset", "edit"}
    else:
        writes = len(texts) > 1 or call.has(
            "--add", "--replace-all", "--unset", "--unset-all", "--edit", "-e", "--rename-section", "--remove-section"
        )
        writes = writes and not call.has(
            "--get", "--get-all", "--get-regexp", "--get-urlmatch", "-l", "--list", "--get-color", "--get-colorbool"
        )
    if writes:
        call.write(
            "~/.gitconfig".replace("~", "\0")
            if call.has("--global")
            else "/etc/gitconfig"
            if call.has("--system")
            else ".git/config"
        )
        if texts and _PROGRAM_SETTINGS.fullmatch(texts[0]):
            call.effect("exec_data", "persistence")
    elif texts and re.match(r"(?i)credential|.*token|.*password", texts[0]):
        call.effect("secrets")


def _worktree(call: Invocation) -> None:
    _global(call)
    if call.subcommand == "worktree remove" and call.has("-f", "--force"):
        call.effect("destructive")
    if call.subcommand in {"worktree add"}:
        call.write(*call.operands[:1])


def _submodule(call: Invocation) -> None:
    _global(call)
    if call.subcommand == "submodule foreach":
        call.effect("exec_data")
        words = [item.value if item.value is not None else item.rough for item in call.operands]
        call.run.text(call, " ".join(words), "git")
    elif call.subcommand in {"submodule update", "submodule add"}:
        call.effect("network")
    elif call.subcommand == "submodule deinit" and call.has("-f", "--force"):
        call.effect("destructive")


def _bisect(call: Invocation) -> None:
    _global(call)
    if call.subcommand == "bisect run":
        call.effect("exec_data")
        call.run.words(call, [*call.operands], "git")


def _rebase(call: Invocation) -> None:
    _global(call)
    for item in [*call.values.get("-x", []), *call.values.get("--exec", [])]:
        call.effect("exec_data")
        call.run.text(call, item.value, "git", item.rough)


def _filter(call: Invocation) -> None:
    call.effect("destructive", "exec_data")


def _reflog(call: Invocation) -> None:
    _global(call)
    if call.subcommand in {"reflog expire", "reflog delete"}:
        call.effect("destructive")


def _gc(call: Invocation) -> None:
    _global(call)
    if any(flag.startswith("--prune") for flag in call.flags) or call.subcommand == "prune":
        call.effect("destructive")


def _rm(call: Invocation) -> None:
    _global(call)
    call.write(*call.operands)
    if not call.has("--cached", "-n", "--dry-run") and call.has("-f", "--force", "-r"):
        call.effect("destructive")


def _update_ref(call: Invocation) -> None:
    _global(call)
    if call.has("-d", "--delete"):
        call.effect("destructive")


def _archive(call: Invocation) -> None:
    _global(call)
    call.write(*call.values.get("-o", []), *call.values.get("--output", []))
    if call.has("--exec", "--remote"):
        call.effect("network")


def _alias(call: Invocation) -> None:
    """A word that is no subcommand may be an alias, which may be anything."""
    _global(call)
    call.doubt(f"git {call.subcommand} is not known, it may be an alias")


def _commit(call: Invocation) -> None:
    _global(call)
    call.quiet = all(item.value is not None for item in call.argv[1:] if not item.rough or item.value is not None)
    call.write(".git")


def _credential(call: Invocation) -> None:
    _global(call)
    call.effect("secrets")


def _write_tree(call: Invocation) -> None:
    _global(call)
    call.write(".git")


def _bare(call: Invocation) -> None:
    _global(call)


_DIFFING = program("", _DIFF, strict=True, special=_paths_behind)
_READING = program("", _DIFF, special=_paths_behind)
_CHANGING = program("", ": -f --force -n --dry-run -v -q -a -u -A --all", special=_write_tree)

PROGRAMS = (
    program(
        "git",
        _GLOBAL,
        strict=True,
        subs={
            "": program("", special=_bare),
            "status": program(
                "",
                ": -s -b -v -u -z -uno -uall --short --branch --long --porcelain --show-stash --ahead-behind "
                "--no-ahead-behind --renames --no-renames --verbose\n?: --porcelain --untracked-files --ignored "
                "--ignore-submodules --column --find-renames",
                strict=True,
                special=_paths_behind,
            ),
            "diff diff-tree diff-index diff-files": _DIFFING,
            "log show whatchanged shortlog rev-list range-diff cherry reflog-show": _DIFFING,
            "rev-parse ls-files ls-tree blame annotate describe cat-file merge-base name-rev for-each-ref "
            "show-ref show-branch "
            "count-objects check-ignore check-attr check-mailmap verify-commit verify-tag verify-pack var version help "
            "ls-remote-refs merge-tree fsck stripspace column patch-id get-tar-commit-id diagnose": program(
                "", special=_paths_behind
            ),
            "grep": program(
                "",
                "=: -e -A -B -C -m --max-depth --threads --and --or --max-count\n=r: -f\n?: -O --open-files-in-pager "
                "--color\n!exec_data~it runs a text converter: --textconv",
                special=_grep,
            ),
            "branch": program(
                "",
                "=: -u --set-upstream-to\n: -a -r -v -l -d -D -m -M -c -C -f -q -i -t --all --remotes --list "
                "--delete --move --copy --force --show-current --verbose --no-color --track --no-track "
                "--unset-upstream --ignore-case --no-abbrev --edit-description\n?: --contains --no-contains --merged "
                "--no-merged --points-at --sort --format --abbrev --column --color",
                special=_branch,
            ),
            "tag": program(
                "",
                "=: -m -F -u --message --local-user --cleanup\n=r: --file\n: -a -s -d -f -l -v --annotate --sign "
                "--delete --force --list --verify\n?: -n --contains --merged --no-merged --points-at --sort --format "
                "--column",
                special=_tag,
            ),
            "checkout": program(
                "",
                "=: -b -B --orphan --conflict -U --unified --inter-hunk-context\n=r: --pathspec-from-file\n: -q -f "
                "-l -t -d -m -p --quiet --force --detach --ours --theirs --patch --merge --guess --no-guess "
                "--overlay --no-overlay --progress --no-progress --no-track --ignore-skip-worktree-bits "
                "--ignore-other-worktrees\n?: --track --recurse-submodules --no-recurse-submodules",
                special=_checkout,
            ),
            "switch": program(
                "",
                "=: -c -C --create --force-create --orphan --conflict\n: -d -f -q -t -m --detach --force "
                "--discard-changes --guess --no-guess --merge --quiet --no-track\n?: --track --recurse-submodules",
                special=_switch,
            ),
            "restore": program(
                "",
                "=: -s --source --conflict\n=r: --pathspec-from-file\n: -S -W -p -q -m --staged --worktree --ours "
                "--theirs --patch --quiet --merge --overlay --no-overlay",
                special=_restore,
            ),
            "reset": program(
                "",
                ": --hard --soft --mixed --merge --keep -q -p -N --quiet --patch --intent-to-add\n?: "
                "--recurse-submodules\n=r: --pathspec-from-file",
                special=_reset,
            ),
            "clean": program(
                "", ": -d -f -i -n -q -x -X --force --interactive --dry-run --quiet\n=: -e --exclude", special=_clean
            ),
            "stash": program(
                "",
                subs={
                    "": program("", special=_write_tree),
                    "list show": _READING,
                    "drop clear": program("", special=_stash),
                    "*": program(
                        "",
                        ": -p -q -u -a -k -S -m --patch --quiet --include-untracked --all --keep-index --staged --index "
                        "--message",
                        special=_write_tree,
                    ),
                },
            ),
            "push": program(
                "",
                "=: -o --push-option --repo --recurse-submodules\n=x: --receive-pack --exec\n: -u -f -d -n -q -v -4 "
                "-6 --all --branches --mirror --tags --follow-tags --atomic --dry-run --force --delete --prune "
                "--set-upstream --thin --no-verify --progress --signed --quiet --verbose --porcelain "
                "--force-if-includes\n?: --force-with-lease --signed",
                special=_push,
            ),
            "fetch pull remote-update": program(
                "",
                "=x: --upload-pack\n=: -o -j --depth --deepen --shallow-since --shallow-exclude --jobs --refmap -s "
                "-X --strategy --strategy-option --negotiation-tip --server-option\n: -a -f -k -m -n -p -P -q -t -u "
                "-v -4 -6 --all --append --atomic --force --keep --prune --prune-tags --tags --no-tags --dry-run "
                "--unshallow --rebase --no-rebase --ff --ff-only --no-ff --squash --autostash --quiet --verbose "
                "--progress --multiple\n?: --rebase --recurse-submodules -r -S",
                special=_fetch,
            ),
            "ls-remote": program(
                "",
                "=x: --upload-pack --exec\n: -b -t -q -h --heads --branches --tags --refs --quiet --exit-code "
                "--get-url --symref\n?: --sort",
                special=_fetch,
            ),
            "clone": program(
                "",
                "=x: -u --upload-pack\n=: -b -c -o -j --branch --config --origin --jobs --depth --shallow-since "
                "--filter --server-option --bundle-uri\n=d: --reference --reference-if-able --template\n=w: "
                "--separate-git-dir\n: -l -s -q -v -n --local --shared --no-hardlinks --quiet --verbose --progress "
                "--no-checkout --bare --mirror --single-branch --no-single-branch --no-tags --sparse "
                "--dissociate\n?: --recurse-submodules --recursive --shallow-submodules",
                special=_clone,
            ),
            "remote": program(
                "",
                subs={
                    "": program("", special=_bare),
                    "show": program("", effects="network", special=_remote),
                    "get-url -v": program("", special=_remote),
                    "*": program("", special=_remote),
                },
            ),
            "config": program(
                "",
                "=r: -f --file --blob\n=: --type --default --value --comment\n: -l -e -z --global --system --local "
                "--worktree --list --get --get-all --get-regexp --get-urlmatch --add --replace-all --unset "
                "--unset-all --edit --show-origin --show-scope --name-only --null --bool --int --path --includes "
                "--no-includes --remove-section --rename-section --all --get-color --get-colorbool",
                special=_config,
            ),
            "worktree": program(
                "",
                subs={
                    "": program("", special=_bare),
                    "list": program("", special=_bare),
                    "*": program("", ": -f --force -b -B -d --detach --lock", special=_worktree),
                },
            ),
            "submodule": program(
                "",
                subs={
                    "": program("", special=_bare),
                    "status summary": program("", special=_bare),
                    "*": program(
                        "", ": --recursive --init --remote --quiet -q -f --force", stop=True, special=_submodule
                    ),
                },
            ),
            "bisect": program(
                "", subs={"run": program("", stop=True, special=_bisect), "*": program("", special=_write_tree)}
            ),
            "rebase": program(
                "",
                "=: -x --exec -s -X --onto --strategy --strategy-option -C\n: -i -p -r --interactive --continue "
                "--abort --skip --quit --autosquash --autostash --root --edit-todo --force-rebase",
                special=_rebase,
            ),
            "filter-branch filter-repo replace": program("", style="loose", special=_filter),
            "reflog": program(
                "",
                subs={
                    "": program("", special=_bare),
                    "show list exists": _READING,
                    "*": program("", style="loose", special=_reflog),
                },
            ),
            "gc prune repack maintenance pack-refs pack-objects": program("", style="loose", special=_gc),
            "rm": program("", ": -f -n -r -q --force --dry-run --cached --ignore-unmatch --quiet", special=_rm),
            "mv": program("", ": -f -k -n -v", operands="write*", special=_only),
            "update-ref symbolic-ref": program("", ": -d --delete --stdin -z -q", special=_update_ref),
            "archive bundle": program(
                "", "=w: -o --output\n=x: --exec\n=: --remote --format --prefix", special=_archive
            ),
            "commit": program(
                "",
                "=: -m -F -C -c -t -S --message --author --date --fixup --squash --trailer --cleanup\n=r: --file "
                "--template\n: -a -p -s -e -n -q -v -o -i --all --patch --signoff --amend --no-edit --allow-empty "
                "--allow-empty-message --no-verify --dry-run --quiet --verbose --only --include --interactive "
                "--reset-author\n?: --gpg-sign --untracked-files",
                special=_write_tree,
            ),
            "add init merge cherry-pick revert am apply notes rerere sparse-checkout update-index write-tree "
            "commit-tree hash-object "
            "mktag mktree read-tree checkout-index merge-file unpack-objects lfs flow subtree prune-packed": _CHANGING,
            "credential credential-store credential-cache": program("", special=_credential),
            "difftool mergetool citool gui instaweb web--browse daemon http-backend shell send-email svn p4 "
            "cvsimport fast-import "
            "remote-ext remote-fd upload-pack receive-pack upload-archive request-pull imap-send": program(
                "", style="loose", effects="exec_data", doubt="a git command that runs programs or serves"
            ),
            "*": program("", style="loose", special=_alias),
        },
    ),
)
