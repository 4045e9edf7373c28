"""What a running gateway says to recorded requests: `python -m scripts.route_captures DIR [--url http://127.0.0.1:4242]`.

Posts each request of `DIR/*.jsonl` (see scripts.check_captures) to `POST /v1/route` with the recorded headers and prints a
table: call, task, lane and the time the classifier took. Nothing is called upstream. For looking at, not a test.
"""

from __future__ import annotations

import argparse
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DIALECTS = {"/v1/chat/completions": "chat", "/v1/messages": "messages", "/v1/responses": "responses"}
LEFT_OUT = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "authorization", "x-api-key"}
)


def asked(url: str, row: dict[str, Any], dialect: str) -> dict[str, Any]:
    pairs = row["headers"].items() if isinstance(row["headers"], dict) else row["headers"]
    headers = {name: value for name, value in pairs if name.lower() not in LEFT_OUT}
    body = json.dumps({**row["body"], "model": "auto"}).encode()  # the recordings name a model of their own
    request = urllib.request.Request(f"{url}/v1/route?dialect={dialect}", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as reply:
        return dict(json.load(reply))


def rows(folder: Path, url: str) -> Iterator[tuple[str, ...]]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            dialect = DIALECTS.get(row["path"].partition("?")[0])
            if dialect is None:
                continue
            said = asked(url, row, dialect)
            gain = (said["scores"] or {}).get("gain")
            yield (
                f"{file.stem} {row['n']}",
                row["reply"],
                said["harness"],
                said["call"],
                said["task"] or "-",
                said["lane"],
                "-" if gain is None else f"{gain:+.2f}",
                str(said["classifier"]["latency_us"]),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:4242")
    arguments = parser.parse_args()
    head = ("request", "reply", "harness", "call", "task", "lane", "gain", "µs")
    table = [head, *rows(arguments.folder, arguments.url)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
