"""Paths whose writing means more than a changed file: what runs later by itself, devices, the system's own files."""

from __future__ import annotations

import re

_LATER = re.compile(
    r".*/\.git/(?:hooks/.*|config)|\./\.git/(?:hooks/.*|config)"
    r"|(?:~|/root|/home/[^/]+|/Users/[^/]+|\.)/\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile"
    r"|zlogin|zlogout|kshrc|cshrc|tcshrc|login|inputrc|xinitrc|xprofile|xsession|xsessionrc|pam_environment|gitconfig|vimrc|npmrc"
    r"|curlrc|wgetrc|pypirc|pythonrc|gdbinit|lldbinit|Rprofile|irbrc|tmux\.conf|screenrc|nanorc|emacs|ssh/(?:rc|config|authorized_keys2?)"
    r"|config/(?:fish/.*|autostart/.*|systemd/.*|git/config|environment\.d/.*|nvim/.*)|local/bin/.*|local/share/systemd/.*"
    r"|claude/.*|codex/.*|gemini/.*|cursor/.*|config/opencode/.*|aider\.conf\.yml|continue/.*)"
    r"|/etc/(?:cron[^/]*(?:/.*)?|crontab|anacrontab|profile|profile\.d/.*|bash\.bashrc|bashrc|zsh/.*|zshrc|zshenv|environment|init\.d/.*|rc\.local"
    r"|rc\d?\.d/.*|systemd/.*|ld\.so\.preload|ld\.so\.conf(?:\.d/.*)?|pam\.d/.*|sudoers(?:\.d/.*)?|ssh/.*|udev/.*|modules(?:-load\.d/.*)?"
    r"|apt/.*|yum\.repos\.d/.*|hosts|resolv\.conf|xdg/autostart/.*|inittab|gitconfig)"
    r"|/var/spool/(?:cron|at)/.*|/(?:usr/)?lib/systemd/.*|(?:~|/Users/[^/]+)?/Library/Launch(?:Agents|Daemons)/.*"
    r"|.*/(?:\.envrc|\.husky/.*|\.github/workflows/.*|\.gitlab-ci\.yml|\.pre-commit-config\.yaml|\.vscode/(?:tasks|settings|launch)\.json"
    r"|\.claude/.*|\.mcp\.json|\.cursor/.*|\.codex/.*|\.opencode/.*|\.gemini/.*|\.idea/.*|\.devcontainer/.*|sitecustomize\.py|usercustomize\.py"
    r"|[^/]*\.pth|\.gitattributes|\.gitmodules|\.bazelrc|\.cargo/config(?:\.toml)?|\.yarnrc(?:\.yml)?|\.npmrc)"
)
_DEVICE = re.compile(r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|rdisk|dm-|md|loop|mapper/|mem|kmem|port|sr|nbd)\S*")
_SYSTEM = re.compile(
    r"/|/\*|/(?:bin|boot|dev|etc|home|lib|lib32|lib64|opt|proc|root|run|sbin|srv|sys|usr|var|Users|System|Library|Applications|private|mnt|media)(?:/\*)?"
    r"|/(?:bin|boot|dev|etc|lib|lib32|lib64|proc|sbin|sys|System)/.*|/usr/(?:bin|lib|lib64|sbin|include|share|local|libexec)(?:/.*)?|/var/(?:lib|log|spool|mail|backups)(?:/.*)?"
    r"|~|~/\*|/root/\.\w.*|/(?:home|Users)/[^/]+(?:/\*)?"
)


def runs_later(path: str) -> bool:
    """Shell profiles, timers, services, hooks, settings of agents and of pipelines."""
    return _LATER.fullmatch(path) is not None


def is_device(path: str) -> bool:
    """A disk or memory as a file: writing it loses everything on it."""
    return _DEVICE.fullmatch(path) is not None


def is_system(path: str) -> bool:
    """A folder or file without which the machine, or its user, is lost."""
    return _SYSTEM.fullmatch(path) is not None
