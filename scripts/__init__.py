"""Tools for working on the project: installing, checking, documenting. Not part of the product."""
