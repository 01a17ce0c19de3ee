"""Tenants, API keys, and answers by Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

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

    def add(self, key: ApiKey, at: datetime) -> None:
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
                created_at=at,
            )
        )

    def by_secret_sha256(self, digest: str) -> ApiKey | None:
        row = self.session.exec(select(ApiKeyRow).where(ApiKeyRow.secret_sha256 == digest)).first()
        if row is None:
            return None
        principal = Principal(row.tenant_id, row.user_id, frozenset(row.groups), frozenset(map(Role, row.roles)))
        return ApiKey(row.id, row.name, row.secret_sha256, principal)


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
