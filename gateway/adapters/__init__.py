"""All I/O. Each module implements one port of `gateway.ports`; `gateway.app` chooses among them."""
