"""What all dialects need and none owns: checked parsing, minted ids, raw JSON in encoded bodies, words for errors.

Knows JSON and the error tree, no wire format. msgspec is lenient in two places that matter here and are made good: it skips
over unknown values without checking their UTF-8, and it lets the last of two equal keys win. Its nesting bound is Python's
recursion limit (about 1,000 levels), reported as RecursionError.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Final, NoReturn, TypeVar

import msgspec

from gateway.errors import (
    MalformedRequest,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamRejected,
)
from gateway.ir.events import Failed
from gateway.ir.request import Request, Tool
from gateway.wire import splice

T = TypeVar("T")

Bad: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Everything that msgspec's decoder raises on bad input (ValidationError is a DecodeError)."""

_AT: Final = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_BYTE: Final = re.compile(r" \(byte (\d+)\)$")
_SHOWN: Final = 500

Count = Annotated[int, msgspec.Meta(ge=-1, le=1 << 31)]
"""A bound or a number of tokens in a request; -1 says "no bound" to LM Studio and llama.cpp. msgspec would take integers of
any size otherwise, and cannot write those above 64 bits."""
Integer = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]

RAW_NULL: Final = msgspec.Raw(b"null")
EMPTY_OBJECT: Final = msgspec.Raw(b"{}")

# --- requests ----------------------------------------------------------------------------------------------------


def malformed(error: Exception, at: str = "$") -> MalformedRequest:
    """The client's view of a parser's error. `at` is the JSON path of the value that was being parsed; the path that the
    parser names inside it is appended, so the result names the place in the whole body."""
    if isinstance(error, RecursionError):
        return MalformedRequest("JSON is nested too deeply", where=at, accepted="at most some hundred levels")
    if isinstance(error, UnicodeDecodeError):
        return MalformedRequest(f"text is not valid UTF-8: {error.reason}", where=at)
    text = str(error)
    found = _AT.search(text)
    if found:
        return MalformedRequest(text[: found.start()], where=_inside(at, found[1]))
    return MalformedRequest(text, where=at)


def _inside(at: str, rest: str) -> str:
    return (at if at != "$" else "$") + rest


def parsed(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw, at: str = "$") -> T:
    """Decode a part of a request; MalformedRequest that names the place."""
    try:
        return decoder.decode(raw)
    except Bad as error:
        raise malformed(error, at) from error


def check_utf8(body: bytes) -> None:
    """MalformedRequest where the body is not UTF-8. About 0.05 ns per byte for ASCII, 0.3 ns otherwise."""
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"the body is not valid UTF-8: {error.reason} at byte {error.start}", where="$"
        ) from error


def check_repeated(keys: Iterable[str], known: frozenset[str]) -> None:
    """MalformedRequest for a known key that stands twice: parsers disagree on which one counts, so one of us and the
    upstream would obey the other value (a policy could be walked around)."""
    seen: set[str] = set()
    for key in keys:
        if key in seen and key in known:
            raise MalformedRequest(f'the key "{key}" stands twice', where=f"$.{key}", accepted="each key once")
        seen.add(key)


def opened(decoder: msgspec.json.Decoder[T], body: bytes, known: frozenset[str]) -> tuple[T, list[splice.Member]]:
    """A request body decoded, and its top-level members with their places. MalformedRequest for what is no UTF-8, no JSON
    object of that form, or has one of the `known` keys twice."""
    check_utf8(body)
    try:
        found = decoder.decode(body)
    except Bad as error:
        raise malformed(error) from error
    try:
        members = splice.members(body)
    except (splice.NotAnObject, UnicodeDecodeError) as error:
        refuse(str(error), "$")
    check_repeated((member.key for member in members), known)
    return found, members


_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


def added_items(body: bytes, earlier: bytes, end: int) -> list[msgspec.Raw] | None:
    """The items that `body` has behind offset `end` of the `earlier` body, each with memory of its own; None when `body`
    is no continuation, or not a readable one (whoever reads it whole will say what is wrong)."""
    if not end:
        return None
    new = splice.appended(body, earlier, end)
    if new is None:
        return None
    if not new:
        return []
    rest = new.lstrip(b" \t\n\r")
    if rest[:1] != b",":
        return None
    try:
        rest.decode()
        found = _items.decode(b"[" + rest[1:] + b"]")
    except (*Bad, UnicodeDecodeError):
        return None
    return [item.copy() for item in found] if found and all(bytes(item).startswith(b"{") for item in found) else None


