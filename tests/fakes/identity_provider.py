"""An OpenID Connect provider on loopback: its discovery document, its keys, tokens signed by them, and signing in (PKCE)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "cairn"


class IdentityProvider:
    """`down` answers 503; `asked` counts what was fetched, by path. Who signs in has `claims` for `lasting_s`; `opaque`: their
    access token says nothing to others; `refuses`: nobody is let in."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.down = False
        self.asked: dict[str, int] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.refreshing: set[str] = set()
        self.claims: dict[str, Any] = {}
        self.lasting_s = 300
        self.opaque = self.refuses = False
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked[self.path] = provider.asked.get(self.path, 0) + 1
                if self.path.startswith("/authorize?"):
                    self.send_response(302)
                    self.send_header("Location", provider.let_in(dict(parse_qsl(urlsplit(self.path).query))))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self._say(503 if provider.down else 200, provider.answer(self.path))

            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self._say(*((503, {}) if provider.down else provider.grant(form)))

            def _say(self, status: int, said: dict[str, Any]) -> None:
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            names = {"jwks_uri": "keys", "authorization_endpoint": "authorize", "token_endpoint": "token"}
            return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in names.items()}}
        return {"keys": [self._public(kid, key) for kid, key in self.keys.items()]}

    def let_in(self, asked: dict[str, str]) -> str:
        """Where a browser is sent that asked to sign in: back with a code, or with a refusal."""
        back = {"state": asked["state"]}
        if self.refuses:
            back |= {"error": "access_denied", "error_description": "Ada may not use this."}
        else:
            back["code"] = secrets.token_hex(8)
            self.codes[back["code"]] = asked
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """RFC 6749, 4.1.3 and 6; RFC 7636, 4.6: a code opens once, and to who holds its verifier."""
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
            same = asked is not None and all(asked[name] == form[name] for name in ("client_id", "redirect_uri"))
            opens = same and asked is not None and asked["code_challenge"] == challenge.decode()
        else:
            opens = form["refresh_token"] in self.refreshing
        if not opens:
            return 400, {"error": "invalid_grant"}
        refresh = secrets.token_hex(8)
        self.refreshing.add(refresh)
        token = self.token(next(iter(self.keys)), exp=int(time.time()) + self.lasting_s, **self.claims)
        opaque = {"access_token": "opaque", "id_token": token} if self.opaque else {"access_token": token}
        return 200, {**opaque, "token_type": "Bearer", "expires_in": self.lasting_s, "refresh_token": refresh}

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
