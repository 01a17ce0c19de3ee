"""Signing in at an OpenID Connect provider as a public client (RFC 6749, RFC 7636): this process asks for the tokens, so that the
page speaks to nobody but us."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import structlog

from app.adapters.oidc import discovered
from pipelines.domain.access import Entrance, SignedIn
from pipelines.domain.errors import IdentityProviderUnavailable, Unauthenticated
from pipelines.ports import Tokens

log = structlog.get_logger()

_FRESH_S = 3_600
_ASKED_AGAIN_S = 5  # of a provider that did not answer
_SHORTEST_S = 30


class OidcSignIn:
    """SignIn of pipelines/ports.py. Opens nothing before somebody signs in; blocks: call it from a thread."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        scope: str,
        tokens: Tokens,
        *,
        timeout_s: float = 5,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._scope = scope
        self._tokens = tokens
        self._timeout_s = timeout_s
        self._now = now
        self._turn = threading.Lock()
        self._document: Mapping[str, Any] | None = None
        self._asked: float | None = None

    def entrance(self) -> Entrance:
        return Entrance(self._endpoint("authorization_endpoint"), self._client_id, self._scope)

    def finish(self, code: str, verifier: str, redirect_uri: str) -> SignedIn:
        return self._granted(
            {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
        )

    def renew(self, refresh_token: str) -> SignedIn:
        return self._granted({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def _granted(self, form: Mapping[str, str]) -> SignedIn:
        try:
            response = httpx.post(
                self._endpoint("token_endpoint"),
                data={**form, "client_id": self._client_id},
                headers={"Accept": "application/json"},
                timeout=self._timeout_s,
                trust_env=False,
                follow_redirects=False,
            )
            if response.is_client_error:
                raise Unauthenticated("The identity provider does not accept this. Sign in again.")
            said = response.raise_for_status().json()
            return self._opening(said)
        except (httpx.HTTPError, AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("oidc.tokens_not_fetched", error=type(error).__name__)
            raise IdentityProviderUnavailable from error

    def _opening(self, said: Mapping[str, Any]) -> SignedIn:
        """With whichever token opens here: an access token that is none of ours to read is not for us."""
        for name in ("access_token", "id_token"):
            token = said.get(name)
            if not isinstance(token, str):
                continue
            try:
                principal = self._tokens.principal(token)
            except Unauthenticated:
                continue
            refresh = said.get("refresh_token")
            lasting = max(_SHORTEST_S, int(said.get("expires_in", _SHORTEST_S)))
            return SignedIn(token, principal, lasting, refresh if isinstance(refresh, str) else None)
        raise Unauthenticated(
            "The identity provider signed you in, but its token does not open anything here: ask who runs this server."
        )

    def _endpoint(self, name: str) -> str:
        with self._turn:
            now = self._now()
            fresh = self._asked is not None and now - self._asked < (_FRESH_S if self._document else _ASKED_AGAIN_S)
            if not fresh:
                self._asked = now
                try:
                    self._document = discovered(self._issuer, self._timeout_s)
                except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
                    log.warning("oidc.not_discovered", error=type(error).__name__)
            if self._document is None:
                raise IdentityProviderUnavailable
            return str(self._document[name])
