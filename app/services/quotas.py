"""How much a tenant may keep."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.domain.errors import QuotaReached
from pipelines.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Quotas:
    """Documents that are not deleted, and bytes of all their versions' files; None: as many as fit."""

    documents: int | None = None
    bytes: int | None = None

    def check(self, uow: UnitOfWork, tenant_id: str) -> None:
        """With what this transaction added. Raises QuotaReached."""
        if self.documents is None and self.bytes is None:
            return
        held = uow.documents.held(tenant_id)
        if self.documents is not None and held.documents > self.documents:
            raise QuotaReached(f"The tenant may have {self.documents:,} documents. Delete some first.")
        if self.bytes is not None and held.bytes > self.bytes:
            raise QuotaReached(f"The tenant's files may have {self.bytes:,} bytes together. Delete some first.")


UNLIMITED = Quotas()
