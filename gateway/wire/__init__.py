"""Bytes to events and back: SSE framing and splicing of JSON objects. Pure: no I/O, no clock, no dialect knowledge."""
