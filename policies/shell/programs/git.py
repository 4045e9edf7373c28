"""git 2.47: its subcommands and their options. What an option list cannot tell (which checkout throws work away, which
setting names a program) is in `policies.shell.git`."""

from __future__ import annotations

from policies.shell.git.changes import (
    bisect,
    branch,
    checkout,
    clean,
    filter_history,
    gc,
    rebase,
    reflog,
    reset,
    restore,
    rm,
    stash,
    switch,
    tag,
    update_ref,
    worktree,
    write_tree,
)
from policies.shell.git.looking import grep, paths_behind
from policies.shell.git.remotes import archive, clone, fetch, push, remote, submodule
from policies.shell.git.settings import alias, config, credential, settings
from policies.shell.model import program

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

_DIFFING = program("", _DIFF, strict=True, special=paths_behind)
_READING = program("", _DIFF, special=paths_behind)
_CHANGING = program("", ": -f --force -n --dry-run -v -q -a -u -A --all", special=write_tree)


PROGRAMS = (
    program(
        "git",
        _GLOBAL,
        strict=True,
        subs={
            "": program("", special=settings),
            "status": program(
                "",
                ": -s -b -v -u -z -uno -uall --short --branch --long --porcelain --show-stash --ahead-behind "
                "--no-ahead-behind --renames --no-renames --verbose\n?: --porcelain --untracked-files --ignored "
                "--ignore-submodules --column --find-renames",
                strict=True,
                special=paths_behind,
            ),
            "diff diff-tree diff-index diff-files": _DIFFING,
            "log show whatchanged shortlog rev-list range-diff cherry reflog-show": _DIFFING,
            "rev-parse ls-files ls-tree blame annotate describe cat-file merge-base name-rev for-each-ref "
            "show-ref show-branch "
            "count-objects check-ignore check-attr check-mailmap verify-commit verify-tag verify-pack var version help "
            "ls-remote-refs merge-tree fsck stripspace column patch-id get-tar-commit-id diagnose": program(
                "", special=paths_behind
            ),
            "grep": program(
                "",
                "=: -e -A -B -C -m --max-depth --threads --and --or --max-count\n=r: -f\n?: -O --open-files-in-pager "
                "--color\n!exec_data~it runs a text converter: --textconv",
                special=grep,
            ),
            "branch": program(
                "",
                "=: -u --set-upstream-to\n: -a -r -v -l -d -D -m -M -c -C -f -q -i -t --all --remotes --list "
                "--delete --move --copy --force --show-current --verbose --no-color --track --no-track "
                "--unset-upstream --ignore-case --no-abbrev --edit-description\n?: --contains --no-contains --merged "
                "--no-merged --points-at --sort --format --abbrev --column --color",
                special=branch,
            ),
            "tag": program(
                "",
                "=: -m -u --message --local-user --cleanup\n=r: -F --file\n: -a -s -d -f -l -v --annotate --sign "
                "--delete --force --list --verify\n?: -n --contains --merged --no-merged --points-at --sort --format "
                "--column",
                special=tag,
            ),
            "checkout": program(
                "",
                "=: -b -B --orphan --conflict -U --unified --inter-hunk-context\n=r: --pathspec-from-file\n: -q -f "
                "-l -t -d -m -p --quiet --force --detach --ours --theirs --patch --merge --guess --no-guess "
                "--overlay --no-overlay --progress --no-progress --no-track --ignore-skip-worktree-bits "
                "--ignore-other-worktrees\n?: --track --recurse-submodules --no-recurse-submodules",
                special=checkout,
            ),
            "switch": program(
                "",
                "=: -c -C --create --force-create --orphan --conflict\n: -d -f -q -t -m --detach --force "
                "--discard-changes --guess --no-guess --merge --quiet --no-track\n?: --track --recurse-submodules",
                special=switch,
            ),
            "restore": program(
                "",
                "=: -s --source --conflict\n=r: --pathspec-from-file\n: -S -W -p -q -m --staged --worktree --ours "
                "--theirs --patch --quiet --merge --overlay --no-overlay",
                special=restore,
            ),
            "reset": program(
                "",
                ": --hard --soft --mixed --merge --keep -q -p -N --quiet --patch --intent-to-add\n?: "
                "--recurse-submodules\n=r: --pathspec-from-file",
                special=reset,
            ),
            "clean": program(
                "", ": -d -f -i -n -q -x -X --force --interactive --dry-run --quiet\n=: -e --exclude", special=clean
            ),
            "stash": program(
                "",
                subs={
                    "": program("", special=write_tree),
                    "list show": _READING,
                    "drop clear": program("", special=stash),
                    "*": program(
                        "",
                        ": -p -q -u -a -k -S -m --patch --quiet --include-untracked --all --keep-index --staged --index "
                        "--message",
                        special=write_tree,
                    ),
                },
            ),
            "push": program(
                "",
                "=: -o --push-option --repo --recurse-submodules\n=x: --receive-pack --exec\n: -u -f -d -n -q -v -4 "
                "-6 --all --branches --mirror --tags --follow-tags --atomic --dry-run --force --delete --prune "
                "--set-upstream --thin --no-verify --progress --signed --quiet --verbose --porcelain "
                "--force-if-includes\n?: --force-with-lease --signed",
                special=push,
            ),
            "fetch pull remote-update": program(
                "",
                "=x: --upload-pack\n=: -o -j --depth --deepen --shallow-since --shallow-exclude --jobs --refmap -s "
                "-X --strategy --strategy-option --negotiation-tip --server-option\n: -a -f -k -m -n -p -P -q -t -u "
                "-v -4 -6 --all --append --atomic --force --keep --prune --prune-tags --tags --no-tags --dry-run "
                "--unshallow --rebase --no-rebase --ff --ff-only --no-ff --squash --autostash --quiet --verbose "
                "--progress --multiple\n?: --rebase --recurse-submodules -r -S",
                special=fetch,
            ),
            "ls-remote": program(
                "",
                "=x: --upload-pack --exec\n: -b -t -q -h --heads --branches --tags --refs --quiet --exit-code "
                "--get-url --symref\n?: --sort",
                special=fetch,
            ),
            "clone": program(
                "",
                "=x: -u --upload-pack\n=: -b -c -o -j --branch --config --origin --jobs --depth --shallow-since "
                "--filter --server-option --bundle-uri\n=d: --reference --reference-if-able --template\n=w: "
                "--separate-git-dir\n: -l -s -q -v -n --local --shared --no-hardlinks --quiet --verbose --progress "
                "--no-checkout --bare --mirror --single-branch --no-single-branch --no-tags --sparse "
                "--dissociate\n?: --recurse-submodules --recursive --shallow-submodules",
                special=clone,
            ),
            "remote": program(
                "",
                subs={
                    "": program("", special=settings),
                    "show": program("", effects="network", special=remote),
                    "get-url -v": program("", special=remote),
                    "*": program("", special=remote),
                },
            ),
            "config": program(
                "",
                "=r: -f --file --blob\n=: --type --default --value --comment\n: -l -e -z --global --system --local "
                "--worktree --list --get --get-all --get-regexp --get-urlmatch --add --replace-all --unset "
                "--unset-all --edit --show-origin --show-scope --name-only --null --bool --int --path --includes "
                "--no-includes --remove-section --rename-section --all --get-color --get-colorbool",
                special=config,
            ),
            "worktree": program(
                "",
                subs={
                    "": program("", special=settings),
                    "list": program("", special=settings),
                    "*": program(
                        "",
                        "=: -b -B --reason\n: -f --force -d --detach --lock --checkout --no-checkout --guess-remote",
                        special=worktree,
                    ),
                },
            ),
            "submodule": program(
                "",
                subs={
                    "": program("", special=settings),
                    "status summary": program("", special=settings),
                    "*": program(
                        "", ": --recursive --init --remote --quiet -q -f --force", stop=True, special=submodule
                    ),
                },
            ),
            "bisect": program(
                "", subs={"run": program("", stop=True, special=bisect), "*": program("", special=write_tree)}
            ),
            "rebase": program(
                "",
                "=: -x --exec -s -X --onto --strategy --strategy-option -C\n: -i -p -r --interactive --continue "
                "--abort --skip --quit --autosquash --autostash --root --edit-todo --force-rebase",
                special=rebase,
            ),
            "filter-branch filter-repo replace": program("", style="loose", special=filter_history),
            "reflog": program(
                "",
                subs={
                    "": program("", special=settings),
                    "show list exists": _READING,
                    "*": program("", style="loose", special=reflog),
                },
            ),
            "gc prune repack maintenance pack-refs pack-objects": program("", style="loose", special=gc),
            "rm": program("", ": -f -n -r -q --force --dry-run --cached --ignore-unmatch --quiet", special=rm),
            "mv": program("", ": -f -k -n -v", operands="write*", special=settings),
            "update-ref symbolic-ref": program("", ": -d --delete --stdin -z -q", special=update_ref),
            "archive bundle": program(
                "", "=w: -o --output\n=x: --exec\n=: --remote --format --prefix", special=archive
            ),
            "commit": program(
                "",
                "=: -m -C -c --message --author --date --fixup --squash --trailer --cleanup\n=r: -F -t --file "
                "--template\n: -a -p -s -e -n -q -v -o -i --all --patch --signoff --amend --no-edit --allow-empty "
                "--allow-empty-message --no-verify --dry-run --quiet --verbose --only --include --interactive "
                "--reset-author\n?: -S --gpg-sign --untracked-files",
                special=write_tree,
            ),
            "add init merge cherry-pick revert am apply notes rerere sparse-checkout update-index write-tree "
            "commit-tree hash-object "
            "mktag mktree read-tree checkout-index merge-file unpack-objects lfs flow subtree prune-packed": _CHANGING,
            "credential credential-store credential-cache": program("", special=credential),
            "difftool mergetool citool gui instaweb web--browse daemon http-backend shell send-email svn p4 "
            "cvsimport fast-import "
            "remote-ext remote-fd upload-pack receive-pack upload-archive request-pull imap-send": program(
                "", style="loose", effects="exec_data", doubt="a git command that runs programs or serves"
            ),
            "*": program("", style="loose", special=alias),
        },
    ),
)
