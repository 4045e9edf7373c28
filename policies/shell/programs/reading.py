"""Programs that only read and print, whatever their options say; those that can write or run something list which."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program
from policies.shell.words import Field


def _second_is_output(call: Invocation) -> None:
    call.read(*call.operands[:1])
    call.write(*call.operands[1:2])


def _pattern_first(call: Invocation) -> None:
    """grep and its kin: the first operand is the pattern, unless -e or -f gave one. Without files rg and ag search here."""
    given = call.has("-e", "--regexp", "-f", "--file", "--files", "--type-list", "-g") and call.program not in {
        "rg",
        "ag",
    }
    given = given or call.has("-e", "--regexp", "-f", "--file", "--files", "--type-list")
    items = call.operands if given else call.operands[1:]
    call.read(*items)
    if not items and (call.has("-r", "-R", "--recursive") or call.program in {"rg", "ag", "ack"}) and call.stdin == "":
        call.read(".")


def _date(call: Invocation) -> None:
    if any(not text.startswith("+") for text in call.texts()):
        call.effect("privilege")


def _hostname(call: Invocation) -> None:
    if call.operands:
        call.effect("privilege")


def _ls(call: Invocation) -> None:
    call.read(*(call.operands or [Field(".")]))


def _fd(call: Invocation) -> None:
    """fd: pattern, then folders; `-x` takes the rest as a command."""
    words = [item.value for item in call.argv]
    for flag in ("-x", "--exec", "-X", "--exec-batch"):
        if flag in words:
            rest = call.argv[words.index(flag) + 1 :]
            call.run.words(
                call,
                [Field("./*", True) if item.value in {"{}", "{.}", "{/}", "{//}"} else item for item in rest] or [],
                "find",
            )
            call.effect("exec_data")
            return
    call.read(*(call.operands[1:] or [Field(".")]))


def _pager(call: Invocation) -> None:
    call.read(*(item for item in call.operands if not (item.value or "").startswith("+")))
    if any((text or "").startswith("+") and "!" in text for text in call.texts()):
        call.effect("exec_data")
        call.doubt("a pager's command")


def _file(call: Invocation) -> None:
    call.read(*call.operands)
    if call.has("-C", "--compile"):
        call.write(".")


def _jq(call: Invocation) -> None:
    """The filter comes first. `input_filename`, `$ENV` and `env` show the environment."""
    items = list(call.operands)
    if not call.has("-f", "--from-file") and items:
        text = items.pop(0).value or ""
        if "$ENV" in text or re.search(r"(?<![.\w$])env\b", text):
            call.effect("secrets")
    if not call.has("--args", "--jsonargs"):
        call.read(*items)


def _yq(call: Invocation) -> None:
    items = call.operands[1:]
    call.read(*items)
    if call.has("-i", "--inplace", "--in-place"):
        call.write(*items)


def _xmllint(call: Invocation) -> None:
    call.read(*call.operands)


def _ps(call: Invocation) -> None:
    words = [item.value or "" for item in call.argv[1:]]
    if any("e" in word and not word.startswith("-") and word.isalpha() for word in words):
        call.effect("secrets")  # BSD style `ps e` shows the environment


def _openssl(call: Invocation) -> None:
    texts = call.texts()
    if texts[:1] in (["s_client"], ["s_server"], ["ocsp"]):
        call.effect("network")
    if call.argv[1:] and any(item.value in {"-engine", "-provider", "-provider-path"} for item in call.argv):
        call.effect("exec_data")
    for before, item in zip(call.argv, call.argv[1:], strict=False):
        if before.value in {"-in", "-key", "-cert", "-CAfile", "-inkey", "-config", "-kfile", "-passin", "-signkey"}:
            call.read(*([Field((item.value or "").removeprefix("file:"))] if item.value else [item]))
        if before.value in {"-out", "-keyout", "-writerand"}:
            call.write(item)


def _getent(call: Invocation) -> None:
    if call.texts()[:1] in (["shadow"], ["gshadow"]):
        call.read("/etc/" + call.texts()[0])


_LOOSE_READERS = (
    "cat gcat tac wc gwc stat gstat nl rev fold fmt pr expand unexpand comm cmp md5 md5sum sha1sum "
    "sha224sum sha256sum sha384sum sha512sum shasum cksum b2sum b3sum sum od hexdump hd strings zcat "
    "zgrep zegrep zfgrep "
    "gzcat bzcat xzcat bzgrep xzgrep zdiff zcmp nm size readelf ldd c++filt addr2line look tsort cloc "
    "tokei scc sloccount "
    "lsof exa eza lsd glow mdcat pdftotext exiftool identify mediainfo gron csvlook csvstat readlink realpath namei "
    "getfacl lsattr colordiff wdiff difft vdiff hexyl dust ncdu iconv"
)

PROGRAMS = (
    program(_LOOSE_READERS, style="gnu", operands="read*"),
    program(
        "head ghead tail gtail",
        "=: -n -c --lines --bytes -s --sleep-interval --pid --max-unchanged-stats\n?: --follow\n: -f -F -q "
        "-r -v -z --quiet --silent --verbose --retry",
        operands="read*",
    ),
    program(
        "diff gdiff sdiff diff3",
        "=: -C -U -F -I -W -x -L --label --context --unified --ignore-matching-lines --exclude --width "
        "--color --tabsize\n=r: -X --exclude-from --from-file --to-file\n=w: -o --output\n=p: --diff-program",
        operands="read*",
    ),
    program(
        "basename dirname seq expr uname whoami id groups logname tty nproc arch uptime free lscpu lsblk "
        "lsmem lspci lsusb vmstat iostat mpstat sar w who last users finger getconf locale localectl "
        "lsb_release sw_vers cal ncal factor numfmt bc dc units clear reset tput stty pgrep pidof pstree top "
        "htop btop sensors acpi nvidia-smi figlet cowsay lolcat fortune banner yes ascii toilet mesg",
        style="loose",
    ),
    program(
        "date gdate",
        "=: -d -f -r -j -v -z --date --reference\n=!privilege: -s --set\n: -u -R -I -n --utc\n?: --iso-8601 "
        "--rfc-3339 --rfc-email",
        special=_date,
    ),
    program("hostname domainname", style="loose", special=_hostname),
    program(
        "ls gls dir vdir tree du gdu df gdf",
        "=: -I -w -T -L -P -B --ignore --hide --block-size --width --time-style --sort --time --format "
        "--indicator-style --exclude --max-depth --threshold -d\n=w: -o",
        special=_ls,
    ),
    program(
        "column tr gtr paste join",
        "=: -s -t -d -c -o -j -1 -2 -e -i -N -H -R -W -T -E -O --separator --output-separator --delimiters "
        "--table-columns --table-right --table-hide",
        style="gnu",
        operands="",
    ),
    program(
        "cut gcut",
        "=: -b -c -d -f --bytes --characters --delimiter --fields --output-delimiter\n: -n -s -z "
        "--complement --only-delimited",
        operands="read*",
    ),
    program(
        "uniq guniq",
        "=: -f -s -w --skip-fields --skip-chars --check-chars\n: -c -d -D -i -u -z --count --repeated "
        "--unique --ignore-case\n?: --all-repeated --group",
        special=_second_is_output,
    ),
    program(
        "shuf",
        "=: -i -n --input-range --head-count\n: -e -r -z --echo --repeat\n=w: -o --output\n=r: --random-source",
        operands="read*",
    ),
    program(
        "sort gsort",
        ": -b -c -C -d -f -g -h -i -M -m -n -R -r -s -u -V -z --unique --reverse --numeric-sort "
        "--human-numeric-sort --version-sort --ignore-case --stable --merge --check --random-sort "
        "--general-numeric-sort --zero-terminated --ignore-leading-blanks --dictionary-order --month-sort "
        "--debug\n=: -k -t -S --key --field-separator --buffer-size --parallel --batch-size --sort\n=w: -o "
        "--output\n=d: -T --temporary-directory\n=r: --files0-from --random-source\n=p: --compress-program",
        strict=True,
        operands="read*",
    ),
    program(
        "grep egrep fgrep ggrep",
        ": -E -F -G -P -i -y -v -w -x -c -L -l -o -q -s -b -H -h -n -T -U -z -Z -a -I -r -R -u "
        "--extended-regexp --fixed-strings --perl-regexp --basic-regexp --ignore-case --no-ignore-case "
        "--invert-match --word-regexp --line-regexp --count --files-without-match --files-with-matches "
        "--only-matching --quiet --silent --no-messages --byte-offset --with-filename --no-filename "
        "--line-number --initial-tab --null --null-data --text --recursive --dereference-recursive "
        "--line-buffered --binary\n=: -e -m -A -B -C -d -D --regexp --max-count --after-context "
        "--before-context --context --label --include --exclude --exclude-dir --binary-files --devices "
        "--directories\n=r: -f --file --exclude-from\n?: --color --colour",
        strict=True,
        special=_pattern_first,
    ),
    program(
        "rg ripgrep",
        ": -a -b -c -F -H -h -I -i -l -L -N -n -o -P -p -q -S -s -U -u -v -w -x -z -0 -. --hidden "
        "--no-ignore --no-ignore-vcs --no-ignore-parent --no-ignore-global --files --files-with-matches "
        "--files-without-match --count --count-matches --ignore-case --smart-case --case-sensitive "
        "--fixed-strings --line-number --no-line-number --no-heading --heading --with-filename --no-filename "
        "--only-matching --multiline --multiline-dotall --word-regexp --line-regexp --invert-match --json "
        "--vimgrep --pcre2 --text --stats --trim --null --quiet --no-messages --unrestricted --type-list "
        "--pretty --column --follow --passthru --debug --no-config --crlf --search-zip --block-buffered "
        "--line-buffered --one-file-system --no-unicode --byte-offset\n=: -A -B -C -d -E -e -g -j -M -m -r "
        "-t -T --regexp --glob --iglob --type --type-not --type-add --max-count --max-depth --maxdepth "
        "--max-columns --max-filesize --after-context --before-context --context --context-separator --color "
        "--colors --encoding --engine --replace --sort --sortr --threads --path-separator "
        "--field-match-separator --pre-glob --dfa-size-limit --regex-size-limit --hyperlink-format\n=r: -f "
        "--file --ignore-file\n=p: --pre --hostname-bin",
        strict=True,
        special=_pattern_first,
    ),
    program(
        "ag ack",
        "=: -A -B -C -G -g -m -W --ignore --ignore-dir --depth --after --before --context\n=p: --pager\n=r: "
        "-p --path-to-ignore --ackrc",
        special=_pattern_first,
    ),
    program(
        "fd fdfind",
        "=: -e -E -t -d -g -c -S -j -o --extension --exclude --type --max-depth --min-depth --color --size "
        "--changed-within --changed-before --threads --max-results --owner\n=d: --base-directory "
        "--search-path -C",
        special=_fd,
    ),
    program("locate mlocate plocate updatedb", style="loose"),
    program(
        "less more most pg zless zmore",
        "=: -b -h -j -p -P -t -T -x -y -z\n=w: -o -O --log-file --LOG-FILE\n=r: -k "
        "--lesskey-file\n=r!exec_data: --lesskey-src",
        special=_pager,
    ),
    program(
        "bat batcat",
        "=: -l -H -m -r --language --highlight-line --map-syntax --theme --style --line-range --tabs --wrap "
        "--terminal-width --color --italic-text --decorations --paging --file-name\n=x: --pager\n: -A -p -n "
        "-u --plain --number --show-all --list-languages --list-themes",
        special=_pager,
    ),
    program(
        "file gfile",
        "=: -F -e -P --separator --exclude --parameter\n=r: -f -m --files-from --magic-file\n: -b -i -I -k "
        "-L -h -n -N -p -r -s -v -z -Z -0 -C --brief --mime --mime-type --mime-encoding --compile",
        special=_file,
    ),
    program("xxd", "=: -c -g -l -o -s -n -R\n: -a -b -C -d -E -e -i -p -ps -r -u", special=_second_is_output),
    program("base64 base32 basenc gbase64", "=: -w --wrap -b\n=r: -i\n=w: -o", operands="read*"),
    program(
        "jq gojq jaq",
        "=: --indent\n=r: -f --from-file -L\n: -c -n -r -s -S -e -R -j -a -C -M -h --compact-output "
        "--raw-output --slurp --null-input --exit-status --sort-keys --tab --args --jsonargs",
        style="loose",
        special=_jq,
    ),
    program(
        "yq",
        "=: -o -p -I --output-format --input-format --indent\n: -i -r -e -n -P -c -y -M -C --inplace "
        "--in-place --exit-status --null-input --prettyPrint",
        special=_yq,
    ),
    program("xmllint xmlstarlet tidy htmlq pup csvcut csvgrep csvsort mlr", style="loose", special=_xmllint),
    program(
        "objdump gobjdump",
        "=: -M -j -b -m --section --disassemble\n: -d -D -h -S -s -t -x -r -p -f -C -l",
        operands="read*",
    ),
    program("ps", style="none", special=_ps),
    program("openssl", style="loose", special=_openssl),
    program("ts", style="loose"),
    program("delta", style="loose", operands="read*"),
    program("dmesg", "!destructive: -c -C --clear --read-clear", style="gnu"),
    program(
        "journalctl",
        "!destructive: --rotate --flush\n=!destructive: --vacuum-size --vacuum-time --vacuum-files\n"
        "=: -u -n -p -S -U -o -t -g --unit --lines --priority --since --until --output --identifier --grep",
    ),
    program("getent", style="loose", special=_getent),
)
