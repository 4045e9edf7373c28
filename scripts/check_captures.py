"""Check recognition against recorded requests of real clients: harness, session, call and ask of every request.

`python -m scripts.check_captures DIR`: DIR holds `*.jsonl` files, one request per line with `path`, `headers`, `body` and
`reply` (what the recording's scripted model answered). File names tell the client, `reply` tells the call. Prints a table
and exits 1 if anything is not as expected. The recordings are not part of this repository (they carry other projects'
texts); tests/unit/gateway/harnesses has fixtures of our own in the same shapes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.dialects import registry as dialects
from gateway.harnesses import registry as harnesses
from gateway.ir.exchange import Exchange, Identity
from gateway.routing import calls, tasks
from gateway.sessions import identity

CLIENTS = {
    "aider": "aider",
    "codex": "codex",
    "continue": "continue",
    "opencode": "opencode",
    "qwen": "qwen-code",
    "py": "unknown",
}
TASK = "create hello.txt containing hi"
# The session's source per file; files that are not named have none and are told by their prefix.
SOURCES = {
    "codex": "thread-id",
    "opencode": "x-session-id",
    "opencode-anthropic": "x-session-id",
    "opencode-responses": "x-session-id",
    "opencode-compaction": "x-session-id",
    "qwen-responses": "prompt_cache_key",
}


def expected_call(name: str, number: int, body: dict[str, Any], reply: str) -> str:
    """What the README of the recordings says of each request."""
    if reply == "final":
        return "tool_result"
    if name.startswith("opencode") and reply == "plain":
        return "title" if number == 1 else "compaction"
    return "main"


def exchange_of(row: dict[str, Any]) -> Exchange | None:
    """The exchange as the pipeline would build it; None for paths that are no inference (count_tokens)."""
    dialect = dialects.by_path().get(row["path"].partition("?")[0])
    if dialect is None or row["path"].endswith("count_tokens"):
        return None
    pairs = row["headers"].items() if isinstance(row["headers"], dict) else row["headers"]
    headers = tuple((name.lower().encode(), value.encode()) for name, value in pairs)
    body = json.dumps(row["body"], separators=(",", ":"), ensure_ascii=False).encode()
    view = dialect.read(body)
    found = harnesses.detect(dict(headers), view, dialect.name)
    who = Identity(key_id="k", harness=found.name, harness_version=found.version)
    session = identity.identify(dict(headers), view, "k", dialect.name, found.name)
    return Exchange(
        request_id="r",
        received_s=0.0,
        dialect=dialect.name,
        path=row["path"],
        query="",
        headers=headers,
        body=body,
        view=view,
        model_asked=view.model,
        stream=view.stream,
        identity=who,
        session=session,
    )


def rows(folder: Path) -> Iterator[tuple[bool, list[str]]]:
    """(as expected, cells) of each request."""
    for file in sorted(folder.glob("*.jsonl")):
        sessions: dict[str, str] = {}
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            exchange = exchange_of(row)
            if exchange is None:
                continue
            call, _ = calls.detect(exchange)
            ask = tasks.ask_of(exchange.view, exchange.identity.harness)
            source = exchange.session.source
            wanted_call = expected_call(file.stem, row["n"], row["body"], row["reply"])
            after_compaction = file.stem == "opencode-compaction" and row["n"] > 3
            checks = {
                "harness": exchange.identity.harness == CLIENTS[file.stem.split("-")[0]],
                "source": source == SOURCES.get(file.stem, "prefix"),
                "session": sessions.setdefault(source, exchange.session.id) == exchange.session.id,
                "call": call == wanted_call,
                "ask": wanted_call in ("title", "compaction") or after_compaction or ask == TASK,
            }
            wrong = [name for name, good in checks.items() if not good]
            yield (
                not wrong,
                [
                    file.stem,
                    str(row["n"]),
                    exchange.identity.harness,
                    exchange.identity.harness_version,
                    source,
                    exchange.session.id[:12],
                    call,
                    ask[:34].replace("\n", " "),
                    "ok" if not wrong else "WRONG " + ", ".join(wrong),
                ],
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.check_captures", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    if not any(folder.glob("*.jsonl")):
        parser.error(f"no *.jsonl in {folder}")
    found = list(rows(folder))
    titles = ["recording", "n", "harness", "version", "session from", "session", "call", "ask", ""]
    table = [titles, *(cells for _, cells in found)]
    widths = [max(len(cells[i]) for cells in table) for i in range(len(titles))]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    good = sum(fine for fine, _ in found)
    print(f"\n{good} of {len(found)} as expected")
    sys.exit(0 if good == len(found) else 1)


if __name__ == "__main__":
    main()
