"""Over https the service must show a certificate that is trusted; over http none is read."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator

import pytest

from stepd_client import Client, ConnectionFailed, RetryPolicy
from stepd_client.connecting import http_options
from tests.needs import require_program


@pytest.fixture
def impostor(tmp_path) -> Iterator[str]:
    """The address of a server whose certificate nobody has signed."""
    openssl = require_program("openssl", "apt-get install openssl")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names, *made]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        shaking = threading.Thread(target=_shake_hands, args=(listening, context), daemon=True)
        shaking.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        shaking.join(30)


def _shake_hands(listening: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listening.accept()
    with connection, pytest.raises(ssl.SSLError, match="unknown ca"):
        context.wrap_socket(connection, server_side=True)


def test_a_certificate_that_nobody_signed_is_refused(impostor: str) -> None:
    """Nothing is sent to a server that can't show who it is."""
    with (
        Client(impostor, retry=RetryPolicy(attempts=1)) as client,
        pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED") as failed,
    ):
        client.info()
    assert not failed.value.maybe_applied


def test_no_certificate_is_read_where_none_is_shown() -> None:
    """For an http address the trusted certificates, which take long to read, are left alone; and nobody is trusted."""
    context = http_options("http://127.0.0.1:8000", 1.0, 1.0)["verify"]
    assert context.get_ca_certs() == []
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert http_options("https://127.0.0.1:8000", 1.0, 1.0)["verify"] is True
