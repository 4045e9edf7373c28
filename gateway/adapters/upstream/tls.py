"""TLS settings for upstream connections: always verified, the system's authorities plus one optional file."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.errors import ConfigError


def client_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Build the context (tens of milliseconds: once per process). ConfigError when the file cannot be used."""
    context = ssl.create_default_context()
    # Python's own default, but not of distributions that leave it to openssl.cnf, which need not say anything.
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=Path(ca_file))
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"cannot load the CA file: {error}", where=ca_file) from error
    return context
