"""A small model, trained once: two families' worth of sessions, one session each."""

import pytest

from classifiers.training.approve.generate import cases
from classifiers.training.approve.rows import rows_of
from gateway.cli._pending import read


@pytest.fixture(scope="session")
def rows():
    chosen = [case for case in cases(7, 1) if case.source in ("python", "tools", "gitwork")]
    return rows_of(chosen, read)
