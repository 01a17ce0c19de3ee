"""Tokens of an OpenID Connect provider (JWT, RFC 7519): whose they are, after every check of RFC 8725 that applies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import structlog

from pipelines.domain.access import Principal, Role
from pipelines.domain.errors import IdentityProviderUnavailable, Unauthenticated

log = structlog.get_logger()

# Only signatures that need the provider's private key: with "none" or a shared secret anybody could sign.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})
_LEEWAY_S = 30  # clocks differ
_FRESH_S = 3_600  # a key that the provider took back opens no longer than that
_STALE_S = 86_400  # and while it does not answer, no longer than that
_ASKED_AGAIN_S = 60  # for a key that is not known: tokens that name random ones may not make us flood the provider
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Claims:
    """Where a token says what; a dot leads into an object ("realm_access.roles")."""

    user: str = "sub"
    groups: str = "groups"
    roles: str = "roles"


class OidcTokens:
    """Tokens of pipelines/ports.py. Opens nothing before the first token; blocks: call it from a thread."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        tenant_id: str,
        *,
        jwks_url: str | None = None,
        claims: Claims | None = None,
        default_role: Role | None = Role.READER,
        timeout_s: float = 5,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`jwks_url` None: what the issuer's discovery document names. `default_role`: of who is given none of ours."""
        self._issuer = issuer
        self._audience = audience
        self._tenant_id = tenant_id
        self._jwks_url = jwks_url
        self._claims = claims or Claims()
        self._default_role = default_role
        self._timeout_s = timeout_s
        self._now = now
        self._turn = threading.Lock()
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched: float | None = None
        self._asked: float | None = None

    def principal(self, token: str) -> Principal:
        """Raises Unauthenticated, IdentityProviderUnavailable."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise Unauthenticated
            said = jwt.decode(
                token,
                self._key(header.get("kid")),
                algorithms=[header["alg"]],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated from error
        user = _at(said, self._claims.user)
        if not isinstance(user, str) or not 0 < len(user) <= _LONGEST:
            raise Unauthenticated
        named = _texts(_at(said, self._claims.roles))
        roles = frozenset(role for role in Role if role in named)
        fallback = frozenset({self._default_role} if self._default_role else ())
        return Principal(self._tenant_id, user, _texts(_at(said, self._claims.groups)), roles or fallback)

    def _key(self, kid: object) -> jwt.PyJWK:
        """The provider's key of that name; its only one for a token that names none."""
        if kid is not None and not isinstance(kid, str):
            raise Unauthenticated
        with self._turn:
            now = self._now()
            known = kid in self._keys or (kid is None and len(self._keys) == 1)
            fresh = self._fetched is not None and now - self._fetched < _FRESH_S
            rested = self._asked is None or now - self._asked >= _ASKED_AGAIN_S
            if rested and not (known and fresh):
                self._asked = now
                self._refresh(now)
            if self._fetched is None:
                raise IdentityProviderUnavailable
            keys = self._keys
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        if kid not in keys:
            raise Unauthenticated
        return keys[kid]

    def _refresh(self, now: float) -> None:
        try:
            found = self._get(self._jwks_url or self._discovered())
            keys = [
                each for each in found["keys"] if each.get("kty") in _ASYMMETRIC and each.get("use", "sig") == "sig"
            ]
            self._keys = {each.get("kid"): jwt.PyJWK.from_dict(each) for each in keys}
            self._fetched = now
        except (httpx.HTTPError, jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("oidc.keys_not_fetched", error=type(error).__name__)
            if self._fetched is not None and now - self._fetched >= _STALE_S:
                self._keys, self._fetched = {}, None

    def _discovered(self) -> str:
        return str(discovered(self._issuer, self._timeout_s)["jwks_uri"])

    def _get(self, url: str) -> Any:
        return _fetched(url, self._timeout_s)


def discovered(issuer: str, timeout_s: float) -> Any:
    """OpenID Connect Discovery 1.0, section 4. Raises httpx.HTTPError, KeyError, TypeError, ValueError."""
    found = _fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout_s)
    if found["issuer"] != issuer:
        raise ValueError("the discovery document is another issuer's")
    return found


def _fetched(url: str, timeout_s: float) -> Any:
    response = httpx.get(url, timeout=timeout_s, trust_env=False, follow_redirects=False)
    return response.raise_for_status().json()


def _at(said: Mapping[str, Any], path: str) -> object:
    found: object = said
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _texts(found: object) -> frozenset[str]:
    """The texts of a list, or one text; what is none is left out."""
    listed = found if isinstance(found, list) else [found]
    return frozenset(each for each in listed if isinstance(each, str) and 0 < len(each) <= _LONGEST)
