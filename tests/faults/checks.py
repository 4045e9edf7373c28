"""The promises, checked after each schedule. Each function returns the broken ones as sentences."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.ir.exchange import LedgerRow
from policies import audit
from tests.faults import readers
from tests.faults.client import Told
from tests.faults.readers import Seen
from tests.faults.schedule import LIMIT_S
from tests.faults.vendor import Attempt

if TYPE_CHECKING:
    from tests.faults.stage import Run

MARK = re.compile(r"\ba(\d+)[wtxc]\d+")


@dataclass(frozen=True)
class Limits:
    """Seconds. `request_s`: in which any request must have ended. `cancel_s`: a client's departure cancels the upstream
    within 100 ms (issue 2, point 11). `drain_s`: but the end of a delivered answer's body is waited for a little
    (relay.DRAIN_S). `exact`: time is virtual, so that no good answer can be lost to a slow machine. `kernel_bytes`: what
    the machine itself may take of an answer that nobody reads."""

    request_s: float = LIMIT_S
    cancel_s: float = 0.1
    drain_s: float = 0.3
    exact: bool = True
    kernel_bytes: int = 0


VIRTUAL = Limits()
TAKEN_BYTES_MAX = {True: 20 << 20, False: 70 << 20}
"""Most that may be taken of an endless answer: one event of 16 MiB in a stream, 64 MiB as a whole, and buffers."""
UNREAD = ("leaves in its body", "never sends its body", "leaves at once", "leaves after a time")
"""Habits of clients whose request may never have been read: a request that nobody could read has no row."""


def of_run(run: Run, limits: Limits = VIRTUAL) -> list[str]:
    problems: list[str] = []
    everyone = _attempts(run)
    for told in run.told:
        rows = [row for row in run.rows if f"ask-{told.ask.index}" in row.tags]
        attempts = [a for a in everyone if a.ask == told.ask.index]
        found = of_ask(told, rows, attempts, everyone, limits)
        problems += [f"ask {told.ask.index}: {problem}" for problem in found]
    known = {f"ask-{told.ask.index}" for told in run.told}
    problems += [f"a row of nobody: {row.tags}" for row in run.rows if not known & set(row.tags)]
    return problems


def _attempts(run: Run) -> list[Attempt]:
    assert run.vendor is not None
    return run.vendor.attempts


def of_ask(
    told: Told, rows: list[LedgerRow], attempts: list[Attempt], everyone: list[Attempt], limits: Limits
) -> list[str]:
    ask = told.ask
    seen = readers.read(ask.dialect, ask.stream, told.status, told.kind, told.data, whole=told.over and not told.cut)
    served, problems = _served(seen, attempts, everyone)
    problems += [f"the app raised {told.crash}"] if told.crash else []
    if told.over and told.ended_s - told.began_s > limits.request_s + told.idle_s:
        problems.append(f"it took {told.ended_s - told.began_s:.1f} s")
    problems += _grammar(told, seen, served)
    problems += _content(told, seen, served)
    problems += unjudged(told, seen, served)
    problems += _needless(told, seen, attempts) if limits.exact else []
    problems += _departure(told, attempts, rows, limits)
    problems += _bounds(attempts, limits)
    if len(rows) > 1 or (not rows and not (ask.habit in UNREAD and not attempts)):
        problems.append(f"{len(rows)} rows in the ledger")
    for row in rows[:1]:
        problems += _row(told, seen, served, attempts, row)
    return problems


# --- what the client sees ----------------------------------------------------------------------------------------


def _served(seen: Seen, attempts: list[Attempt], everyone: list[Attempt]) -> tuple[Attempt | None, list[str]]:
    """The attempt whose content the client saw. Two are one too many."""
    said = [seen.text, seen.thinking, *(call.arguments for call in seen.calls)]
    numbers = {int(number) for text in said for number in MARK.findall(text)}
    if len(numbers) > 1 and any(a.played.structure for a in attempts):
        return None, []  # a repeated piece of arguments may look like another attempt's mark
    if len(numbers) > 1:
        return None, [f"a second answer after content: attempts {sorted(numbers)}"]
    if not numbers:
        last = attempts[-1] if attempts else None
        return (last if last and (seen.end == "ok" or last.played.structure) else None), []
    served = everyone[numbers.pop()] if max(numbers) < len(everyone) else None
    if served is None or served not in attempts:
        return None, ["the answer of another request"]
    return served, []


def _grammar(told: Told, seen: Seen, served: Attempt | None) -> list[str]:
    if told.cut:
        return ["the connection was cut"]
    if served is not None and served.played.structure and served.dialect == told.ask.dialect:
        # The vendor's own events in an odd order pass as they are; but an end there must be.
        return [p for p in seen.problems if "without an end" in p or "UTF-8" in p or "within an event" in p]
    return [f"the client stumbles: {problem}" for problem in seen.problems]


def _content(told: Told, seen: Seen, served: Attempt | None) -> list[str]:
    if served is None or served.played.structure:
        return []
    if seen.end == "ok" and told.over:
        if served.played.expect == "broken":
            return [f"a broken answer ({served.played.name}) ended well"]
        if seen.text != served.text:
            return [f"text is missing or too much: {seen.text[-80:]!r} for {served.text[-80:]!r}"]
        if _calls(seen) != [(name, json.loads(arguments)) for name, arguments in served.calls]:
            return [f"other calls than were made: {_calls(seen)}"]
        return []
    if not served.text.startswith(seen.text):
        return ["the text is not what was said"]
    return []


def _calls(seen: Seen) -> list[tuple[str, Any]]:
    return [(call.name, _loads(call.arguments)) for call in seen.calls]


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return f"no JSON: {text[:80]}"


def of_audit(run: Run, path: Path) -> list[str]:
    """Tool calls that reached a client without a verdict: each that the client may run (its dialect says that it is whole)
    must have been allowed, with exactly these arguments, in the audit log, whose chain must hold."""
    if not path.exists():
        return ["there is no audit log"]
    lines = path.read_bytes().splitlines(keepends=True)
    problems = [f"audit line {finding.line} {finding.message}" for finding in audit.verify(lines).findings]
    records = [json.loads(line) for line in lines]
    allowed = {(r["tool"], _canonical(r["arguments"])) for r in records if r.get("decision") == "allow"}
    for told in run.told:
        ask = told.ask
        seen = readers.read(
            ask.dialect, ask.stream, told.status, told.kind, told.data, whole=told.over and not told.cut
        )
        problems += [
            f"ask {ask.index}: the call of {call.name} was released unjudged: {call.arguments[:80]!r}"
            for call in seen.calls
            if call.whole and (call.name, _canonical(call.arguments)) not in allowed
        ]
    return problems


def _canonical(arguments: str) -> str:
    return json.dumps(_loads(arguments), sort_keys=True)


def unjudged(told: Told, seen: Seen, served: Attempt | None) -> list[str]:
    """Tool calls that reached the client as the vendor did not make them: one that the client may run must be exactly one
    that the vendor made, with complete arguments, and one that is not whole must be the beginning of such a call. Whether it
    was judged is `of_audit`'s to say."""
    if served is None or served.played.structure:
        return []
    problems = []
    for place, call in enumerate(seen.calls):
        name, arguments = served.calls[place] if place < len(served.calls) else ("", "")
        if call.name != name:
            problems.append(f"call {place} of {call.name!r} was never made")
        elif call.whole and _loads(call.arguments) != json.loads(arguments):
            problems.append(f"call {place} was released with {call.arguments[:80]!r}")
        elif not call.whole and not arguments.startswith(call.arguments):
            problems.append(f"call {place} began with other arguments: {call.arguments[:80]!r}")
    return problems


