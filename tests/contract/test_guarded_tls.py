"""Protected connections of connectors: whose certificate is not of the host that was named, is not spoken to."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.adapters import guarded_http
from app.adapters.guarded_http import GuardedHttp, Reach, hosts_of
from pipelines.domain.intake_errors import FileBlocked, SourceUnavailable
from tests.fakes.http_server import HttpServer, Reply, http_server

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


def _certificate(folder: Path, host: str) -> Path:
    """Of its own authority; with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@contextmanager
def _protected(certificate: Path, location: str = "") -> Iterator[HttpServer]:
    reply = Reply(302, headers={"Location": location}) if location else Reply(200, b"hello")
    with http_server(lambda _: reply) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
        yield server


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, port: int, *_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(guarded_http.socket, "getaddrinfo", look_up)


def _body(server: HttpServer, host: str) -> bytes:
    http = GuardedHttp(Reach(hosts_of([f"{host}:{server.port}"]), LOOPBACK), requests_per_s=1_000)
    with http.request(f"https://{host}:{server.port}/") as answer:
        return answer.read(1_000)


def test_a_certificate_has_to_be_of_the_name_and_of_an_authority_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, foreign = _certificate(tmp_path, "wiki.test"), _certificate(tmp_path, "other.test")
    with _protected(ours) as server, _protected(foreign) as other:
        with pytest.raises(SourceUnavailable):
            _body(server, "wiki.test")
        monkeypatch.setenv("SSL_CERT_FILE", str(ours))
        assert _body(server, "wiki.test") == b"hello"
        with pytest.raises(SourceUnavailable):
            _body(server, "other.test")  # the name is resolved to a server that is another's
        monkeypatch.setenv("SSL_CERT_FILE", str(foreign))
        assert _body(other, "other.test") == b"hello"


def test_a_redirect_does_not_leave_a_protected_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path, "wiki.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        http_server(lambda _: Reply(200, b"bare")) as bare,
        _protected(certificate, f"http://wiki.test:{bare.port}/") as server,
    ):
        http = GuardedHttp(Reach(hosts_of([f"wiki.test:{server.port}", f"wiki.test:{bare.port}"]), LOOPBACK))
        with pytest.raises(FileBlocked), http.request(f"https://wiki.test:{server.port}/"):
            pass
        assert bare.asked == []
