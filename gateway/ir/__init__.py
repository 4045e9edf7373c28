"""The neutral form between dialects: requests, stream events, usage, and the exchange that carries a request through."""
