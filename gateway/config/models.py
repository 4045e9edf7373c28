"""One model of the configuration: where it is served, what it costs, how long it may take, how it differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
from pydantic import AfterValidator, Field, create_model, model_validator

from gateway.config.base import (
    HEADER_NAME,
    SECRET_FORMS,
    SECRET_HEADER,
    HttpUrl,
    Names,
    SecretRef,
    Strict,
    UrlOrRef,
    is_ref,
)
from gateway.ir.exchange import LaneName
from gateway.ir.profile import Profile
from gateway.ir.request import DialectName

_Usd = Annotated[float, Field(ge=0, le=1_000_000)]
_Seconds = Annotated[float, Field(gt=0, le=86_400)]


class CostConfig(Strict):
    """Either an own box by the hour, or prices per million tokens (a cache price left out is the input price)."""

    usd_per_hour: _Usd | None = Field(
        default=None, description="USD per hour of an own box (hardware, power), shared by its calls."
    )
    input_usd_per_mtok: _Usd | None = Field(
        default=None, description="USD per million input tokens that were not cached."
    )
    cached_usd_per_mtok: _Usd | None = Field(
        default=None, description="USD per million input tokens read from the cache."
    )
    cache_write_usd_per_mtok: _Usd | None = Field(
        default=None, description="USD per million input tokens written to the cache."
    )
    cache_write_1h_usd_per_mtok: _Usd | None = Field(
        default=None, description="USD per million input tokens written to the long-lived (1 h or 12 h) cache."
    )
    output_usd_per_mtok: _Usd | None = Field(
        default=None, description="USD per million output tokens, reasoning included."
    )

    @model_validator(mode="after")
    def _one_way(self) -> CostConfig:
        per_token = [
            name for name in type(self).model_fields if name != "usd_per_hour" and getattr(self, name) is not None
        ]
        if self.usd_per_hour is not None and per_token:
            raise ValueError("give either usd_per_hour or prices per million tokens, not both")
        if self.usd_per_hour is None and (self.input_usd_per_mtok is None or self.output_usd_per_mtok is None):
            raise ValueError("give usd_per_hour, or both input_usd_per_mtok and output_usd_per_mtok")
        return self


class TimeoutsConfig(Strict):
    """Seconds; each limit is an error of its own."""

    connect_s: _Seconds = Field(default=10.0, description="Seconds until a connection (TLS included) stands.")
    first_byte_s: _Seconds = Field(
        default=600.0,
        description="Seconds until the response head. A whole (not streamed) reply comes only when all is generated.",
    )
    first_token_s: _Seconds = Field(
        default=120.0,
        description="Seconds until the first content of a stream. Default 600 for local providers: prefill is slow.",
    )
    idle_s: _Seconds = Field(
        default=120.0, description="Seconds of silence allowed between two reads of a running reply."
    )
    total_s: _Seconds = Field(default=3600.0, description="Seconds for the whole exchange with one upstream.")


class Capabilities(Strict):
    """What a request must not ask of this model. Left out: taken from the provider's card, else yes."""

    images: bool | None = Field(default=None, description="Accepts images.")
    tools: bool | None = Field(default=None, description="Calls tools.")
    reasoning: bool | None = Field(default=None, description="Thinks before it answers.")


def _raw_json(value: bytes | None) -> bytes | None:
    """What is put into request bodies as it is: anything else would spoil every one of them."""
    try:
        if value is not None:
            msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f'not JSON ({error}); write it as text in quotes, like \'{{"type":"disabled"}}\'') from None
    return value


def _hint(of: Any) -> Any:
    return Annotated[of, AfterValidator(_raw_json)] if of == bytes | None else of


if TYPE_CHECKING:

    class ProfileOverrides(Strict): ...
else:
    # Built from the dataclass so that the two cannot drift apart.
    _HINTS = get_type_hints(Profile)
    ProfileOverrides = create_model(
        "ProfileOverrides",
        __base__=Strict,
        __module__=__name__,
        **{f.name: (_hint(_HINTS[f.name]), f.default) for f in fields(Profile)},
    )
ProfileOverrides.__doc__ = (
    "Differences from the provider's profile; the fields are those of gateway.ir.profile.Profile."
)


def profile_changes(overrides: ProfileOverrides) -> dict[str, Any]:
    """Only what the operator wrote."""
    return overrides.model_dump(exclude_unset=True)


def _headers(value: Mapping[str, str]) -> Mapping[str, str]:
    for name, text in value.items():
        if not HEADER_NAME.match(name):
            raise ValueError(f"{name!r} is not a header name")
        if SECRET_HEADER.search(name) and not is_ref(text):
            raise ValueError(f"the value of {name} is a secret; write {SECRET_FORMS}")
        if any(c in text for c in "\r\n\0"):
            raise ValueError(f"the value of {name} contains a line break")
    return value


class ModelConfig(Strict):
    """A model that can be routed to. Its key is the name that clients and routes use."""

    provider: str = Field(description="Who serves it: a name shown by `interlock list providers`.")
    base_url: HttpUrl | None = Field(
        default=None, description="Address; /v1 may be left out. Default: the provider's own."
    )
    model: str = Field(
        default="", description="The name the upstream knows it by. Default: the key's part behind the last slash."
    )
    dialect: DialectName | None = Field(
        default=None,
        description="The only dialect spoken to it. Default: the client's own if the provider knows it, else its best.",
    )
    api_key: SecretRef | None = Field(default=None, description=f"Credential: {SECRET_FORMS}. Never the key itself.")
    lane: LaneName = Field(description="local, mid, frontier or daemon: what the model is for.")
    context_tokens: int | None = Field(
        default=None,
        ge=256,
        le=100_000_000,
        description="Tokens of input and output it can hold. Default: the provider's card, else unknown.",
    )
    max_output_tokens: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Most tokens it can write. Default: the provider's card, else unknown.",
    )
    cost: CostConfig | None = Field(default=None, description="Price, over the built-in price table.")
    prefill_tokens_per_s: float | None = Field(
        default=None,
        gt=0,
        le=10_000_000,
        description="Tokens per second that it reads of a prompt it has not cached: what moving a session to it costs in "
        "time. Default: 1000 for local providers, else none.",
    )
    cache_ttl_s: float | None = Field(
        default=None,
        gt=0,
        le=604_800,
        description="Seconds without use after which its prompt cache is taken to be cold. Default: 3600 for local "
        "providers, else 300.",
    )
    price_id: str | None = Field(
        default=None,
        description="Provider, or provider/model, in the built-in price table. Default: the provider's own.",
    )
    timeouts: TimeoutsConfig = Field(default_factory=TimeoutsConfig, description="Limits in seconds.")
    headers: Annotated[Mapping[str, str], AfterValidator(_headers)] = Field(
        default_factory=dict, description=f"Sent with every request; secret values as {SECRET_FORMS}."
    )
    profile: ProfileOverrides = Field(
        default_factory=ProfileOverrides,
        description="Differences in how it speaks its dialect; fields as in reference/profile.",
    )
    capabilities: Capabilities = Field(default_factory=Capabilities, description="What may be asked of it.")
    tags: Names = Field(default=(), description="Free words, shown in reports and visible to `expr`.")
    aliases: Names = Field(default=(), description="Other names by which clients may ask for it.")
    proxy: UrlOrRef | None = Field(default=None, description="Outbound HTTP proxy, http://host:port.")
    tls_ca: str | None = Field(
        default=None, description="Path of a PEM file with the authorities trusted for this upstream."
    )
    enabled: bool = Field(default=True, description="false keeps it in the file but out of routing and listing.")
