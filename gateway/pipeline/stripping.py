"""Takes the tools out of a request that its caller's profile strips, with the view of what is left.

The view of the shortened request is kept per conversation, so that a later turn is read as a continuation of it, as
`readings` does for the request itself. Nothing is here for a policy that strips nothing: the pipeline does not ask.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from msgspec.structs import replace

from gateway.dialects.contract import ClientDialect, View
from gateway.ir.exchange import Exchange
from gateway.toolgate import strip
from gateway.toolgate.caller import caller_of
from policies.compiled import Policy
from policies.strip import stripped

KEPT_MAX: Final = 64
KEPT_BYTES_MAX: Final = 32 << 20


class Stripping:
    """Shared by all requests."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[bytes, View]] = OrderedDict()
        self._bytes = 0

    def of(self, exchange: Exchange, dialect: ClientDialect, policy: Policy) -> Exchange:
        """The exchange with the body and view that go on. PolicyDenied for a `tool_choice` that cannot be kept."""
        gone = stripped(policy, caller_of(exchange, exchange.received_s))
        if gone is None:
            return exchange
        body = strip.without(exchange.dialect, exchange.body, exchange.view, gone)
        if body is exchange.body:
            return exchange
        return replace(exchange, body=body, view=self._view(exchange, dialect, body))

    def _view(self, exchange: Exchange, dialect: ClientDialect, body: bytes) -> View:
        key = f"{exchange.dialect}|{exchange.session.id}|{exchange.session.agent or ''}"
        held = self._kept.pop(key, None)
        view: View | None = None
        if held is not None:
            self._bytes -= len(held[0])
            view = held[1] if held[0] == body else dialect.continued(body, *held)
        if view is None:
            view = dialect.read(body)
        self._kept[key] = body, view
        self._bytes += len(body)
        while len(self._kept) > KEPT_MAX or (self._bytes > KEPT_BYTES_MAX and len(self._kept) > 1):
            _, (gone, _) = self._kept.popitem(last=False)
            self._bytes -= len(gone)
        return view
