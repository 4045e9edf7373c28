"""HTTP clients for upstreams behind the `Upstream` port: the lean one, and the choice between it and aiohttp, which is
imported from its own module when something needs it (0.2 s)."""

from gateway.adapters.upstream.choose import ChoosingUpstream
from gateway.adapters.upstream.lean import LeanUpstream
from gateway.adapters.upstream.scheme import SchemeUpstream

__all__ = ["ChoosingUpstream", "LeanUpstream", "SchemeUpstream"]