def _needless(told: Told, seen: Seen, attempts: list[Attempt]) -> list[str]:
    """The vendor answered well and the client waited for it, yet did not get it."""
    if not attempts or not told.over or seen.end == "ok" or told.ask.habit == "very slow":
        return []
    last = attempts[-1]
    if last.played.expect == "whole" and not (last.dialect == told.ask.dialect and last.played.structure):
        return [f"a good answer ({last.played.name}) was lost: {told.status} {seen.error!r}"]
    return []


def _departure(told: Told, attempts: list[Attempt], rows: list[LedgerRow], limits: Limits) -> list[str]:
    if told.left_s is None or told.late:
        return []
    allowed = told.left_s + (limits.drain_s if rows and rows[0].outcome == "ok" else limits.cancel_s)
    begun = told.left_s + (0 if limits.exact else limits.cancel_s)
    late = [a for a in attempts if a.ended_s is None or a.ended_s > allowed or a.began_s > begun]
    return [f"attempt {a.number} ({a.played.name}) went on after its client had left" for a in late]


def _bounds(attempts: list[Attempt], limits: Limits) -> list[str]:
    over = [a for a in attempts if a.written > TAKEN_BYTES_MAX[a.stream] + limits.kernel_bytes]
    return [f"{a.written} bytes were taken of an endless answer" for a in over]


# --- the bill ----------------------------------------------------------------------------------------------------


