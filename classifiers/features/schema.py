"""The features a model is trained on, by name, and the hash that ties a trained model to them. Pure.

The hash covers names, order and versions; a change of what a feature *means* must raise its version here, because the code
cannot tell. A model with another hash is refused (`classifiers.artefact`).

What is not here is left out on purpose: the system text, the number and names of tools, the length of the request, the
harness and the number of messages say who asks, not what for, and every router that read them was misled (routing.md 4,
points 1 to 4, 13).
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

ASK_VERSION: Final = 1
"""Of how the human's ask is found (`classifiers.features.asks`)."""
TEXT_VERSION: Final = 3
"""Of tokens and characters (`classifiers.features.text`)."""
TRAJECTORY_VERSION: Final = 1
"""Of how the numbers below are counted (`classifiers.features.trajectory`)."""

TRAJECTORY: Final = (
    "steps",  # agent turns with at least one tool call
    "steps_since_ask",  # of those, since the human last asked for something
    "reads",
    "edits",
    "runs",
    "searches",
    "distinct_read",  # files
    "distinct_edited",  # files
    "tests",  # test runs whose result was seen
    "tests_failed",
    "test_streak",  # failed test runs in a row, up to now
    "cycles",  # a test run after at least one edit
    "cycles_failed",
    "cycle_streak",  # failed cycles in a row, up to now
    "errors",
    "error_streak",  # results in a row that are errors or failed tests, up to now
    "empties",
    "repeats",  # calls that equal one of the eight before, and brought no edit between
    "repeat_streak",
    "corrections",  # the human says that it is still wrong
    "corrections_since_ask",
    "delegations",
    "since_edit",  # steps since the last edit, steps if none
    "since_test",
    "last_ok",  # class of the last tool result, one of five
    "last_error",
    "last_test_failure",
    "last_diff",
    "last_empty",
)
"""The trajectory vector, in order: float32, counts capped at COUNT_MAX. All are 0 at the first turn of a session."""

COUNT_MAX: Final = 200.0


@cache
def schema_hash() -> str:
    """64 hex digits."""
    said = f"ask={ASK_VERSION};text={TEXT_VERSION};trajectory={TRAJECTORY_VERSION}:{','.join(TRAJECTORY)}"
    return hashlib.sha256(said.encode()).hexdigest()
