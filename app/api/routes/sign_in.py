"""/v1/sign-in: for the console's visitors, before anybody is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Self

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends
from pydantic import Field

from app.api.auth import Use
from app.api.responses import problems
from app.api.schemas import Schema
from pipelines.domain.access import SignedIn
from pipelines.domain.errors import NotFound
from pipelines.ports import SignIn

router = APIRouter(prefix="/v1/sign-in", tags=["me"])

_AT_ONCE = CapacityLimiter(4)  # anybody may ask: who is known does not wait behind the provider


class NoSignIn(NotFound):
    """Nobody signs in here with an identity provider: no client of it is configured (CAIRN_OIDC_CLIENT_ID)."""

    code = "no_sign_in"


class EntranceOut(Schema):
    """Where to send a browser, with `response_type=code`, a `state` and a PKCE challenge (S256)."""

    authorization_url: str
    client_id: str
    scope: str


class CodeIn(Schema):
    """What the provider sent the browser back with."""

    code: str = Field(min_length=1, max_length=4_096)
    code_verifier: str = Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$", description="RFC 7636, section 4.1")
    redirect_uri: str = Field(min_length=1, max_length=2_048, description="as it was sent to the provider")


class RenewalIn(Schema):
    refresh_token: str = Field(min_length=1, max_length=8_192)


class SignedInOut(Schema):
    """`token` goes into `Authorization: Bearer`."""

    token: str
    expires_in_s: int
    refresh_token: str | None

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        return cls(token=signed_in.token, expires_in_s=signed_in.expires_in_s, refresh_token=signed_in.refresh_token)


def _provider(services: Use) -> SignIn:
    if services.sign_in is None:
        raise NoSignIn
    return services.sign_in


Provider = Annotated[SignIn, Depends(_provider)]


@router.get("", responses=problems(404, 503))
async def get_sign_in(provider: Provider) -> EntranceOut:
    """Where people sign in with the organisation's identity provider."""
    found = await to_thread.run_sync(provider.entrance, limiter=_AT_ONCE)
    return EntranceOut(**found._asdict())


@router.post("", responses=problems(401, 404, 503))
async def sign_in(body: CodeIn, provider: Provider, services: Use) -> SignedInOut:
    """A token for the code that the provider gave; on the record before it is given."""
    return await _given(lambda: provider.finish(body.code, body.code_verifier, body.redirect_uri), services, "sign in")


@router.post("/renew", responses=problems(401, 404, 503))
async def renew_sign_in(body: RenewalIn, provider: Provider, services: Use) -> SignedInOut:
    """The next token, before the one that there is ends."""
    return await _given(lambda: provider.renew(body.refresh_token), services, "renew sign in")


async def _given(ask: Callable[[], SignedIn], services: Use, action: str) -> SignedInOut:
    signed_in = await to_thread.run_sync(ask, limiter=_AT_ONCE)
    await services.audit.record(signed_in.principal, action, {})
    return SignedInOut.of(signed_in)
