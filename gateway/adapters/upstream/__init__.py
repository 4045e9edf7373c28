"""HTTP clients for upstreams behind the `Upstream` port: the lean one, aiohttp, and the choice between them."""

from gateway.adapters.upstream.aiohttp_client import AiohttpUpstream
from gateway.adapters.upstream.choose import ChoosingUpstream
from gateway.adapters.upstream.lean import LeanUpstream
from gateway.adapters.upstream.scheme import SchemeUpstream

__all__ = ["AiohttpUpstream", "ChoosingUpstream", "LeanUpstream", "SchemeUpstream"]
