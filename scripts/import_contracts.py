"""import-linter contract types for a house that is still being built, and for packages of plug-ins.

The stock `forbidden` and `protected` contracts stop with an error when a module they name does not exist yet. The first
two types here look only at the modules that do; that a package cannot slip in unnamed is held by the exhaustive `layers`
contract and by tests/architecture/test_import_contracts.py, which compares the lists.
"""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.protected import ProtectedContract
from importlinter.domain.imports import ModuleExpression

# Modules of a plug-in package that are not plug-ins (as in gateway/plugins.py); so are names with a leading underscore.
HELPERS = {"contract", "registry"}


def is_plugin(module: str) -> bool:
    name = module.rpartition(".")[2]
    return name not in HELPERS and not name.startswith("_")


def _present(graph: ImportGraph, expressions: Any) -> set[Any]:
    roots = {module.split(".")[0] for module in graph.modules if not graph.is_module_squashed(module)}
    return {
        expression
        for expression in expressions
        if expression.has_wildcard_expression()
        or expression.expression.split(".")[0] not in roots  # an external package: absent means nobody imports it
        or expression.expression in graph.modules
    }


class ForbiddenWherePresent(ForbiddenContract):
    """`forbidden`, for those source and forbidden modules that exist."""

    type_name = "forbidden_where_present"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        self.source_modules = _present(graph, self.source_modules)  # type: ignore[assignment,arg-type]
        self.forbidden_modules = _present(graph, self.forbidden_modules)  # type: ignore[assignment,arg-type]
        return super().check(graph, verbose)


class ProtectedWherePresent(ProtectedContract):
    """`protected`, for those modules that exist."""

    type_name = "protected_where_present"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        self.protected_modules = _present(graph, self.protected_modules)  # type: ignore[assignment,arg-type]
        self.allowed_importers = _present(graph, self.allowed_importers)  # type: ignore[assignment,arg-type]
        return super().check(graph, verbose)


class UnawarePlugins(IndependenceContract):
    """`independence` of the plug-in files of a package: they may share its contract and helpers, never each other."""

    type_name = "unaware_plugins"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        children = {child for package in self.modules for child in graph.find_matching_modules(f"{package}.*")}  # type: ignore[attr-defined]
        self.modules = {ModuleExpression(child) for child in children if is_plugin(child)}  # type: ignore[assignment]
        return super().check(graph, verbose)
