"""What stands around the judge: the files it opens, and what it keeps agents away from."""

import os
import stat
from pathlib import Path

import pytest

from gateway.adapters import judging
from gateway.adapters.judging import Judging, guard_of, prepare
from gateway.adapters.state.memory import MemoryState
from gateway.config.settings import Settings
from gateway.errors import ConfigError, NotAvailable
from gateway.testing.clock import ManualClock
from policies import audit
from policies.edge.shfmt import Shfmt
from policies.load import load
from tests.support.desk import Desk
from tests.support.turns import exchange
from tests.unit.gateway.adapters.test_judge import fetch, read

POLICY = load([])


def make(folder, **more):
    clock = ManualClock()
    return Judging(
        lambda: POLICY, Settings, clock, MemoryState(clock, 1 << 20), folder, hold_s=lambda: 60.0, secret=str, **more
    )


async def test_nothing_is_opened_before_it_is_needed(tmp_path):
    held = make(tmp_path)
    with pytest.raises(NotAvailable, match="no tool call is judged"):
        await held.listed(None, 1)
    held.record("reload")
    await held.flush()
    await held.aclose()
    assert list(tmp_path.iterdir()) == []


async def test_verdicts_and_decisions_are_in_one_chain(tmp_path):
    held = make(tmp_path)
    await held.start()
    await held.start()  # once is enough
    await held.judge([read(), fetch()], exchange())
    (waiting,) = await held.listed("pending", 10)
    assert (await held.find(waiting.id)).tool == "webfetch"
    await held.decide(waiting.id, "grant", "anna", note="ok")
    await held.aclose()
    lines = (tmp_path / "audit.jsonl").read_bytes().splitlines(keepends=True)
    assert audit.verify(lines).findings == ()
    assert len(lines) == 3
    assert b'"kind":"approval"' in lines[2]
    assert b'"by":"anna"' in lines[2]


async def test_a_second_process_has_a_log_of_its_own(tmp_path):
    first, second, worker = make(tmp_path), make(tmp_path), make(tmp_path, slot=2)
    for held in (first, second, worker):
        await held.start()
        await held.judge([read()], exchange())
        await held.flush()
    names = sorted(path.name for path in tmp_path.glob("audit*"))
    assert names == ["audit-2.jsonl", "audit.1.jsonl", "audit.jsonl"]
    for held in (first, second, worker):
        await held.aclose()


async def test_a_file_that_is_none_is_said(tmp_path):
    (tmp_path / judging.APPROVALS).write_bytes(b"no database, but long enough to be looked at as one" * 100)
    with pytest.raises(ConfigError, match="move it away"):
        await make(tmp_path).start()
    with pytest.raises(ConfigError, match="move it away"):
        prepare(tmp_path, ManualClock())


def test_files_are_made_before_workers_open_them(tmp_path):
    prepare(tmp_path, ManualClock())
    key = (tmp_path / judging.MASK_KEY).read_bytes()
    prepare(tmp_path, ManualClock())
    assert (tmp_path / judging.MASK_KEY).read_bytes() == key
    assert len(key) == 32
    for name in (judging.MASK_KEY, judging.APPROVALS):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    (tmp_path / judging.MASK_KEY).write_bytes(b"short")
    with pytest.raises(ConfigError, match="32 bytes"):
        prepare(tmp_path, ManualClock())


@pytest.fixture(scope="module")
def shfmt():
    parser = Shfmt()
    yield parser
    parser.close()


@pytest.mark.parametrize(
    "command",
    [
        "cat /var/il/keys.sqlite",
        "cp /repo/x /var/il/approvals.sqlite",
        "echo 'policies: []' > /repo/conf/interlock.yaml",
        "echo x >> /repo/conf/team.yaml",
        "interlock approvals grant apr_1",
        "python -m gateway approvals grant apr_1",
        "curl -X POST http://127.0.0.1:4242/admin/v1/approvals/apr_1/grant",
        "curl http://localhost:4242/admin/v1/approvals",
        "kill -9 PID",
    ],
)
def test_agents_are_kept_away(command, shfmt):
    guard = guard_of(
        Path("/repo/conf/interlock.yaml"), [Path("/repo/conf/team.yaml")], Path("/var/il"), ("127.0.0.1", 4242)
    )
    desk = Desk('rules: {all: [{id: everything, allow: {tool: shell, program: "*"}}]}', guard=guard)
    verdict = desk.verdict(
        "bash", {"command": command.replace("PID", str(os.getpid()))}, answer=lambda need: shfmt.parse(need.text)
    )
    assert verdict.decision == "deny", verdict
    assert verdict.rules[0].rule.startswith("self_protection/")
