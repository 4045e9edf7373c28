"""Resolves secret references: environment variables and files. Values go into `Secret` at once and are never logged."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

from gateway.config.base import is_ref
from gateway.config.problems import path_text
from gateway.config.secrets import Secret, parse, references
from gateway.config.settings import Settings
from gateway.errors import ConfigError

FILE_BYTES_MAX = 64 * 1024
"""A token, a PEM key or a service account file; anything larger is a mistake in the path."""


class SecretMap(Mapping[str, str]):
    """Reference -> value. Printing it shows the references only."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._secrets = dict(secrets)

    def __getitem__(self, reference: str) -> str:
        return self._secrets[reference].reveal()

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

    def __len__(self) -> int:
        return len(self._secrets)

    def __repr__(self) -> str:
        return f"SecretMap({sorted(self._secrets)})"


def resolve(settings: Settings, environment: Mapping[str, str] = os.environ) -> tuple[SecretMap, tuple[str, ...]]:
    """Every reference of `settings` that is in use, and one sentence for each that could not be read or that others may read
    too. A reference that could not be read is absent."""
    secrets: dict[str, Secret] = {}
    told: dict[str, str] = {}
    for path, reference in references(settings):
        if reference in secrets or reference in told:
            continue
        try:
            secrets[reference] = fetch(reference, environment)
        except ValueError as e:
            told[reference] = f"{path_text(path)}: {e}"
            continue
        warning = too_open(reference)
        if warning is not None:
            told[reference] = f"{path_text(path)}: {warning}"
    return SecretMap(secrets), tuple(told.values())


def read(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The value of a reference; any other text as it is. ConfigError when there is nothing to be had."""
    if not is_ref(text):
        return text
    try:
        return fetch(text, environment).reveal()
    except ValueError as e:
        raise ConfigError(str(e), where=text) from None


def fetch(reference: str, environment: Mapping[str, str] = os.environ) -> Secret:
    """ValueError, never with the value, when there is nothing to be had. Space around the value is removed."""
    ref = parse(reference)
    if ref.kind == "env":
        value = environment.get(ref.name, "").strip()
        if not value:
            raise ValueError(f"the environment variable {ref.name} is not set")
    else:
        value = _read(ref.name)
    if any(c in value for c in "\r\n\0"):
        raise ValueError(f"{reference} holds more than one line")
    return Secret(value, reference)


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as e:
        raise ValueError(f"the file {path} cannot be read: {e.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"the file {path} is larger than {FILE_BYTES_MAX} bytes")
    try:
        value = data.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8 text") from None
    if not value:
        raise ValueError(f"the file {path} is empty")
    return value


def too_open(reference: str) -> str | None:
    """A warning when a secret file may be read by others than its owner and group (0644 and the like)."""
    ref = parse(reference)
    if ref.kind != "file":
        return None
    try:
        mode = stat.S_IMODE(os.stat(ref.name).st_mode)
    except OSError:
        return None
    if not mode & (stat.S_IROTH | stat.S_IWOTH):
        return None
    return f"the secret file {ref.name} is open to every user (mode {mode:04o}); mend with chmod 600 {ref.name}"
