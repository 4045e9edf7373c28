"""What a thumb must say."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.http.feedback import NOTE_CHARS, Feedback

REQUEST, SESSION = "req_0123456789abcdef", "ses_0123456789abcdef"


@pytest.mark.parametrize(
    "given", [{"request_id": REQUEST, "thumbs": "up"}, {"session": SESSION, "thumbs": "down", "note": "x"}]
)
def test_one_address_and_a_thumb(given: dict[str, Any]) -> None:
    assert Feedback(**given).thumbs == given["thumbs"]


@pytest.mark.parametrize(
    "given",
    [
        {"thumbs": "up"},
        {"request_id": REQUEST, "session": SESSION, "thumbs": "up"},
        {"request_id": "req_../../x", "thumbs": "up"},
        {"request_id": REQUEST, "thumbs": "sideways"},
        {"request_id": REQUEST, "thumbs": "up", "stars": 5},
        {"request_id": REQUEST, "thumbs": "up", "note": "x" * (NOTE_CHARS + 1)},
    ],
)
def test_everything_else_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Feedback(**given)
