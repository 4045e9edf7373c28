"""Finding and loading the configuration, for every command that needs one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import click

from gateway.cli import EXIT_PROBLEMS
from gateway.config import discover
from gateway.config.catalog import Catalog
from gateway.config.discover import Found
from gateway.config.load import Loaded, load
from gateway.errors import ConfigError
from gateway.harnesses.registry import all_harnesses
from gateway.providers.registry import catalog as providers_catalog

FILE_NAME = "interlock.yaml"
ENVIRONMENT_NAME = "INTERLOCK_CONFIG"


@dataclass(frozen=True, slots=True)
class Configuration:
    """`found` is empty when the file names its models itself. `path` None: there is no file."""

    loaded: Loaded
    path: Path | None
    found: tuple[Found, ...] = ()


def catalog() -> Catalog:
    """Providers and harnesses that a configuration may name."""
    return replace(providers_catalog(), harnesses=("unknown", *all_harnesses()))


def locate(given: str | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file of --config, else of INTERLOCK_CONFIG, else interlock.yaml here, else in $XDG_CONFIG_HOME/interlock. None
    when none was asked for and none is there; a file asked for need not exist (reading it says so)."""
    if given:
        return Path(given)
    if environment.get(ENVIRONMENT_NAME):
        return Path(environment[ENVIRONMENT_NAME])
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    usual = (Path(FILE_NAME), Path(home) / "interlock" / FILE_NAME)
    return next((path for path in usual if path.is_file()), None)


def read(path: Path) -> bytes:
    """ConfigError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise ConfigError(f"{path}: {e.strerror}", problems=(f"{path}: {e.strerror}",), where=str(path)) from None


async def load_or_discover(
    path: Path | None, environment: Mapping[str, str] = os.environ, *, skip_ports: frozenset[int] = frozenset()
) -> Configuration:
    """The file, with discovered models if it names none; without a file, what is discovered. ConfigError."""
    loaded = None
    if path is not None:
        loaded = load(await asyncio.to_thread(read, path), file=str(path), catalog=catalog())
        if loaded.settings.models:
            return Configuration(loaded, path)
    # Here and not above: its HTTP client takes 0.2 s to import, and a file that names its models needs none of it.
    from gateway.adapters import discovery

    probes = await discovery.probe(catalog(), environment, skip_ports=skip_ports)
    found = discover.discover(environment, probes, catalog())
    fresh = discover.loaded_from(found, catalog(), loaded.settings if loaded else None)
    if loaded is not None:
        fresh = replace(fresh, source=loaded.source, places=loaded.places, warnings=(*loaded.warnings, *fresh.warnings))
    return Configuration(fresh, path, found)


def tell(error: ConfigError) -> NoReturn:
    """Every problem on a line of its own, to stderr; exit 1."""
    for problem in error.problems or (error.text(),):
        click.echo(problem, err=True)
    if len(error.problems) > 1:
        click.echo(error.message, err=True)
    sys.exit(EXIT_PROBLEMS)
