"""`interlock key`: what is printed, what is stored, and what is not."""

import json
import sqlite3
import time

import pytest
from click.testing import CliRunner

from gateway.adapters.keys import SqliteKeys
from gateway.adapters.system import SystemClock
from gateway.cli.key import COMMAND


def run(folder, *words):
    return CliRunner().invoke(COMMAND, [*words, "--state-dir", str(folder)])


def made(folder, *words):
    done = run(folder, "create", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def listed(folder):
    return json.loads(run(folder, "list", "--json").output)


def test_the_secret_is_shown_once_and_stored_nowhere(tmp_path):
    done = run(tmp_path, "create", "ci")
    secret = done.stdout.strip()
    assert secret.startswith("ilk_")
    assert "Shown this once" in done.stderr
    assert secret not in run(tmp_path, "list").output
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert secret[4:].encode() not in stored


def test_limits_are_kept(tmp_path):
    key = made(tmp_path, "ci", "--model", "a", "--model", "b", "--lane", "local", "--tag", "t")
    keys = SqliteKeys(tmp_path / "keys.sqlite", SystemClock())
    keys.refresh()
    caller = keys.find(key["key"])
    assert (caller.key_id, caller.name) == (key["id"], "ci")
    assert (caller.models, caller.lanes, caller.tags) == (("a", "b"), ("local",), ("t",))
    assert "a, b" in run(tmp_path, "list").output


@pytest.mark.parametrize(("text", "seconds"), [("30d", 30 * 86_400), ("12h", 12 * 3600), ("2w", 14 * 86_400)])
def test_an_end_lies_ahead(tmp_path, text, seconds):
    made(tmp_path, "ci", "--expires", text)
    assert listed(tmp_path)[0]["expires_s"] == pytest.approx(time.time() + seconds, abs=60)
    assert "until 20" in run(tmp_path, "list").output


@pytest.mark.parametrize("text", ["2020-01-01", "0d", "soon", "", "-5d"])
def test_an_end_in_the_past_or_none_is_refused(tmp_path, text):
    done = run(tmp_path, "create", "ci", "--expires", text)
    assert done.exit_code == 2
    assert "--expires" in done.output


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_odd_names_are_refused(tmp_path, name):
    assert run(tmp_path, "create", name).exit_code == 2


def test_revoke_by_id_and_by_name(tmp_path):
    first, _, third = made(tmp_path, "one"), made(tmp_path, "two"), made(tmp_path, "two")
    assert "1 key revoked" in run(tmp_path, "revoke", first["id"]).output
    assert "2 keys revoked" in run(tmp_path, "revoke", "two").output
    again = run(tmp_path, "revoke", third["id"])
    assert again.exit_code == 1
    assert "key list" in again.output
    assert all(key["revoked_s"] for key in listed(tmp_path))
    assert "revoked 20" in run(tmp_path, "list").output


def test_nothing_yet(tmp_path):
    assert "No keys" in run(tmp_path, "list").output


def test_only_the_owner_may_read_the_file(tmp_path):
    made(tmp_path / "new", "ci")
    assert (tmp_path / "new" / "keys.sqlite").stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "new" / "keys.sqlite") as db:
        assert db.execute("SELECT count(*) FROM keys").fetchone() == (1,)
