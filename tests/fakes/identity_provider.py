"""An OpenID Connect provider on loopback: its discovery document, its keys, and tokens signed by them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "cairn"


class IdentityProvider:
    """`down` answers 503; `asked` counts what was fetched, by path."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.down = False
        self.asked: dict[str, int] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked[self.path] = provider.asked.get(self.path, 0) + 1
                body = json.dumps(provider.answer(self.path)).encode()
                self.send_response(503 if provider.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return {"keys": [self._public(kid, key) for kid, key in self.keys.items()]}

    def add_key(self, kid: str, algorithm: str = "RS256") -> None:
        self.keys[kid] = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm.startswith("ES")
            else rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        )

    def token(self, kid: str, *, algorithm: str = "RS256", key: object = None, **claims: object) -> str:
        """Signed by the key of that name, or by another; a claim of None is left out."""
        now = int(time.time())
        whole = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 300, **claims}
        said = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(said, key if key is not None else self.keys[kid], algorithm, {"kid": kid})  # type: ignore[arg-type]

    def _public(self, kid: str, key: Any) -> dict[str, Any]:
        kind = (
            jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
        )
        return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()
    threading.Thread(target=provider.server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
