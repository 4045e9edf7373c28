"""The `hour` matcher: a daily window such as "22-06" or "22:30-06:15 Europe/Berlin". Times come in as Unix seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

_FORM = re.compile(r"(\d{1,2})(?::([0-5]\d))?-(\d{1,2})(?::([0-5]\d))?(?: +(\S+))?\Z")
HOUR_FORM = 'HH-HH or HH:MM-HH:MM, with a time zone name behind it if not UTC, e.g. "22-06" or "08:30-17 Europe/Berlin"'


@dataclass(frozen=True, slots=True)
class HourWindow:
    """Minutes of the day, start inclusive, end exclusive; a window whose end is before its start runs over midnight."""

    start_min: int
    end_min: int
    zone: tzinfo = UTC

    def contains(self, at_s: float) -> bool:
        moment = datetime.fromtimestamp(at_s, self.zone)
        minute = moment.hour * 60 + moment.minute
        if self.start_min <= self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


def hour_window(text: str) -> HourWindow:
    """ValueError, with the accepted form, for anything else. 24 is allowed as an end."""
    match = _FORM.match(text.strip())
    if match is None:
        raise ValueError(f"not a window of hours; write {HOUR_FORM}")
    start = int(match[1]) * 60 + int(match[2] or 0)
    end = int(match[3]) * 60 + int(match[4] or 0)
    if start >= 24 * 60 or end > 24 * 60:
        raise ValueError("an hour is 0 to 23 (24 only as an end)")
    if start == end:
        raise ValueError("the window is empty: it starts when it ends")
    return HourWindow(start, end, _zone(match[5]))


def _zone(name: str | None) -> tzinfo:
    if name is None or name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}; write an IANA name such as Europe/Berlin, or UTC") from None
