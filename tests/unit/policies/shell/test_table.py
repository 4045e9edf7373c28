import importlib
import pkgutil

import pytest

from policies.shell import programs as package
from policies.shell.model import Program
from policies.shell.table import programs

KINDS = {"", "?", "=", "=r", "=w", "=d", "=x", "=p", "=h", "=u", "=@"}
ROLES = {"text", "read", "write", "host", "url", "remote", "delete", "run", "dir"}


def entries(entry: Program):
    yield entry
    for sub in entry.subs.values():
        yield from entries(sub)


def test_every_entry_uses_kinds_and_roles_that_exist():
    for name, top in programs().items():
        for entry in entries(top):
            assert {option.kind for option in entry.options.values()} <= KINDS, name
            assert {role.lstrip("+").rstrip("*") for role in entry.operands.split()} <= ROLES, name
            assert all(flag.startswith(("-", "+")) for flag in entry.options), name


def test_every_module_is_scanned():
    modules = [info.name for info in pkgutil.iter_modules(package.__path__)]
    for module in modules:
        for entry in importlib.import_module(f"{package.__name__}.{module}").PROGRAMS:
            assert all(programs()[name] is entry for name in entry.names.split())
    assert len(programs()) > 1000


def test_a_program_that_two_modules_describe_stops_the_start(monkeypatch):
    module = importlib.import_module(f"{package.__name__}.builtins")
    monkeypatch.setattr(module, "PROGRAMS", (*module.PROGRAMS, Program("git")))
    with pytest.raises(ValueError, match="described twice"):
        programs.__wrapped__()
