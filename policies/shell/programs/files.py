"""Programs that make, move and remove files. GNU coreutils 9.5, util-linux 2.40."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program
from policies.shell.paths import shown
from policies.shell.places import is_system
from policies.shell.words import Field


def _shown(items: list[Field]) -> list[str]:
    return [path.rstrip("/") or path for path in (shown(item.value) for item in items if item.value)]


def _last_is_target(call: Invocation) -> None:
    """cp and mv: the last operand is written, unless `-t` names the directory."""
    target = [*call.values.get("-t", []), *call.values.get("--target-directory", [])]
    sources = call.operands if target else call.operands[:-1]
    call.read(*sources)
    call.write(*(target or call.operands[-1:]))
    if call.program == "mv":
        call.write(*sources)
        gone = any((item.value or "") == "/dev/null" for item in call.operands[-1:])
        if gone or any(map(is_system, _shown(sources))):
            call.effect("destructive")


def _ln(call: Invocation) -> None:
    target = [*call.values.get("-t", []), *call.values.get("--target-directory", [])]
    if target or len(call.operands) < 2:
        call.read(*call.operands)
        call.write(*target)
        return
    call.read(*call.operands[:-1])
    call.write(call.operands[-1])


def _rm(call: Invocation) -> None:
    call.write(*call.operands)
    wide = any(
        item.glob and (item.value or "").rpartition("/")[2].startswith(("*", ".*", "?")) for item in call.operands
    )
    if call.has("-r", "-R", "--recursive", "--no-preserve-root") or wide or any(map(is_system, _shown(call.operands))):
        call.effect("destructive")


def _dd(call: Invocation) -> None:
    for item in call.operands:
        text = item.value
        if text is None:
            call.doubt(item.why)
            continue
        name, _, value = text.partition("=")
        if name == "if":
            call.read(value)
        elif name == "of":
            call.write(value)
            if value.startswith("/dev/") and value not in {"/dev/null", "/dev/stdout"}:
                call.effect("destructive")


def _mode(call: Invocation) -> None:
    """chmod, chown, chgrp: the first operand is a mode or an owner unless `--reference`."""
    items = call.operands if call.has("--reference") else call.operands[1:]
    call.write(*items)
    mode = call.operands[0].value if call.operands else None
    if (
        call.program == "chmod"
        and mode is not None
        and (re.search(r"[ugoa]*\+[rwxXt]*s", mode) or re.fullmatch(r"0?[2467]\d{3}", mode))
    ):
        call.effect("privilege")
    if call.program in {"chown", "chgrp"}:
        call.effect("privilege")
    if call.has("-R", "--recursive") and any(map(is_system, _shown(items))):
        call.effect("destructive")


def _split(call: Invocation) -> None:
    call.read(*call.operands[:1])
    call.write(*(call.operands[1:2] or [Field("x")]))


def _rsync(call: Invocation) -> None:
    from policies.shell.options import remote

    away = False
    for item in call.operands[:-1]:
        if item.value is not None and remote(call, item.value):
            away = True
        else:
            call.read(item)
    last = call.operands[-1:]
    if last and last[0].value is not None and len(call.operands) > 1:
        if remote(call, last[0].value):
            call.effect("network")
        else:
            call.write(*last)
    if away:
        call.effect("network")
    if any(flag.startswith("--del") for flag in call.flags):
        call.effect("destructive")


def _tar(call: Invocation) -> None:
    """Old style (`tar xzf a.tgz`) has its letters in the first word."""
    items = list(call.operands)
    letters = "".join(flag[1:] for flag in call.flags if len(flag) == 2)
    first = call.argv[1].value if len(call.argv) > 1 else None
    if items and first is not None and first == items[0].value and re.fullmatch(r"[A-Za-z]*[cxtruAd][A-Za-z]*", first):
        letters = items.pop(0).value or ""
        for letter in letters:
            if letter in "fCbXTLKN" and items:
                call.values.setdefault("-" + letter, []).append(items.pop(0))
        call.flags.extend("-" + letter for letter in letters if "-" + letter not in call.flags)
        if "I" in letters or "F" in letters:
            call.effect("exec_data")
            call.doubt("tar runs a program")
    for item in call.values.get("--checkpoint-action", []):
        action = item.value or ""
        if action.startswith("exec="):
            call.run.text(call, action.removeprefix("exec="), "tar")
    archive = [*call.values.get("-f", []), *call.values.get("--file", [])]
    folders = [*call.values.get("-C", []), *call.values.get("--directory", [])]
    listing = "t" in letters or call.has("--list", "--diff", "--compare")
    taking = "x" in letters or call.has("--extract", "--get")
    if listing:
        call.read(*archive)
    elif taking:
        call.read(*archive)
        call.write(*(folders or [Field(".")]))
        if call.has("-P", "--absolute-names"):
            call.doubt("the archive chooses where it writes")
    else:
        call.write(*archive)
        call.read(*folders)
        base = next((item.value for item in folders if item.value), "")
        for item in items:
            value = item.value
            call.read(f"{base}/{value}" if base and value and value[:1] not in {"/", "\0"} else item)
        if call.has("--remove-files", "--delete"):
            call.effect("destructive")
    for item in archive:
        if item.value is not None and re.match(r"[\w.@-]+:", item.value) and not call.has("--force-local"):
            call.host(item.value.partition(":")[0].rpartition("@")[2])
    for name in ("-T", "--files-from", "-X", "--exclude-from"):
        call.read(*call.values.get(name, []))


def _unzip(call: Invocation) -> None:
    call.read(*call.operands[:1])
    if not call.has("-l", "-t", "-v", "-Z", "-p", "-c", "-z"):
        call.write(*(call.values.get("-d") or [Field(".")]))


def _zip(call: Invocation) -> None:
    call.write(*call.operands[:1])
    call.read(*call.operands[1:])
    if call.has("-m", "--move", "-d", "--delete"):
        call.effect("destructive")
    if call.has("-T", "--test") and call.has("-TT", "--unzip-command"):
        call.effect("exec_data")
        call.doubt("zip runs a program")


def _seven(call: Invocation) -> None:
    mode = call.texts()[:1]
    if mode in (["l"], ["t"], ["h"]):
        call.read(*call.operands[1:])
    elif mode in (["x"], ["e"]):
        call.read(*call.operands[1:2])
        call.write(".")
    else:
        call.write(*call.operands[1:2])
        call.read(*call.operands[2:])


def _gzip(call: Invocation) -> None:
    call.read(*call.operands)
    if not call.has("-c", "--stdout", "--to-stdout", "-l", "--list", "-t", "--test"):
        call.write(*call.operands)


def _cpio(call: Invocation) -> None:
    if call.has("-i", "--extract", "-p", "--pass-through"):
        call.write(*(call.operands or [Field(".")]))


def _patch(call: Invocation) -> None:
    call.read(*call.operands[1:2])
    call.write(*(call.operands[:1] or [Field(".")]))


def _mktemp(call: Invocation) -> None:
    call.write(*(call.operands or [Field("/tmp/tmp.XXXX")]))


def _truncate(call: Invocation) -> None:
    call.write(*call.operands)
    size = call.value("-s", "--size") or ""
    if not size.startswith("+"):
        call.effect("destructive")


_COPY = (
    ": -a -b -d -f -i -H -l -L -n -P -p -R -r -s -T -u -v -x -Z --archive --force --interactive --link "
    "--dereference --no-clobber --no-dereference --recursive --symbolic-link --verbose --update "
    "--one-file-system --strip-trailing-slashes --no-target-directory --parents --remove-destination "
    "--attributes-only --debug\n=: -S --suffix\n=w: -t --target-directory\n?: --backup --preserve "
    "--no-preserve --reflink --sparse --context"
)

PROGRAMS = (
    program(
        "rm grm",
        ": -d -f -i -I -r -R -v -P -W -x --dir --force --recursive --verbose --no-preserve-root "
        "--one-file-system\n?: --interactive --preserve-root",
        special=_rm,
    ),
    program("rmdir", ": -p -v --parents --ignore-fail-on-non-empty --verbose", operands="delete*"),
    program("unlink", operands="delete*"),
    program("trash trash-put gio rmtrash", operands="delete*"),
    program(
        "shred wipe srm scrub",
        "=: -n -s --iterations --size\n=r: --random-source\n: -f -u -v -x -z --force --exact --verbose "
        "--zero\n?: --remove",
        operands="delete*",
        effects="destructive",
    ),
    program("dd gdd", style="none", special=_dd),
    program("truncate", "=: -s --size -r --reference -o\n: -c --no-create --io-blocks", special=_truncate),
    program("fallocate", "=: -l -o --length --offset\n: -c -d -i -n -p -v -x -z", operands="write*"),
    program("cp gcp", _COPY, special=_last_is_target),
    program("mv gmv", _COPY, special=_last_is_target),
    program(
        "ln gln link",
        ": -b -d -f -F -i -L -n -P -r -s -T -v --force --symbolic --relative --no-dereference --verbose "
        "--no-target-directory\n=: -S --suffix\n=w: -t --target-directory\n?: --backup",
        special=_ln,
    ),
    program(
        "install ginstall",
        ": -b -c -C -d -D -p -s -T -v --compare --directory --preserve-timestamps --strip --verbose\n=: -g "
        "-m -o -S --group --mode --owner --suffix\n=w: -t --target-directory\n=p: --strip-program\n?: "
        "--backup",
        special=_last_is_target,
    ),
    program("mkdir gmkdir", ": -p -v -Z --parents --verbose\n=: -m --mode", operands="write*"),
    program(
        "touch gtouch",
        ": -a -c -f -h -m --no-create --no-dereference\n=: -d -t -A --date --time\n=r: -r --reference",
        operands="write*",
    ),
    program("mktemp", ": -d -q -u -t --directory --quiet --dry-run\n=: --suffix\n=d: -p\n?: --tmpdir", special=_mktemp),
    program("mkfifo mknod", "=: -m --mode", operands="write text*"),
    program("tee gtee", ": -a -i -p --append --ignore-interrupts\n?: --output-error", operands="write*"),
    program("sponge", ": -a", operands="write*"),
    program(
        "chmod gchmod chown gchown chgrp",
        ": -c -f -h -H -L -P -R -v --changes --quiet --silent --recursive --verbose --preserve-root "
        "--no-preserve-root --dereference --no-dereference\n=r: --reference\n=: --from",
        special=_mode,
    ),
    program("setfacl chattr setfattr xattr chcon", style="loose", operands="write*"),
    program(
        "split csplit gsplit",
        ": -d -e -x -u --verbose\n=: -a -b -C -l -n -t -f -k --bytes --lines --number --suffix-length "
        "--additional-suffix\n=x: --filter",
        special=_split,
    ),
    program(
        "rsync",
        ": -a -A -b -c -C -d -D -E -g -h -H -i -I -J -k -K -l -L -m -n -N -o -O -p -P -q -r -R -s -S -t -u "
        "-U -v -W -x -X -y -z -0 -4 -6 --archive --verbose --dry-run --progress --partial --recursive "
        "--compress --human-readable --stats --checksum --update --links --perms --times --relative --quiet "
        "--itemize-changes --no-motd --ignore-existing --existing --inplace --delay-updates\n!destructive: "
        "--del --delete --delete-before --delete-during --delete-delay --delete-after --delete-excluded "
        "--remove-source-files --delete-missing-args --force\n=: -B -f -M -T -@ --exclude --include --filter "
        "--bwlimit --timeout --port --max-size --min-size --chmod --chown --info --out-format --compare-dest "
        "--copy-dest --suffix --address --sockopts --block-size\n=r: --exclude-from --include-from "
        "--files-from --password-file --read-batch\n=w: --log-file --write-batch --partial-dir --backup-dir "
        "--link-dest --temp-dir\n=x: -e --rsh --rsync-path",
        strict=True,
        special=_rsync,
    ),
    program(
        "tar gtar bsdtar",
        ": -c -x -t -r -u -A -d -a -z -j -J -Z -v -k -m -p -P -h -l -n -o -O -S -w -W -U -B -i --create "
        "--extract --get --list --append --update --gzip --bzip2 --xz --zstd --verbose --keep-old-files "
        "--to-stdout --absolute-names --exclude-vcs --exclude-vcs-ignores --no-same-owner "
        "--no-same-permissions --same-owner --overwrite --totals --wildcards --no-recursion --auto-compress "
        "--sparse --dereference --null --remove-files --delete --diff --compare --preserve-permissions "
        "--numeric-owner --exclude-caches --force-local --no-wildcards --anchored --ignore-failed-read\n=: "
        "-f --file -C --directory -b -g -H -K -L -N -V -s --exclude --strip-components --transform --xform "
        "--owner --group --mode --mtime --format --sort --label --newer --one-top-level --level --suffix "
        "--warning --pax-option --blocking-factor --listed-incremental -T --files-from -X "
        "--exclude-from\n=x: -I --use-compress-program --to-command -F --info-script --new-volume-script "
        "--checkpoint-action --rmt-command --rsh-command\n?: --checkpoint --backup --occurrence",
        strict=True,
        special=_tar,
    ),
    program(
        "zip",
        ": -r -q -v -9 -j -u -f -m -d -T -g -x -y -X -e -l -D --recurse-paths --move --delete --test\n=: -i "
        "-n -t -P -b -s\n=x: -TT --unzip-command",
        special=_zip,
    ),
    program("unzip", ": -l -t -v -Z -p -c -z -o -n -q -j -f -u -a -L -X\n=: -P -d -x", special=_unzip),
    program("7z 7za 7zr rar unrar", style="loose", special=_seven),
    program(
        "gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd lz4 compress uncompress lzma pigz brotli",
        style="loose",
        special=_gzip,
    ),
    program("cpio ar pax", style="loose", special=_cpio),
    program(
        "patch",
        ": -R -N -s -f -t -b -u -c --dry-run --reverse --forward --silent --force --backup\n=: -p -F -B -D "
        "-V --strip --fuzz\n=r: -i --input\n=w: -o -r -d --output --reject-file --directory\n=x: --ed",
        special=_patch,
    ),
    program("rename prename perl-rename", style="loose", effects="exec_data", operands="text write*"),
    program(
        "mkfs mkfs.ext4 mkfs.ext3 mkfs.ext2 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkswap mke2fs "
        "wipefs fdisk sfdisk gdisk sgdisk cfdisk parted blkdiscard hdparm badblocks newfs diskutil "
        "cryptsetup dmsetup lvremove vgremove pvremove lvreduce mdadm zpool zfs resize2fs partprobe fsck "
        "e2fsck",
        style="loose",
        effects="privilege destructive",
        operands="write*",
    ),
    program("mount umount losetup swapon swapoff fusermount sshfs", style="loose", effects="privilege"),
)
