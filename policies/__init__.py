"""Tool-call permission policies, usable without the gateway."""
