"""Log lines for people or collectors, to stderr. Bodies, keys and secrets are never logged at any level."""

from __future__ import annotations

import json
import logging
import sys
import time

from gateway.config.settings import LogConfig


class JsonLines(logging.Formatter):
    """`worker` None: there is only one."""

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._worker is not None:
            line["worker"] = self._worker
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _OnPurpose(logging.Filter):
    """The server's complaints about connections that the gateway cut on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        from gateway.http.sink import Cut

        cut = record.exc_info is not None and record.exc_info[0] is not None and issubclass(record.exc_info[0], Cut)
        return (
            not cut
            and "Unsupported upgrade request" not in record.getMessage()
            and "No supported WebSocket" not in record.getMessage()
        )


def set_up(config: LogConfig, worker: int | None = None) -> None:
    """`worker` is said in every line, where there are several."""
    handler = logging.StreamHandler(sys.stderr)
    who = "" if worker is None else f"[{worker}]"
    text = logging.Formatter(f"%(asctime)s %(levelname)-7s %(name)s{who}: %(message)s")
    handler.setFormatter(JsonLines(worker) if config.format == "json" else text)
    handler.addFilter(_OnPurpose())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("interlock", "gateway", "uvicorn.error"):
        logging.getLogger(name).setLevel(config.level.upper() if name != "uvicorn.error" else "WARNING")
