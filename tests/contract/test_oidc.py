"""Tokens of an identity provider: whose they are, and every forgery that is known."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.adapters.oidc import Claims, OidcTokens
from pipelines.domain.access import Principal, Role
from pipelines.domain.errors import IdentityProviderUnavailable, Unauthenticated
from tests.fakes.identity_provider import AUDIENCE, IdentityProvider, identity_provider


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as started:
        started.add_key("one")
        yield started


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def tokens(provider: IdentityProvider, clock: Time) -> OidcTokens:
    return OidcTokens(provider.issuer, AUDIENCE, "main", claims=Claims(roles="realm_access.roles"), now=clock)


def _part(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def test_a_token_says_who_and_of_which_groups(provider: IdentityProvider, tokens: OidcTokens) -> None:
    given = provider.token("one", groups=["finance", 7, ""], realm_access={"roles": ["editor", "offline_access"]})
    assert tokens.principal(given) == Principal("main", "ada", frozenset({"finance"}), frozenset({Role.EDITOR}))


def test_who_has_none_of_our_roles_reads_unless_told_otherwise(provider: IdentityProvider, tokens: OidcTokens) -> None:
    assert tokens.principal(provider.token("one")).roles == {Role.READER}
    strict = OidcTokens(provider.issuer, AUDIENCE, "main", default_role=None)
    assert strict.principal(provider.token("one")).roles == frozenset()


def test_elliptic_keys_sign_too(provider: IdentityProvider, tokens: OidcTokens) -> None:
    provider.add_key("curve", "ES256")
    assert tokens.principal(provider.token("curve", algorithm="ES256")).user_id == "ada"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"aud": "another-program"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 201},
    ],
    ids=str,
)
def test_a_token_for_others_or_another_time_opens_nothing(
    provider: IdentityProvider, tokens: OidcTokens, claims: dict[str, object]
) -> None:
    with pytest.raises(Unauthenticated):
        tokens.principal(provider.token("one", **claims))


def test_a_token_without_a_signature_opens_nothing(provider: IdentityProvider, tokens: OidcTokens) -> None:
    _, said, signature = provider.token("one").split(".")
    for algorithm in ("none", "None", "NONE", "", None):
        for end in ("", signature):
            with pytest.raises(Unauthenticated):
                tokens.principal(f"{_part({'alg': algorithm, 'kid': 'one'})}.{said}.{end}")


def test_the_public_key_is_no_shared_secret(provider: IdentityProvider, tokens: OidcTokens) -> None:
    """Key confusion: HS256 with the bytes of the public key, which everybody has."""
    secret = provider.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _, said, _ = provider.token("one").split(".")
    start = f"{_part({'alg': 'HS256', 'kid': 'one', 'typ': 'JWT'})}.{said}"
    mac = base64.urlsafe_b64encode(hmac.digest(secret, start.encode(), hashlib.sha256)).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        tokens.principal(f"{start}.{mac}")


def test_a_token_by_another_key_opens_nothing(provider: IdentityProvider, tokens: OidcTokens) -> None:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    with pytest.raises(Unauthenticated):
        tokens.principal(provider.token("one", key=other))
    genuine = provider.token("one", groups=["staff"])
    start, said, signature = genuine.split(".")
    more = json.loads(base64.urlsafe_b64decode(said + "==")) | {"groups": ["board"]}
    with pytest.raises(Unauthenticated):
        tokens.principal(f"{start}.{_part(more)}.{signature}")


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "..", "a" * 10_000 + ".b.c", "é.é.é", f"{_part({'alg': 'RS256', 'kid': 7})}.e30.AA"]
)
def test_what_is_no_token_opens_nothing(tokens: OidcTokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.principal(token)


def test_keys_are_fetched_once_and_again_when_the_provider_has_new_ones(
    provider: IdentityProvider, tokens: OidcTokens, clock: Time
) -> None:
    for _ in range(5):
        tokens.principal(provider.token("one"))
    assert provider.asked["/keys"] == 1
    provider.add_key("two")
    clock.now = 61
    assert tokens.principal(provider.token("two")).user_id == "ada"
    assert provider.asked["/keys"] == 2


def test_tokens_with_made_up_keys_do_not_flood_the_provider(provider: IdentityProvider, tokens: OidcTokens) -> None:
    tokens.principal(provider.token("one"))
    for number in range(20):
        with pytest.raises(Unauthenticated):
            tokens.principal(provider.token(f"made-up-{number}", key=provider.keys["one"]))
    assert provider.asked["/keys"] <= 2


def test_a_key_that_was_taken_back_opens_no_longer_than_an_hour(
    provider: IdentityProvider, tokens: OidcTokens, clock: Time
) -> None:
    given = provider.token("one")
    tokens.principal(given)
    provider.keys.clear()
    provider.add_key("two")
    clock.now = 3_601
    with pytest.raises(Unauthenticated):
        tokens.principal(given)


def test_a_provider_that_is_down_closes_nobody_out_for_a_day(
    provider: IdentityProvider, tokens: OidcTokens, clock: Time
) -> None:
    given = provider.token("one")
    provider.down = True
    with pytest.raises(IdentityProviderUnavailable):
        tokens.principal(given)
    provider.down, clock.now = False, 61
    assert tokens.principal(given).user_id == "ada"
    provider.down, clock.now = True, 3_700
    assert tokens.principal(given).user_id == "ada"
    clock.now = 90_000
    with pytest.raises(IdentityProviderUnavailable):
        tokens.principal(given)


def test_anothers_discovery_document_is_not_believed(provider: IdentityProvider) -> None:
    tokens = OidcTokens(f"{provider.issuer}/", AUDIENCE, "main")
    with pytest.raises(IdentityProviderUnavailable):
        tokens.principal(provider.token("one"))
