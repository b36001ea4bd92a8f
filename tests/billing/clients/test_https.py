"""Certificates are checked against the name, although the connection goes to a checked address."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from billing.clients import http
from billing.clients.http import Unreachable, fetch

NAME = "provider.example"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_args: object) -> None:
        """Quiet."""


def certificate(folder: Path) -> Path:
    """A certificate for NAME, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    start = datetime.now(UTC) - timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Path]]:
    """A port that speaks TLS; every name leads to it."""
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = HTTPServer(("127.0.0.1", 0), Hello)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    real = socket.getaddrinfo

    def lookup(host: str, port: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host.endswith(".example") else host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    yield server.server_port, path
    server.shutdown()
    server.server_close()


def test_a_trusted_certificate_for_the_name(place: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    port, path = place
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(http, "certificates", lambda: trusting)

    assert fetch("GET", f"https://{NAME}:{port}/", allow_private=True).text == "hello"
    with pytest.raises(Unreachable, match="certificate verify failed"):
        fetch("GET", f"https://other.example:{port}/", allow_private=True)


def test_a_certificate_that_nobody_has_signed(place: tuple[int, Path]) -> None:
    with pytest.raises(Unreachable, match="certificate verify failed"):
        fetch("GET", f"https://{NAME}:{place[0]}/", allow_private=True)
