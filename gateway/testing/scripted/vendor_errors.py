"""How vendors word their errors: status, headers and body, per dialect.

Sources: openai and anthropic SDK exceptions and error pages, DeepSeek's and vLLM's error objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.testing.scripted.faults import Chosen
from gateway.testing.scripted.memory import Memory, dump
from gateway.testing.scripted.turns import Answer, Dialect, Profile


@dataclass(frozen=True, slots=True)
class Complaint:
    """A refusal to serve a request, in the vendor's words. `code` is OpenAI's; Messages has no codes."""

    message: str
    status: int = 400
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None


# Messages names for what chat calls otherwise.
_MESSAGES_KINDS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    529: "overloaded_error",
}
_VLLM_KINDS = {400: "BadRequestError", 404: "NotFoundError", 500: "InternalServerError"}

_TOO_LONG: dict[Dialect, str] = {
    "chat": "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens. "
    "Please reduce the length of the messages.",
    "responses": "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "messages": "prompt is too long: 210345 tokens > 200000 maximum",
}


def of_fault(fault: Chosen, dialect: Dialect) -> Complaint | None:
    """The complaint that a status fault stands for; None for every other fault."""
    if fault.is_("400ctx"):
        return Complaint(_TOO_LONG[dialect], code="context_length_exceeded", param="messages")
    if fault.is_("429ra"):
        return Complaint(
            "Rate limit reached for requests", 429, "rate_limit_error", "rate_limit_exceeded", None, fault.number
        )
    if fault.is_("429quota"):
        words = "You exceeded your current quota, please check your plan and billing details."
        return Complaint(words, 429, "insufficient_quota", "insufficient_quota")
    return _PLAIN.get(fault.name)


_PLAIN: dict[str, Complaint] = {
    "503": Complaint("The server is currently unavailable, please try again later", 503, "server_error"),
    "529": Complaint("Overloaded", 529, "overloaded_error"),
    "500": Complaint("The server had an error while processing your request", 500, "server_error"),
    "403": Complaint("Your account does not have access to this resource", 403, "permission_error", "forbidden"),
    "401": Complaint("Incorrect API key provided", 401, "authentication_error", "invalid_api_key"),
    "402": Complaint("Insufficient Balance", 402, "unknown_error", "invalid_request_error"),
    "404model": Complaint("The model does not exist or you do not have access to it", 404, code="model_not_found"),
    "413": Complaint("Request exceeds the maximum size", 413, "request_too_large"),
}


def body_of(complaint: Complaint, dialect: Dialect, profile: Profile, request_id: str) -> dict[str, Any]:
    """The JSON body of a complaint."""
    if dialect == "messages":
        kind = _MESSAGES_KINDS.get(complaint.status, complaint.kind)
        error = {"type": kind, "message": complaint.message}
        return {"type": "error", "error": error, "request_id": request_id}
    if profile == "vllm":
        kind = _VLLM_KINDS.get(complaint.status, complaint.kind)
        return {
            "error": {"message": complaint.message, "type": kind, "param": complaint.param, "code": complaint.status}
        }
    code: str | None = complaint.code
    if profile == "deepseek" and code is None:
        code = complaint.kind
    return {"error": {"message": complaint.message, "type": complaint.kind, "param": complaint.param, "code": code}}


def answer(complaint: Complaint, dialect: Dialect, profile: Profile, memory: Memory) -> Answer:
    """A whole HTTP answer that carries a complaint."""
    request_id = memory.mint("req_")
    headers = [(b"content-type", b"application/json"), id_header(dialect, request_id)]
    if complaint.retry_after_s is not None:
        headers.append((b"retry-after", f"{complaint.retry_after_s:g}".encode()))
    body = dump(body_of(complaint, dialect, profile, request_id))
    return Answer(complaint.status, tuple(headers), (body,), whole=True)


def id_header(dialect: Dialect, request_id: str) -> tuple[bytes, bytes]:
    """The header in which the vendor names the request."""
    return (b"request-id" if dialect == "messages" else b"x-request-id", request_id.encode())


def html_502() -> Answer:
    """What a reverse proxy in front of the vendor says."""
    head = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    page = head + b"<body>\r\n<h1>502 Bad Gateway</h1>\r\n</body>\r\n</html>"
    return Answer(502, ((b"content-type", b"text/html"), (b"server", b"nginx")), (page,), whole=True)


def stream_error(dialect: Dialect, number: int = 99) -> tuple[str, dict[str, Any]]:
    """(SSE event name, data) of an error within a stream."""
    if dialect == "messages":
        return "error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    words = "The server had an error while processing your request. Sorry about that!"
    if dialect == "responses":
        error = {"code": "server_error", "message": words}
        return "response.failed", {
            "type": "response.failed",
            "sequence_number": number,
            "response": {"id": "resp_failed", "object": "response", "status": "failed", "error": error, "output": []},
        }
    return "", {"error": {"message": words, "type": "server_error", "param": None, "code": None}}