def _row(told: Told, seen: Seen, served: Attempt | None, attempts: list[Attempt], row: LedgerRow) -> list[str]:
    passed = served is not None and served.played.structure and served.dialect == told.ask.dialect
    problems = [] if passed and seen.end == "none" else _outcome(told, seen, attempts, row)
    if told.request_id and row.request_id != told.request_id:
        problems.append("the row has another request id than the answer")
    if row.cost_usd_micros != sum(hop.cost_usd_micros for hop in row.hops):
        problems.append("the row's cost is not the sum of its hops")
    if row.usage.output_tokens != sum(hop.usage.output_tokens for hop in row.hops):
        problems.append("the row's usage is not the sum of its hops")
    if attempts and not row.hops:
        problems.append("an upstream was called, and the row has no hop")
    if served is not None and row.hops and (seen.content_bytes or seen.end == "ok"):
        problems += _usage(told, seen, served, row)
    return problems


def _usage(told: Told, seen: Seen, served: Attempt, row: LedgerRow) -> list[str]:
    usage = row.hops[-1].usage
    if usage.source == "none":
        return ["content was delivered, and no usage is booked"]
    if usage.source == "reported" and row.hops[-1].outcome == "ok":
        if served.played.structure or usage.output_tokens == served.tokens.output:
            return []
        return [f"{usage.output_tokens} output tokens are booked, the vendor reported {served.tokens.output}"]
    if usage.source == "reported" and usage.output_tokens not in (0, 1, served.tokens.output):
        return [f"{usage.output_tokens} tokens are booked as reported, and nobody reported them"]
    if seen.end == "ok" and told.over and served.played.expect == "whole":
        return [f"a complete report is booked as {usage.source}"]
    if usage.output_tokens * 4 < seen.content_bytes and usage.output_tokens < served.tokens.output:
        return [f"{usage.output_tokens} tokens are booked for {seen.content_bytes} bytes of content"]
    return []


def _outcome(told: Told, seen: Seen, attempts: list[Attempt], row: LedgerRow) -> list[str]:
    if told.over:
        wanted = _outcomes_of_end(told, seen)
        if row.outcome not in wanted or (row.status != told.status):
            return [
                f"booked as {row.outcome} {row.status}, the client saw {seen.end} {told.status} {seen.error[:80]!r}"
            ]
        return []
    if row.outcome == "client_left":
        return []
    last = attempts[-1].played.expect if attempts else "broken"
    if row.outcome == "ok" and last != "broken":
        return []
    if row.outcome in ("cut", "upstream_error", "error", "refused") and (
        last != "whole" or told.ask.habit == "very slow"
    ):
        return []
    return [f"its client left, and it is booked as {row.outcome}"]


def _outcomes_of_end(told: Told, seen: Seen) -> tuple[str, ...]:
    if seen.end == "ok":
        return ("ok",)
    if told.status != 200:
        return ("upstream_error", "error", "refused")
    return ("cut",) if seen.content_bytes else ("cut", "upstream_error", "error")


def of_file(run: Run, path: Path) -> list[str]:
    """What is on the disk is what was recorded: every row, whole."""
    with closing(sqlite3.connect(path)) as db:
        calls = db.execute(
            "SELECT request_id, outcome, cost_usd_micros, output_tokens FROM calls ORDER BY id"
        ).fetchall()
        hops = db.execute("SELECT count(*) FROM hops").fetchone()[0]
        (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
    recorded = [(r.request_id, r.outcome, r.cost_usd_micros, r.usage.output_tokens) for r in run.rows]
    problems = [] if calls == recorded else [f"{len(calls)} rows on disk, {len(recorded)} recorded, or not the same"]
    if hops != sum(len(row.hops) for row in run.rows):
        problems.append("other hops on disk than were recorded")
    return problems + ([] if integrity == "ok" else [f"the ledger file: {integrity}"])


# --- what is left over -------------------------------------------------------------------------------------------


def leftovers(gateway: Any, known: set[asyncio.Task[Any]]) -> list[str]:
    """Tasks, flights and connections that outlive their requests."""
    tasks = asyncio.all_tasks() - known - {asyncio.current_task()}
    problems = [f"a task is left over: {task!r}"[:300] for task in tasks]
    front = gateway.front
    if front.in_flight or front._tasks:
        problems.append(f"{front.in_flight} requests in flight, {len(front._tasks)} tasks known")
    keeper = front.pipeline.keeper
    if keeper._flights or keeper._pings:
        problems.append("the keeper holds flights that have ended")
    counts = [(client.open_count, client.idle_count) for client in lean_clients(gateway)]
    problems += [f"{all_} upstream connections are open, {idle} of them idle" for all_, idle in counts if all_ != idle]
    return problems


def lean_clients(gateway: Any) -> list[Any]:
    clients = list(gateway.ports.upstream._usual._clients.values())
    return [client for client in clients if hasattr(client, "open_count")]
