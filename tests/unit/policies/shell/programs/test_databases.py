import pytest

from tests.support.shell import effects, facts


@pytest.mark.parametrize(
    "text",
    [
        "psql -c 'DROP TABLE x'",
        "mysql -e 'TRUNCATE x'",
        "sqlite3 a 'DELETE FROM x'",
        "redis-cli FLUSHALL",
        "redis-cli DEL a",
        "mongosh --eval 'db.dropDatabase()'",
        "echo 'DROP TABLE x' | psql",
        "dropdb x",
        "psql <<X\nDROP SCHEMA a;\nX",
        "psql -c 'UPDATE t SET a=1'",
        "mysqladmin drop x",
        "pg_restore --clean x",
    ],
)
def test_destruction(text):
    assert "destructive" in effects(text)


@pytest.mark.parametrize(
    "text", ["psql -c 'SELECT 1'", "sqlite3 a .tables", "redis-cli GET a", "psql -c \"SELECT 'DROP TABLE x'\""]
)
def test_looking(text):
    found = facts(text)
    assert "destructive" not in found.effects
    assert not found.unknown


@pytest.mark.parametrize(
    "text",
    [
        "psql -c '\\! id'",
        "psql -c \"COPY t TO PROGRAM 'sh'\"",
        "sqlite3 a '.shell id'",
        'psql -c "$X"',
        "mysql < a.sql",
        "psql -c 'INSERT INTO t VALUES (1)'",
        "redis-cli SET a b",
    ],
)
def test_doubt(text):
    assert facts(text).unknown


def test_hosts():
    assert facts("psql -h h.example -c 'SELECT 1'").hosts == ("h.example",)
    assert facts("psql postgres://u:p@h.example/d -c 'SELECT 1'").hosts == ("h.example",)
