"""Where a classifier lies and how it is read: the folder that ships with the package, or one that was trained here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from classifiers.artefact import GRAPH_BYTES_MAX, MANIFEST, REINSTALL, ArtefactError, Manifest, read, verify
from classifiers.features.schema import schema_hash

SHIPPED: Final = "model"
"""Folder inside the package `classifiers`."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A verified classifier: the manifest and the bytes of its graphs by graph name. `where` for messages."""

    manifest: Manifest
    graphs: dict[str, bytes]
    where: str


def shipped() -> Traversable:
    return resources.files("classifiers").joinpath(SHIPPED)


def exists(folder: Traversable) -> bool:
    return folder.joinpath(MANIFEST).is_file()


def load(folder: Traversable) -> Artefact:
    """Reads and verifies (about 5 ms for 3 MB). Blocking. ArtefactError with problem and cure if it must not be used."""
    where = str(folder)
    manifest = read(_bytes(folder, MANIFEST), schema=schema_hash(), where=f"{where}/{MANIFEST}")
    files = {graph.file: _bytes(folder, graph.file) for graph in manifest.graphs.values()}
    verify(manifest, files)
    return Artefact(manifest, {name: files[graph.file] for name, graph in manifest.graphs.items()}, where)


def _bytes(folder: Traversable, name: str) -> bytes:
    try:
        with folder.joinpath(name).open("rb") as file:
            return file.read(GRAPH_BYTES_MAX + 1)
    except OSError as error:
        raise ArtefactError(f"{folder}/{name} cannot be read: {error.strerror or error}", REINSTALL) from error
