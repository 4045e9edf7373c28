"""Hooks are run with bounds: exit codes, time, bytes, places, and nothing left behind."""

import asyncio
import os
import sys
import time

import pytest

from gateway.adapters.hooks import HookRunner
from policies.hooks import HookAnswer
from policies.model import Hook


def command(source, **more):
    return Hook.model_validate(
        {"id": "h", "on": "pre_tool_use", "command": [sys.executable, "-S", "-c", source]} | more
    )


async def run(hook, payload=b"{}", **more):
    runner = HookRunner([hook], **more)
    try:
        return await runner.run("h", payload)
    finally:
        await runner.aclose()


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("pass", HookAnswer()),
        ("import sys; sys.exit(2)", HookAnswer("deny", "blocked without a reason")),
        ("import sys; sys.stderr.write('no'); sys.exit(2)", HookAnswer("deny", "no")),
        ('print(\'{"decision":"ask"}\')', HookAnswer("ask")),
    ],
)
async def test_exits(source, answer):
    assert await run(command(source)) == answer


@pytest.mark.parametrize(
    ("source", "failed"),
    [
        ("import sys; sys.exit(1)", "ended with 1"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
        ("print('x' * 100_000)", "larger than"),
        ("print('hello')", "not JSON"),
    ],
)
async def test_failures(source, failed):
    assert failed in (await run(command(source))).failed


async def test_the_payload_is_read_from_stdin():
    source = (
        "import sys, json; v = json.load(sys.stdin); print(json.dumps({'reason': v['x'] + ';rm', 'decision': 'deny'}))"
    )
    assert await run(command("pass"), b"z" * 1_000_000) == HookAnswer()
    assert (await run(command(source), b'{"x":"$(y)"}')).reason == "$(y);rm"


async def test_a_program_that_is_not_there():
    assert (
        "could not be run"
        in (await run(Hook.model_validate({"id": "h", "on": "stop", "command": ["/no/such/program"]}))).failed
    )
    assert "no hook" in (await HookRunner([]).run("h", b"")).failed


async def test_keys_of_the_gateway_are_not_passed_on():
    source = "import os; print('{\"reason\": \"%s\"}' % ','.join(sorted(os.environ)))"
    answer = await run(command(source), environment={"PATH": os.environ["PATH"], "OPENAI_API_KEY": "k"})
    assert "OPENAI" not in answer.reason
    assert "PATH" in answer.reason


async def test_a_slow_hook_and_its_children_are_ended(tmp_path):
    mark = tmp_path / "pid"
    source = f"import subprocess, time; p = subprocess.Popen(['sleep', '60']); open({str(mark)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    begun = time.monotonic()
    answer = await run(command(source, timeout_ms=1500))
    assert "no answer within 1.5 s" in answer.failed
    assert time.monotonic() - begun < 10
    pid = int(mark.read_text())
    for _ in range(50):
        if not _alive(pid):
            break
        await asyncio.sleep(0.1)
    assert not _alive(pid)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_concurrency_is_bounded(tmp_path):
    source = (
        f"import os, time; d = {str(tmp_path)!r}; f = os.path.join(d, str(os.getpid())); open(f, 'w').close();"
        ' n = len(os.listdir(d)); time.sleep(0.2); os.remove(f); print(\'{"reason": "%d"}\' % n)'
    )
    runner = HookRunner([command(source, concurrency=2, timeout_ms=60_000)])
    answers = await asyncio.gather(*(runner.run("h", b"{}") for _ in range(5)))
    assert max(int(answer.reason) for answer in answers) <= 2


async def test_a_model():
    hook = Hook.model_validate({"id": "h", "on": "pre_tool_use", "model": "m", "criteria": "c"})

    async def model(asked, payload):
        assert (asked.criteria, payload) == ("c", b"{}")
        return HookAnswer("deny", "no")

    assert await run(hook, model=model) == HookAnswer("deny", "no")
    assert "no model" in (await run(hook)).failed


async def test_a_flood_is_cut_off_at_once():
    """A program that writes on would never end by itself: its pipe is full and nobody reads."""
    begun = time.monotonic()
    answer = await run(command("import sys\nwhile True: sys.stdout.write('x' * 65536)", timeout_ms=20_000))
    assert "larger than" in answer.failed
    assert time.monotonic() - begun < 10


async def test_a_child_that_left_the_group_holds_nothing_up():
    source = (
        "import subprocess, sys; subprocess.Popen(['sleep', '20'], start_new_session=True); print('{}');"
        " sys.stdout.flush()"
    )
    begun = time.monotonic()
    assert "no answer within" in (await run(command(source, timeout_ms=1500))).failed  # its stdout is still open
    assert time.monotonic() - begun < 10


async def test_named_variables_are_passed_on():
    source = "import os; print('{\"reason\": \"%s\"}' % os.environ.get('WANTED'))"
    environment = {"PATH": os.environ["PATH"], "WANTED": "yes", "OTHER": "no"}
    assert (await run(command(source, env=["WANTED"]), environment=environment)).reason == "yes"
    assert (await run(command(source, env=["ABSENT"]), environment=environment)).reason == "None"


async def test_every_run_is_counted():
    heard = []
    runner = HookRunner(
        [command('print(\'{"decision": "ask"}\')')], counted=lambda hook, how: heard.append((hook.id, how))
    )
    await runner.run("h", b"{}")
    await HookRunner([command("import sys; sys.exit(3)")], counted=lambda hook, how: heard.append((hook.id, how))).run(
        "h", b"{}"
    )
    assert heard == [("h", "ask"), ("h", "failed")]


async def test_a_request_that_is_over_ends_its_hook(tmp_path):
    mark = tmp_path / "pid"
    source = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    running = asyncio.ensure_future(run(command(source, timeout_ms=60_000)))
    while not mark.exists() or not mark.read_text():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _alive(int(mark.read_text()))
