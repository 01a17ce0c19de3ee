"""Who may read a document, and what it is called, changed while it is there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from app.services.audit import Audit
from app.services.redaction import Redaction
from pipelines.domain.access import Principal
from pipelines.domain.documents import Document
from pipelines.domain.errors import DocumentNotFound
from pipelines.ports import Catalog, Clock


@dataclass(frozen=True, slots=True)
class Sharing:
    catalog: Catalog
    audit: Audit
    clock: Clock
    redaction: Redaction

    async def change(
        self, principal: Principal, document_id: str, title: str | None, readers: frozenset[str] | None
    ) -> Document:
        """The document as it is from now on; None: that stays. Who changes the readers stays one of them, so that no document
        becomes nobody's.

        No cache is told: what is kept was made for those who could read what they could (`View.seen`), and that is no more.
        Raises DocumentNotFound, AuditUnavailable.
        """
        if readers is not None:
            targets = {"document_id": document_id, "readers": sorted(readers)}
            await self.audit.record(principal, "share", targets)
        return await asyncio.to_thread(self._commit, principal, document_id, title, readers)

    async def follow(self, principal: Principal, document_id: str, readers: frozenset[str]) -> bool:
        """For workflows: the readers that the document's source names, recorded as `change` does; False: it is gone.

        Raises AuditUnavailable.
        """
        targets = {"document_id": document_id, "readers": sorted(readers)}
        await self.audit.record(principal, "share", targets)

        def commit() -> bool:
            with self.catalog.begin() as uow:
                found = uow.documents.kept(document_id)
                if found is None or found.tenant_id != principal.tenant_id:
                    return False
                uow.documents.share(document_id, readers | {principal.subject}, self.clock())
            return True

        return await asyncio.to_thread(commit)

    def _commit(
        self, principal: Principal, document_id: str, title: str | None, readers: frozenset[str] | None
    ) -> Document:
        with self.catalog.begin(principal) as uow:
            present = uow.documents.get(principal, document_id)
            collection = None if present is None else uow.collections.by_id(present.collection_id)
            if collection is None:
                raise DocumentNotFound
            if readers is not None:
                uow.documents.share(document_id, readers | {principal.subject}, self.clock())
            if title is not None:
                uow.documents.retitle(document_id, self.redaction.text(collection, title), self.clock())
            changed = uow.documents.get(principal, document_id)
        assert changed is not None
        return changed
