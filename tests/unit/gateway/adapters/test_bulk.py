import contextlib
import sqlite3

import pytest

from gateway.adapters import bulk


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 31, 32, 33, 255, 256, 257, 600])
def test_every_row_arrives_once_and_in_order(count):
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL)")
        rows = [(f"a{n}", n / 2) for n in range(count)]
        bulk.insert(db, "INSERT INTO t (a, b)", 2, rows)
        assert db.execute("SELECT a, b FROM t ORDER BY id").fetchall() == rows


def test_what_the_head_says_of_conflicts_holds():
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (a TEXT UNIQUE)")
        bulk.insert(db, "INSERT OR IGNORE INTO t (a)", 1, [("x",), ("x",), ("y",), ("x",)])
        assert db.execute("SELECT a FROM t ORDER BY a").fetchall() == [("x",), ("y",)]


def test_a_row_that_does_not_fit_is_an_error():
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (a TEXT NOT NULL)")
        with pytest.raises(sqlite3.IntegrityError):
            bulk.insert(db, "INSERT INTO t (a)", 1, [("x",), (None,)])
