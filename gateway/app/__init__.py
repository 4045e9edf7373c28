"""Composition root: the only package that names concrete adapters. `runtimes` turns a configuration into what requests see,
`stores` opens the files, `gateway` puts the running gateway together, `dry` one that only decides."""

from gateway.app.dry import dry_run
from gateway.app.gateway import LAST_WORDS_S, Gateway, Load
from gateway.app.runtimes import runtime_of
from gateway.app.stores import make_files

__all__ = ["LAST_WORDS_S", "Gateway", "Load", "dry_run", "make_files", "runtime_of"]
