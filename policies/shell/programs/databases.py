"""Clients of databases. The statements they are given are looked at for words that destroy; the rest is not read."""

from __future__ import annotations

import re

from policies.shell.model import Invocation, Special, program
from policies.shell.words import Field

_DESTROYS = re.compile(
    r"\b(?:DROP\s+(?:TABLE|DATABASE|SCHEMA|INDEX|VIEW|USER|ROLE|COLUMN|KEYSPACE|COLLECTION|SEQUENCE|FUNCTION|TABLESPACE|TYPE|EXTENSION|MATERIALIZED)"
    r"|TRUNCATE\b|DELETE\s+FROM\b|ALTER\s+TABLE\b.*\bDROP\b|FLUSHALL|FLUSHDB|SHUTDOWN|SCRIPT\s+FLUSH|CONFIG\s+SET|DEBUG\s+SEGFAULT)"
    r"|\.(?:drop|dropDatabase|deleteMany|deleteOne|remove|dropIndexes|dropUser)\s*\(|\bdb\.dropDatabase|\bREVOKE\b|\bDETACH\s+DATABASE\b",
    re.IGNORECASE | re.DOTALL,
)
_UPDATE_ALL = re.compile(r"\bUPDATE\s+\S+\s+SET\b(?:(?!\bWHERE\b).)*$", re.IGNORECASE | re.DOTALL)
_RUNS = re.compile(
    r"\\!|^\s*\\o\s*\||\\copy.*\bprogram\b|\bCOPY\b.*\b(?:TO|FROM)\s+PROGRAM\b|^\s*\.(?:shell|system|load|import\s+\|)|\bsystem\s|\bload_extension\b|\bpg_read_file\b|\blo_import\b|\bINTO\s+(?:OUT|DUMP)FILE\b|\bLOAD_FILE\b|\bxp_cmdshell\b|\bEVAL\b",
    re.IGNORECASE | re.MULTILINE,
)
_READS_ONLY = re.compile(
    r"^\s*(?:SELECT|SHOW|EXPLAIN|DESCRIBE|DESC|PRAGMA\s+\w+\s*;?$|\\d|\\l|\\dt|\.tables|\.schema|GET|KEYS|INFO|PING|TTL|EXISTS|LLEN|SCAN|TYPE|DBSIZE)\b",
    re.IGNORECASE,
)


def statement(call: Invocation, text: str | None) -> None:
    if text is None:
        call.effect("exec_data")
        call.doubt("a statement for a database is not known")
        return
    plain = re.sub(r"'(?:[^']|'')*'", "''", text) if "program" not in text.lower() else text
    if _DESTROYS.search(plain) or _UPDATE_ALL.search(plain):
        call.effect("destructive")
    if _RUNS.search(text):
        call.effect("exec_data")
        call.doubt("a statement that leaves the database")
    if not _READS_ONLY.match(text):
        call.doubt("a statement for a database is not read")


def _client(*flags: str) -> Special:
    def special(call: Invocation) -> None:
        given = [item for flag in flags for item in call.values.get(flag, [])]
        for item in given:
            statement(call, item.value)
        for name in ("-f", "--file", "-i"):
            if call.values.get(name):
                call.effect("exec_data")
                call.doubt("the statements are in a file")
        if not given and (call.stdin is None or call.stdin):
            statement(call, call.stdin)
        if call.value("-h", "--host", "--hostname"):
            call.host(call.value("-h", "--host", "--hostname") or "")
        for text in call.texts():
            if "://" in text:
                call.host(text.split("://", 1)[1].rpartition("@")[2].split("/")[0])

    return special


def _sqlite(call: Invocation) -> None:
    texts = call.operands
    call.read(*texts[:1])
    if len(texts) > 1 or call.stdin is None or call.stdin:
        given = [*texts[1:], *call.values.get("-cmd", [])] or [Field(call.stdin)]
        for item in given:
            statement(call, item.value)
        if call.unknown or "destructive" in call.effects:
            call.write(*texts[:1])


