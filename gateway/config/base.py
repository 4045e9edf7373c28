"""The base of every settings model, and the small field types they share. Knows no setting by name."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

ENV_REF = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*\Z")
FILE_REF = re.compile(r"file:/[^\0\n]+\Z")
SECRET_FORMS = "env:NAME (an environment variable) or file:/path (a file that holds nothing else)"
SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|api[-_]?key", re.IGNORECASE)
"""Header names whose values are credentials: a literal there is refused like a literal api_key."""
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""RFC 9110 section 5.6.2 `token`."""


class Strict(BaseModel):
    """Frozen, refuses unknown keys, validates its own defaults never (they are ours)."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False, hide_input_in_errors=True)


def _as_tuple(value: Any) -> Any:
    """A scalar stands for a list of one; null stays what it is and is refused by the type."""
    if isinstance(value, str | int | float | bool):
        return (value,)
    return value


OneOrMany = BeforeValidator(_as_tuple)
"""`x: a` and `x: [a]` mean the same wherever a list is accepted."""

Names = Annotated[tuple[str, ...], OneOrMany]


def secret_ref(value: str) -> str:
    """The reference itself. ValueError that never repeats the value: a literal may be a real key."""
    if ENV_REF.match(value) or FILE_REF.match(value):
        return value
    raise ValueError(f"a secret may not stand in the configuration itself; write {SECRET_FORMS}")


def is_ref(value: str) -> bool:
    return bool(ENV_REF.match(value) or FILE_REF.match(value))


def http_url(value: str) -> str:
    """An http(s) URL without user information and query. A trailing slash or /v1 is removed: paths begin with /v1."""
    try:
        parts = urlsplit(value)
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError as e:
        raise ValueError(f"not a URL ({e}); write http://host:port or https://host") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok:
        raise ValueError("not an http(s) URL; write http://host:port or https://host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials may not stand in a URL; use api_key or headers with env:NAME or file:/path")
    if parts.query or parts.fragment:
        raise ValueError("a base URL carries no query and no fragment")
    return value.rstrip("/").removesuffix("/v1").rstrip("/")


def full_url(value: str) -> str:
    """An http(s) URL that is called as it is: path and query stay. No user information."""
    bare = value.partition("#")[0].partition("?")[0]
    http_url(bare)
    if "#" in value:
        raise ValueError("a fragment never reaches a server; remove it")
    return value


def url_or_ref(value: str) -> str:
    """A URL without a password, or a secret reference that holds the whole URL."""
    if is_ref(value):
        return value
    try:
        parts = urlsplit(value)
    except ValueError as e:
        raise ValueError(f"not a URL ({e})") from None
    if not parts.scheme or not parts.netloc:
        raise ValueError(f"not a URL; write scheme://host:port, or {SECRET_FORMS} for one with a password")
    if parts.password is not None:
        raise ValueError(f"a password may not stand in a URL; write {SECRET_FORMS} that holds the whole URL")
    return value


SecretRef = Annotated[str, AfterValidator(secret_ref)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
HttpUrlWithPath = Annotated[str, AfterValidator(full_url)]
UrlOrRef = Annotated[str, AfterValidator(url_or_ref)]
