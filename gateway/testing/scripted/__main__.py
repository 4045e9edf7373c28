"""`python -m gateway.testing.scripted --port 0 --fault cut`: the scripted vendor as a process of its own.

Prints one JSON line `{"port": N}` when it listens, and with `--log` appends one JSON line per request to a file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from gateway.testing.scripted.faults import FAULTS
from gateway.testing.scripted.model import Recorded, ScriptedModel
from gateway.testing.scripted.server import ScriptedServer
from gateway.testing.scripted.turns import PROFILES


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.testing.scripted", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--fault", help="name or name:number; names: " + ", ".join(FAULTS))
    parser.add_argument("--fault-times", type=int, help="-1: every time; default by fault")
    parser.add_argument("--fault-on", choices=("work", "result", "any"))
    parser.add_argument("--dialect-profile", "--profile", dest="profile", choices=PROFILES, default="plain")
    parser.add_argument("--api-key", help="the only key that is accepted")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two events of a stream")
    parser.add_argument("--max-seconds", type=float, default=600.0, help="stops by itself after this time")
    parser.add_argument("--log", type=Path, help="file for one JSON line per request (written at the end)")
    return parser.parse_args(argv)


def summary(record: Recorded) -> dict[str, object]:
    """One request in a line: what was asked and what was answered, without headers or bodies."""
    return {
        "number": record.number,
        "method": record.method,
        "target": record.target,
        "dialect": record.dialect,
        "reply": record.reply,
        "fault": record.fault,
        "status": record.status,
        "complaint": record.complaint,
        "aborted": record.aborted,
        "body_bytes": len(record.body),
    }


async def _run(options: argparse.Namespace) -> None:
    model = ScriptedModel(
        profile=options.profile,
        fault=options.fault,
        fault_times=options.fault_times,
        fault_on=options.fault_on,
        api_key=options.api_key,
        pause_s=options.pause,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with ScriptedServer(model, host=options.host, port=options.port) as server:
        sys.stdout.write(json.dumps({"port": server.port}) + "\n")
        sys.stdout.flush()
        try:
            await asyncio.wait_for(stop.wait(), options.max_seconds)
        except TimeoutError:
            pass
    if options.log:
        options.log.write_text("".join(json.dumps(summary(record)) + "\n" for record in server.requests))


if __name__ == "__main__":
    asyncio.run(_run(_arguments(sys.argv[1:])))
