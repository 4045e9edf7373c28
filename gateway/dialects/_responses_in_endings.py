"""How a Responses reply ends: the terminal response, whose items are read once more, and errors told inside a reply."""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.dialects._responses_decode import CALLS_OF_VENDOR_TOOLS
from gateway.dialects._responses_in_calls import CALLS
from gateway.dialects._responses_in_items import close_item, item_done
from gateway.dialects._responses_in_json import (
    ErrorJson,
    EventJson,
    IncompleteJson,
    ItemJson,
    ReplyJson,
    an_error,
    an_item,
)
from gateway.dialects._responses_in_slots import Reading, Slot
from gateway.dialects._responses_read import usage
from gateway.dialects._shared import status_of_words, type_of_status, understood
from gateway.errors import UpstreamError, UpstreamOverloaded, UpstreamRateLimited, UpstreamRejected
from gateway.ir.events import Event, Failed, Finished, UsageReport


def terminal(reading: Reading, reply: ReplyJson, kind: str, out: list[Event]) -> None:
    """The closing response. `kind`: completed, incomplete, failed or cancelled by the event's type."""
    for index, raw in enumerate(reply.output or []):
        _final_item(reading, index, raw, out)
    for slot in reading.slots.values():
        close_item(reading, slot, out)
    counts = usage(reply.usage)
    if counts is not None:
        out.append(UsageReport(counts))
    status = reply.status if reply.status in ("failed", "cancelled", "incomplete") else kind
    if status in ("failed", "cancelled"):
        error = reply.error if isinstance(reply.error, ErrorJson) else ErrorJson(reply.error)
        failed(reading, failure(error, f"the response was {status}"), out)
        return
    reading.finished = True
    out.append(_finish(reading, reply, status))


def _finish(reading: Reading, reply: ReplyJson, status: str) -> Finished:
    if status == "incomplete":
        reason = (reply.incomplete_details or IncompleteJson()).reason
        return Finished("content_filter" if reason == "content_filter" else "length", detail=reason)
    if reading.called:
        return Finished("tool_calls")
    if reading.refused and not reading.spoke:
        return Finished("refusal")
    return Finished("stop")


def _final_item(reading: Reading, index: int, raw: msgspec.Raw, out: list[Event]) -> None:
    """An item of the terminal response: news if it was not streamed; else its call must be the one that was."""
    item = understood(an_item, raw, "an output item")
    slot = reading.slots.get(index) if item.type in CALLS else _seen(reading, index, item)
    if item.type in CALLS:
        slot = next((s for s in reading.slots.values() if s.call and item.call_id and s.call_id == item.call_id), slot)
    if slot is not None and slot.call is None and item.type in CALLS:
        slot = None  # the place is taken by another kind of item: this call was never streamed
    key: int | str = index
    if slot is None:
        key = index if index not in reading.slots else f"final-{index}"
        slot = reading.slots[key] = Slot()
        slot.item_id, slot.kind = item.id, item.type
    slot.final = True
    if not slot.closed and item.type in CALLS_OF_VENDOR_TOOLS:
        reading.call_pieces += 1
    item_done(reading, slot, item, raw, out)


def _seen(reading: Reading, index: int, item: ItemJson) -> Slot | None:
    """The slot of an item of the terminal response: by id, by place, by kind. Some servers change ids, some leave items out
    of the terminal response, so that places shift."""
    open_ = [slot for slot in reading.slots.values() if not slot.final and slot.kind in (None, item.type)]
    named = next((slot for slot in open_ if item.id and slot.item_id == item.id), None)
    if named is not None:
        return named
    here = reading.slots.get(index)
    return here if here in open_ else next(iter(open_), None)


# --- errors ------------------------------------------------------------------------------------------------------

_OURS_TO_MEND: Final = ("invalid", "policy", "image", "unsupported")
"""Words in codes of this dialect that mean a bad request (openai 3.52 `response_error.py`)."""


def error_event(reading: Reading, told: EventJson, out: list[Event]) -> None:
    error = understood(an_error, told.error, "an error event")
    if isinstance(error, str):
        error = ErrorJson(message=error)
    failed(reading, failure(error or ErrorJson(told.message, told.code)), out)


def failed(reading: Reading, how: Failed, out: list[Event]) -> None:
    reading.finished = True
    out.append(how)


def failure(error: ErrorJson, otherwise: str = "the upstream reported an error") -> Failed:
    """An error told inside a reply. The status is the one that the same words would have had outside."""
    code = None if error.code is None else str(error.code)
    status = status_of_words(error.type, error.code, error.message or "")
    if status == 500 and code and any(word in code for word in _OURS_TO_MEND):
        status = 400
    return Failed(error.message or otherwise, error.type or type_of_status(status), code, status)


def raised(failed: Failed, body: bytes) -> UpstreamError:
    """The error that a failed whole reply (HTTP 200, status "failed") amounts to."""
    if failed.status == 429:
        quota = failed.code is not None and "quota" in failed.code
        return UpstreamRateLimited(failed.message, quota=quota, body=body)
    if 400 <= failed.status < 500:
        return UpstreamRejected(failed.message, status=failed.status, body=body, upstream_code=failed.code)
    return UpstreamOverloaded(failed.message, status=failed.status, body=body)
