"""Log lines: two forms, levels, and what is left out on purpose."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from gateway.cli._logging import JsonLines, set_up
from gateway.config.settings import LogConfig
from gateway.http.sink import Cut

NAMES = ("", "interlock", "gateway", "uvicorn.error")


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger.handlers[:], logger.level) for logger in loggers]
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)


def raised(error: Exception) -> object:
    try:
        raise error
    except Exception:
        return sys.exc_info()


def test_a_json_line_is_one_object_with_a_utc_time(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogConfig(format="json"))
    logging.getLogger("interlock").info("größe %d\nsecond line", 3)
    line = json.loads(capsys.readouterr().err)
    assert {k: line[k] for k in ("level", "logger", "message")} == {
        "level": "info",
        "logger": "interlock",
        "message": "größe 3\nsecond line",
    }
    assert line["time"].endswith("Z")


def test_a_json_line_tells_an_exception() -> None:
    record = logging.LogRecord("interlock", logging.ERROR, __file__, 1, "no", (), raised(ValueError("why")))  # type: ignore[arg-type]
    record.created, record.msecs = 1_770_000_000.25, 250.0
    line = json.loads(JsonLines().format(record))
    assert line["time"] == "2026-02-02T02:40:00.250Z"
    assert "ValueError: why" in line["exception"]


@pytest.mark.parametrize(("level", "lines"), [("debug", 2), ("info", 1), ("error", 0)])
def test_levels(level: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogConfig.model_validate({"level": level}))
    logging.getLogger("interlock").debug("a")
    logging.getLogger("interlock").info("b")
    logging.getLogger("some.library").info("never: libraries speak from warning on")
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_setting_up_twice_says_things_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogConfig())
    set_up(LogConfig())
    logging.getLogger("interlock").info("once")
    assert capsys.readouterr().err.count("once") == 1


def test_a_connection_cut_on_purpose_is_no_complaint(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LogConfig())
    server = logging.getLogger("uvicorn.error")
    server.error("Exception in ASGI application", exc_info=raised(Cut("on purpose")))  # type: ignore[arg-type]
    server.warning("Unsupported upgrade request.")
    assert capsys.readouterr().err == ""
    server.error("Exception in ASGI application", exc_info=raised(ValueError("a fault")))  # type: ignore[arg-type]
    assert "a fault" in capsys.readouterr().err
