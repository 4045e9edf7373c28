"""A run as a text for people: who asked what, what the upstream did, what the client got, what was booked."""

from __future__ import annotations

from tests.faults import readers
from tests.faults.stage import Run


def tell(run: Run) -> str:
    lines = [
        f"seed {run.schedule.seed}: {len(run.told)} asks, {run.took_s:.1f} virtual seconds, "
        f"{'over HTTP, windows of ' + str(run.schedule.window_bytes) if run.schedule.served else 'by ASGI'}, {run.dials}"
    ]
    for told in run.told:
        ask = told.ask
        lines.append(
            f"ask {ask.index}: {ask.dialect}{' stream' if ask.stream else ''} to {ask.route} at {ask.at_s:.2f} s, "
            f"{ask.habit} ({ask.number:g}, buffer {ask.buffer}){' tools' if ask.tools else ''}"
        )
        for a in run.vendor.attempts if run.vendor else []:
            if a.ask == ask.index:
                end = "-" if a.ended_s is None else f"{a.ended_s - told.began_s:.2f}"
                lines.append(
                    f"  attempt {a.number} {a.dialect}: {a.played.name} ({a.played.expect}), from {a.began_s - told.began_s:.2f}"
                    f" to {end} s, {a.written} bytes, {'all' if a.complete else 'not all'} written"
                )
        seen = readers.read(
            ask.dialect, ask.stream, told.status, told.kind, told.data, whole=told.over and not told.cut
        )
        how = "read to the end" if told.over else f"left after {(told.left_s or 0) - told.began_s:.2f} s"
        lines.append(
            f"  client: {told.status} {how}{' late' if told.late else ''}, {len(told.data)} bytes, {seen.end}, "
            f"{len(seen.text)} characters, {len(seen.calls)} calls {seen.error[:100]!r}"
        )
        for row in run.rows:
            if f"ask-{ask.index}" in row.tags:
                hops = [(h.model, h.outcome, h.status, h.usage.output_tokens, h.usage.source) for h in row.hops]
                lines.append(f"  row: {row.outcome} {row.status} {row.error} {hops}")
    lines += [f"BROKEN: {problem}" for problem in run.problems]
    return "\n".join(lines)
