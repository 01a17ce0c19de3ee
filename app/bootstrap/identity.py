"""Who may enter with a token of an identity provider, and how the console's visitors get one."""

from __future__ import annotations

from app.adapters.oidc import Claims, OidcTokens
from app.adapters.oidc_sign_in import OidcSignIn
from app.services.identity import FIRST_TENANT
from app.settings import Settings
from pipelines.domain.access import Role
from pipelines.ports import SignIn, Tokens


def tokens(settings: Settings) -> Tokens | None:
    if settings.oidc_issuer is None:
        return None
    return OidcTokens(
        settings.oidc_issuer,
        settings.oidc_audience,
        FIRST_TENANT,
        jwks_url=settings.oidc_jwks_url,
        claims=Claims(settings.oidc_user_claim, settings.oidc_groups_claim, settings.oidc_roles_claim),
        default_role=None if settings.oidc_default_role == "none" else Role(settings.oidc_default_role),
    )


def sign_in(settings: Settings, tokens: Tokens | None) -> SignIn | None:
    if settings.oidc_issuer is None or settings.oidc_client_id is None or tokens is None:
        return None
    return OidcSignIn(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_scope, tokens)