# --- raw JSON ----------------------------------------------------------------------------------------------------

encode: Final = msgspec.json.Encoder().encode


def raw(value: bytes | None) -> msgspec.Raw | None:
    """JSON bytes to embed in an encoded value as they are; None stays None."""
    return None if value is None else msgspec.Raw(value)


def one_line(value: bytes) -> bytes:
    """The same JSON without line ends, fit for an SSE `data:` line. Untouched where it already is one line."""
    if b"\n" not in value and b"\r" not in value:
        return value
    return msgspec.json.format(value, indent=-1)


def bytes_of(value: msgspec.Raw | None) -> bytes | None:
    """The bytes of a raw value; None for absent and for JSON null."""
    if value is None:
        return None
    data = bytes(value)
    return None if data == b"null" else data


# --- upstream replies --------------------------------------------------------------------------------------------


def understood(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, what: str) -> T:
    """Decode a part of an upstream's reply; UpstreamProtocol that says `what` could not be read, and why."""
    try:
        return decoder.decode(data)
    except Bad as error:
        raise UpstreamProtocol(f"{what} cannot be read: {_why(error)}") from error


def _why(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def minted(prefix: str, *seeds: bytes | str | int) -> str:
    """An id for something that came without: `prefix` and 24 hex digits of the seeds' digest. The core has no random
    source; seeds are bytes of the reply, so that two replies of one conversation do not get the same id."""
    digest = hashlib.sha256()
    for seed in seeds:
        digest.update(seed if isinstance(seed, bytes) else str(seed).encode("utf-8", "replace"))
        digest.update(b"\0")
    return prefix + digest.hexdigest()[:24]


# --- tool names and custom tools -----------------------------------------------------------------------------------

NAME_CHARS_MAX: Final = 64
"""OpenAI's bound on a function name (chat, Responses). Messages allows 128: Claude Code's MCP names reach that."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")


def short_name(name: str) -> str:
    """A name that every vendor takes: unchanged where it is one already, otherwise 55 characters, `_`, and 8 hex digits of
    its SHA-256. Always the same for the same name, because names are part of the cached prefix."""
    if _NAME.fullmatch(name):
        return name
    return f"{_NOT_NAME.sub('_', name)[:55]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def long_names(request: Request | None) -> dict[str, str]:
    """{short name: the client's name} of the tools that `short_name` changes, for the encoder of the reply."""
    if request is None:
        return {}
    names = [tool.name for tool in request.tools if isinstance(tool, Tool)]
    return {short_name(name): name for name in names if short_name(name) != name}


class _Wrapped(msgspec.Struct):
    input: str


_wrapped: Final = msgspec.json.Decoder(_Wrapped)


def wrap_custom(text: str) -> str:
    """Free text of a custom tool call as arguments of the function that stands in for the tool."""
    return msgspec.json.encode(_Wrapped(text)).decode()


def unwrap_custom(arguments: str) -> str:
    """The free text again; arguments that are not `{"input": "…"}` are taken as the free text itself."""
    try:
        return _wrapped.decode(arguments).input
    except (*Bad, UnicodeEncodeError):
        return arguments


_CUSTOM_PARAMETERS: Final = (
    b'{"type":"object","properties":{"input":{"type":"string","description":"The whole input, as free text"}},'
    b'"required":["input"],"additionalProperties":false}'
)


def custom_as_function(tool: Tool) -> Tool:
    """The function that stands in for a custom tool: one string argument `input`, the grammar in the description."""
    lines = [tool.description or "", "Put the whole input of this tool into the string argument `input`."]
    if tool.format:
        lines.append("The input must follow this format:\n" + tool.format.decode("utf-8", "replace"))
    text = "\n\n".join(line for line in lines if line)
    return replace(tool, kind="function", description=text, parameters=_CUSTOM_PARAMETERS, format=None, strict=None)


# --- errors ------------------------------------------------------------------------------------------------------

_TYPE_BY_STATUS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def type_of_status(status: int) -> str:
    """The word that vendors use for the `type` of an error of this HTTP status (protocols.md 1.4)."""
    known = _TYPE_BY_STATUS.get(status)
    if known:
        return known
    return "invalid_request_error" if 400 <= status < 500 else "api_error"


_STATUS_BY_WORD: Final = (
    ("context_length", 400),
    ("insufficient_quota", 429),
    ("rate_limit", 429),
    ("too_many_requests", 429),
    ("overloaded", 529),
    ("service_unavailable", 503),
    ("unavailable", 503),
    ("timeout", 504),
    ("authentication", 401),
    ("invalid_api_key", 401),
    ("billing", 402),
    ("permission", 403),
    ("not_found", 404),
    ("too_large", 413),
    ("invalid_request", 400),
    ("badrequest", 400),
    ("bad_request", 400),
)


def status_of_words(kind: str | None, code: str | int | None, message: str = "") -> int:
    """The HTTP status that an error inside a 200 stream would have had: a numeric code is believed, then the words of
    `code` and `kind`, then "overloaded" or "rate limit" in the message; 500 when nothing tells."""
    for told in (code, kind):
        if isinstance(told, int) or (isinstance(told, str) and told.isascii() and told.isdigit() and len(told) == 3):
            number = int(told)
            if 400 <= number < 600:
                return number
    words = f"{code or ''} {kind or ''}".lower()
    for word, status in _STATUS_BY_WORD:
        if word in words:
            return status
    text = message.lower()
    if "overloaded" in text:
        return 529
    if "rate limit" in text or "too many requests" in text:
        return 429
    return 500


def error_of_failed(failed: Failed) -> UpstreamError:
    """The error tree's leaf for an error object that came with status 200."""
    if failed.status == 429:
        return UpstreamRateLimited(failed.message, quota=failed.code == "insufficient_quota")
    if failed.status >= 500:
        return UpstreamOverloaded(failed.message, status=failed.status)
    return UpstreamRejected(failed.message, status=failed.status, upstream_code=failed.code)


_any: Final = msgspec.json.Decoder()


def read_error(body: bytes) -> tuple[str, str | None, str | None]:
    """(message, code, kind) of an error body in whatever shape: OpenAI's and Anthropic's `{"error": {...}}`, an error that
    is a string, FastAPI's `detail`, bare `message`, Google's list of one, plain text or HTML (cut to 500 characters)."""
    try:
        value: Any = _any.decode(body)
    except Bad:
        return _plain(body), None, None
    if isinstance(value, list) and value:
        value = value[0]
    return read_error_value(value) or (_plain(body), None, None)


def read_error_value(value: Any) -> tuple[str, str | None, str | None] | None:
    """The same of a decoded JSON value; None if it does not look like an error."""
    if isinstance(value, str):
        return (value, None, None) if value else None
    if not isinstance(value, dict):
        return None
    inner = value.get("error")
    if isinstance(inner, dict):
        message = _word(inner.get("message")) or _word(inner.get("detail")) or _word(inner)
        kind = _word(inner.get("type")) or _word(inner.get("status"))
        return message or "error", _word(inner.get("code")) or _detail_code(inner), kind
    if isinstance(inner, str) and inner:
        return _word(value.get("message")) or inner, _word(value.get("code")), _word(value.get("type"))
    for key in ("message", "detail", "error_message", "msg"):
        text = _word(value.get(key))
        if text:
            return text, _word(value.get("code")), _word(value.get("type"))
    return None


def _detail_code(inner: dict[str, Any]) -> str | None:
    details = inner.get("details")
    return _word(details.get("error_code")) if isinstance(details, dict) else None


def _word(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, bool):
        return None
    return msgspec.json.encode(value).decode()[:_SHOWN]


def _plain(body: bytes) -> str:
    text = body[: _SHOWN * 4].decode("utf-8", "replace").strip()
    return text[:_SHOWN] or "the upstream sent an error without a body"


def refuse(message: str, where: str | None = None, accepted: str | None = None) -> NoReturn:
    raise MalformedRequest(message, where=where, accepted=accepted)


__all__ = [
    "EMPTY_OBJECT",
    "NAME_CHARS_MAX",
    "RAW_NULL",
    "Bad",
    "Count",
    "Integer",
    "bytes_of",
    "check_repeated",
    "check_utf8",
    "custom_as_function",
    "encode",
    "error_of_failed",
    "long_names",
    "malformed",
    "minted",
    "one_line",
    "opened",
    "parsed",
    "raw",
    "read_error",
    "read_error_value",
    "refuse",
    "short_name",
    "status_of_words",
    "type_of_status",
    "understood",
    "unwrap_custom",
    "wrap_custom",
]
