"""Tenants, API keys, and answers by Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select, update

from app.adapters.sql.models import ApiKeyRow, IdempotencyRow, TenantRow
from pipelines.domain.access import ApiKey, Principal, Role
from pipelines.ports import IdempotentAnswer


@dataclass(frozen=True, slots=True)
class SqlKeys:
    session: Session

    def add_tenant(self, tenant_id: str, name: str, at: datetime) -> None:
        if self.session.get(TenantRow, tenant_id) is None:
            self.session.add(TenantRow(id=tenant_id, name=name, created_at=at))
            self.session.flush()

    def tenants(self) -> list[str]:
        return list(self.session.exec(select(TenantRow.id).order_by(TenantRow.id)))

    def add(self, key: ApiKey) -> None:
        if self.by_secret_sha256(key.secret_sha256) is not None:
            return
        self.session.add(
            ApiKeyRow(
                id=key.id,
                tenant_id=key.principal.tenant_id,
                name=key.name,
                secret_sha256=key.secret_sha256,
                user_id=key.principal.user_id,
                groups=sorted(key.principal.groups),
                roles=sorted(key.principal.roles),
                created_at=key.created_at,
                expires_at=key.expires_at,
            )
        )

    def by_secret_sha256(self, digest: str) -> ApiKey | None:
        row = self.session.exec(select(ApiKeyRow).where(ApiKeyRow.secret_sha256 == digest)).first()
        return _key(row) if row else None

    def find(self, tenant_id: str, key_id: str) -> ApiKey | None:
        row = self.session.get(ApiKeyRow, key_id)
        return _key(row) if row and row.tenant_id == tenant_id else None

    def all(self, tenant_id: str) -> list[ApiKey]:
        query = select(ApiKeyRow).where(ApiKeyRow.tenant_id == tenant_id)
        return [_key(row) for row in self.session.exec(query.order_by(col(ApiKeyRow.created_at).desc(), ApiKeyRow.id))]

    def end(self, key_id: str, *, revoked_at: datetime | None = None, expires_at: datetime | None = None) -> None:
        """Never later than it would have ended anyway."""
        row = self.session.get_one(ApiKeyRow, key_id)
        row.revoked_at = row.revoked_at or revoked_at
        row.expires_at = min(filter(None, (row.expires_at, expires_at)), default=None)

    def used(self, key_id: str, at: datetime) -> None:
        self.session.exec(update(ApiKeyRow).where(col(ApiKeyRow.id) == key_id).values(last_used_at=at))


def _key(row: ApiKeyRow) -> ApiKey:
    principal = Principal(row.tenant_id, row.user_id, frozenset(row.groups), frozenset(map(Role, row.roles)))
    return ApiKey(
        id=row.id,
        name=row.name,
        secret_sha256=row.secret_sha256,
        principal=principal,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


@dataclass(frozen=True, slots=True)
class SqlIdempotency:
    session: Session

    def get(self, principal: Principal, key: str) -> IdempotentAnswer | None:
        row = self.session.get(IdempotencyRow, (principal.tenant_id, principal.user_id, key))
        return IdempotentAnswer(row.request_sha256, row.status, row.body) if row else None

    def put(self, principal: Principal, key: str, answer: IdempotentAnswer, at: datetime) -> None:
        self.session.add(
            IdempotencyRow(
                tenant_id=principal.tenant_id,
                user_id=principal.user_id,
                key=key,
                request_sha256=answer.request_sha256,
                status=answer.status,
                body=answer.body,
                created_at=at,
            )
        )