def _redis(call: Invocation) -> None:
    words = [item.value or "" for item in call.operands]
    head = " ".join(words[:2]).upper()
    if re.match(
        r"FLUSHALL|FLUSHDB|SHUTDOWN|SCRIPT FLUSH|CONFIG (?:SET|REWRITE|RESETSTAT)|DEL\b|UNLINK\b"
        r"|CLUSTER (?:RESET|FLUSHSLOTS)|DEBUG|FUNCTION FLUSH|XTRIM|SWAPDB",
        head,
    ):
        call.effect("destructive")
    elif not re.match(
        r"GET|KEYS|INFO|PING|TTL|EXISTS|LLEN|SCAN|TYPE|DBSIZE|MGET|HGETALL|HGET|LRANGE|SMEMBERS|ZRANGE|STRLEN"
        r"|CONFIG GET|CLIENT LIST|MEMORY|$",
        head,
    ):
        call.doubt("a statement for a database is not read")
    if call.stdin is None or call.stdin:
        statement(call, call.stdin)
    if call.value("-h"):
        call.host(call.value("-h") or "")


def _always(call: Invocation) -> None:
    call.effect("destructive")


def _dump(call: Invocation) -> None:
    call.effect("secrets") if "--all-databases" in call.flags else None
    if call.value("-h", "--host"):
        call.host(call.value("-h", "--host") or "")


def _restore(call: Invocation) -> None:
    if call.has("-c", "--clean", "--drop", "--if-exists", "--overwrite-tables", "-o"):
        call.effect("destructive")
    call.read(*call.operands)


PROGRAMS = (
    program(
        "psql pgcli usql",
        "=: -c --command -d --dbname -h --host -p --port -U --username -v --set --variable -P --pset -F -R "
        "-T --field-separator\n=r: -f --file\n=w: -o --output -L --log-file\n: -a -A -b -e -E -H -l -n -q -s "
        "-S -t -w -W -x -X -1 -z -0 --no-psqlrc --tuples-only --no-align --csv --list --quiet "
        "--single-transaction",
        special=_client("-c", "--command"),
    ),
    program(
        "mysql mariadb mycli",
        "=: -e --execute -D --database -h --host -P --port -u --user --protocol -S --socket --ssl-mode\n?: "
        "-p --password\n: -A -B -b -E -f -H -N -n -q -r -s -t -v -w -X",
        special=_client("-e", "--execute"),
    ),
    program(
        "sqlite3 sqlite duckdb litecli",
        "=: -cmd -separator -nullvalue -init -newline\n: -header -csv -json -line -list -column -readonly "
        "-batch -bail -markdown -box -table",
        style="single",
        special=_sqlite,
    ),
    program(
        "redis-cli valkey-cli keydb-cli",
        "=: -h -p -a -n -u -s -r -i --user --pass --pattern --rdb\n=r: --eval\n: -c -x --raw --no-raw --csv "
        "--stat --latency --scan --bigkeys --pipe --no-auth-warning --tls",
        stop=True,
        special=_redis,
    ),
    program(
        "mongo mongosh",
        "=: --eval --host --port -u -p --username --password --authenticationDatabase --db\n: --quiet --norc --nodb",
        special=_client("--eval"),
    ),
    program(
        "cqlsh sqlcmd isql clickhouse-client clickhouse sqlplus db2 cypher-shell cockroach osm spark-sql "
        "beeline hive trino presto bcp",
        "=: -e -Q -q --query --execute -S -d -U -P -u -p -h --host\n=r: -f -i --file",
        special=_client("-e", "-Q", "-q", "--query", "--execute"),
    ),
    program("dropdb dropuser mysqladmin pg_dropcluster", style="loose", special=lambda call: _admin(call)),
    program(
        "pg_dump pg_dumpall mysqldump mongodump mariadb-dump",
        "=: -h --host -U -u -d -p -P -t -n -T --port --username --dbname --table --schema --db --uri "
        "--collection\n=w: -f --file -o --out --result-file -r --archive\n: -a -c -C -F -s -x -v "
        "--all-databases --clean --data-only --schema-only --no-owner",
        special=_dump,
    ),
    program(
        "pg_restore mongorestore mongoimport mysqlimport pg_basebackup",
        "=: -h --host -U -d -p --port --username --dbname --db --uri --collection -j\n: -c -C -v -O -x -1 "
        "--clean --drop --if-exists --no-owner",
        special=_restore,
    ),
    program(
        "createdb createuser initdb pg_ctl pg_ctlcluster vacuumdb reindexdb pg_isready mongod mysqld "
        "redis-server postgres",
        style="loose",
        effects="project_code",
    ),
)


def _admin(call: Invocation) -> None:
    if call.program != "mysqladmin" or any(
        text in {"drop", "shutdown", "kill", "flush-tables"} for text in call.texts()
    ):
        call.effect("destructive")
