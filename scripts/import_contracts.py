"""import-linter contract types for a house that is still being built.

The stock `forbidden` and `protected` contracts stop with an error when a module they name does not exist yet. These two
look only at the modules that do; that a package cannot slip in unnamed is held by the exhaustive `layers` contract and by
tests/architecture/test_import_contracts.py, which compares the lists.
"""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.protected import ProtectedContract


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
