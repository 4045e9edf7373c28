"""Daily windows, over midnight and in time zones."""

import pytest

from gateway.config.hours import hour_window

NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC
HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "offset_h", "inside"),
    [
        ("10-14", 0, True),
        ("10-12", 0, False),
        ("12-13", 0, True),
        ("22-06", 0, False),
        ("22-06", 10, True),
        ("22-06", 12, True),
        ("22-06", 18, False),
        ("22-06", 17.99, True),
        ("12:30-13", 0.4, False),
        ("12:30-13", 0.5, True),
        ("0-24", 11.99, True),
        ("13-14 Europe/Berlin", 0, True),
        ("12-13 Europe/Berlin", 0, False),
        ("12-13 utc", 0, True),
    ],
)
def test_windows(text: str, offset_h: float, inside: bool):
    assert hour_window(text).contains(NOON + offset_h * HOUR) is inside


@pytest.mark.parametrize(
    "text",
    ["", "22", "22-", "24-1", "1-25", "1:60-2", "5-5", "a-b", "1-2 Mars/Olympus", "1-2 ../../etc/passwd", "1-2-3"],
)
def test_what_is_no_window(text: str):
    with pytest.raises(ValueError):
        hour_window(text)
