"""TLS is always verified; trust in an added authority is shown over a socket in tests/integration/upstream."""

import ssl
from pathlib import Path

import pytest

from gateway.adapters.upstream.tls import client_context
from gateway.errors import ConfigError


def test_verification_is_on() -> None:
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_missing_or_empty_ca_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for path in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(ConfigError) as caught:
            client_context(str(path))
        assert caught.value.where == str(path)
