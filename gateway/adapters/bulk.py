"""Many rows into SQLite in few steps.

Python's sqlite3 gives the interpreter lock up and takes it back around every step of a statement. With `executemany` that is
twice per row, and each time the event loop's thread and the writer's wake each other: four futex calls per request were
counted under load, most of the gateway's system time. One statement with many VALUES is one step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final

SIZES: Final = (256, 32, 4, 1)
"""Rows per statement: few different ones, so that all stay in the connection's cache of prepared statements."""


def insert(db: sqlite3.Connection, head: str, columns: int, rows: Sequence[tuple[object, ...]]) -> None:
    """`head` is the statement up to VALUES; each row has `columns` values (256 rows of at most 100: SQLite's bound on
    parameters is 32,766). In the caller's transaction. sqlite3.Error."""
    at = 0
    one = f"({', '.join('?' * columns)})"
    for size in SIZES:
        while len(rows) - at >= size:
            values = list(chain.from_iterable(rows[at : at + size]))
            db.execute(f"{head} VALUES {', '.join([one] * size)}", values)
            at += size
