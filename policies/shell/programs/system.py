"""Programs that change the machine: services, users, kernel, processes, timers, clipboards."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, program


def _kill(call: Invocation) -> None:
    """Signals end programs of others too; to everything (-1) or by a pattern is destruction."""
    words = [item.value or "" for item in call.argv[1:]]
    if call.program in {"killall", "pkill", "xkill", "killall5", "skill"} or "-1" in words[1:] or "0" in words:
        call.effect("destructive")
    else:
        call.doubt("a signal to a process")


def _systemctl(call: Invocation) -> None:
    words = call.texts()
    verb = words[0] if words else ""
    if verb in {"status", "show", "list-units", "list-unit-files", "list-timers", "list-sockets", "is-active", "is-enabled", "is-failed", "cat", "get-default", "list-dependencies", "help", "", "list-jobs", "print", "list", "blame", "dump"}:
        return
    call.effect("privilege")
    if verb in {"enable", "daemon-reload", "link", "edit", "set-default", "reenable", "preset", "load", "bootstrap", "submit", "set-property", "revert"}:
        call.effect("persistence")
    if verb in {"stop", "disable", "mask", "kill", "isolate", "poweroff", "reboot", "halt", "rescue", "emergency", "unload", "bootout", "remove", "suspend", "hibernate", "kexec", "reset-failed", "clean"}:
        call.effect("destructive")


def _service(call: Invocation) -> None:
    words = call.texts()
    if words[-1:] in (["status"],) or "--status-all" in call.flags:
        return
    call.effect("privilege")
    if words[-1:] in (["stop"], ["restart"], ["reload"], ["force-stop"]):
        call.effect("destructive")


def _crontab(call: Invocation) -> None:
    if call.has("-l") and not call.has("-r"):
        return
    call.effect("persistence")
    if call.has("-r"):
        call.effect("destructive")
    call.read(*call.operands)


def _at(call: Invocation) -> None:
    call.effect("persistence", "exec_data")
    if call.stdin is None or call.stdin:
        call.run.text(call, call.stdin, "at", call.rough)


def _user(call: Invocation) -> None:
    call.effect("privilege", "persistence")
    if call.program in {"userdel", "groupdel", "deluser", "delgroup"}:
        call.effect("destructive")


def _sysctl(call: Invocation) -> None:
    if call.has("-w", "--write", "-p", "--load", "--system") or any("=" in text for text in call.texts()):
        call.effect("privilege")


def _xdg(call: Invocation) -> None:
    call.effect("network") if any("://" in text for text in call.texts()) else None
    call.effect("exec_data")
    call.read(*(item for item in call.operands if "://" not in (item.value or "://")))


def _defaults(call: Invocation) -> None:
    if call.texts()[:1] in (["write"], ["delete"], ["import"]):
        call.effect("persistence")
    if call.texts()[:1] == ["delete"]:
        call.effect("destructive")


def _update(call: Invocation) -> None:
    call.effect("privilege", "persistence")


def _logs(call: Invocation) -> None:
    call.effect("destructive", "privilege")


def _gitless(call: Invocation) -> None:
    """Mercurial, Subversion and others: reading verbs are free of effects."""
    words = call.texts()
    if words[:1] in (["push"], ["commit"], ["ci"], ["submit"], ["dcommit"]):
        call.effect("publish", "network")
    elif words[:1] in (["revert"], ["purge"], ["strip"], ["rollback"], ["cleanup"], ["abandon"], ["restore"]) or (words[:1] in (["update"], ["up"]) and call.has("-C", "--clean")):
        call.effect("destructive")
    elif words[:1] in (["pull"], ["clone"], ["checkout"], ["co"], ["update"], ["up"]):
        call.effect("network")


PROGRAMS = (
    program("kill killall pkill xkill killall5 skill", style="none", special=_kill),
    program("shutdown reboot poweroff halt init telinit kexec", style="loose", effects="privilege destructive"),
    program("systemctl launchctl systemd-analyze sv rc-update rc-service supervisorctl pm2 s6-svc initctl", style="loose", special=_systemctl),
    program("service", style="loose", special=_service),
    program("crontab", "=: -u\n: -l -r -e -i", special=_crontab),
    program("at batch atrm", "=r: -f\n=: -q -t\n: -l -d -m", special=_at),
    program("useradd adduser usermod userdel groupadd groupmod groupdel addgroup deluser delgroup passwd chpasswd chsh chfn gpasswd newusers vipw vigr visudo chage dscl sysadminctl", style="loose", special=_user),
    program("sysctl", style="gnu", special=_sysctl),
    program("modprobe insmod rmmod depmod kldload setenforce semanage setcap update-alternatives update-rc.d chkconfig ldconfig update-grub grub-install grub-mkconfig efibootmgr dkms mkinitcpio update-initramfs dracut nvram csrutil spctl scutil networksetup systemsetup pmset tmutil bless softwareupdate hwclock swapctl aa-disable apparmor_parser auditctl", style="loose", special=_update),
    program("logrotate", style="loose", special=_logs),
    program("open xdg-open start explorer.exe wslview", style="gnu", special=_xdg),
    program("defaults gsettings dconf reg", style="loose", special=_defaults),
    program("pbcopy pbpaste xclip xsel wl-copy wl-paste clip.exe screencapture scrot gnome-screenshot say espeak notify-send", style="loose", effects="secrets"),
    program("hg svn bzr fossil p4 jj sl cvs darcs", style="loose", special=_gitless),
    program("printenv", effects="secrets", style="loose"),
    program("interlock", style="loose", doubt="the gateway's own program"),
    program("claude codex opencode aider cline gemini qwen goose cursor-agent amp crush q kiro copilot ollama llm", style="loose", effects="exec_data network", doubt="another agent"),
)
