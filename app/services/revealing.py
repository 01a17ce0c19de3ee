"""What a policy sealed, shown again to who may: the document must be theirs to read, and the record knows it first."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from app.services.audit import Audit
from app.services.redaction import Redaction
from pipelines.domain.access import Principal
from pipelines.domain.errors import DocumentNotFound, NotFound
from pipelines.ingest.redact import Place, policy_id, unseal
from pipelines.ports import Catalog


class NothingSealed(NotFound):
    """Nothing is sealed under this placeholder in the version of the document that answers."""

    code = "nothing_sealed"


@dataclass(frozen=True, slots=True)
class Revealing:
    catalog: Catalog
    audit: Audit
    redaction: Redaction

    async def reveal(self, principal: Principal, document_id: str, placeholder: str) -> str:
        """The value. Raises DocumentNotFound, NothingSealed, AuditUnavailable."""
        # Its digest: the placeholder is a word of the document, and the record outlives that.
        digest = hashlib.sha256(placeholder.encode("utf-8", "surrogatepass")).hexdigest()
        await self.audit.record(principal, "reveal", {"document_id": document_id, "placeholder_sha256": digest})
        return await asyncio.to_thread(self._open, principal, document_id, placeholder)

    def _open(self, principal: Principal, document_id: str, placeholder: str) -> str:
        with self.catalog.read(principal) as uow:
            document = uow.documents.get(principal, document_id)
            if document is None:
                raise DocumentNotFound
            collection = uow.collections.by_id(document.collection_id)
            target = uow.documents.target(document.active_version_id) if document.active_version_id else None
            if collection is None or target is None:
                raise NothingSealed
            if target.version.pii.policy != policy_id(self.redaction.policy(collection)):
                raise NothingSealed  # it was sealed under a policy that is no more
            sealed = uow.sealed.get(target.version.id, placeholder)
        place = Place(principal.tenant_id, target.version.id)
        value = None if sealed is None else unseal(self.redaction.key(principal.tenant_id), place, placeholder, sealed)
        if value is None:
            raise NothingSealed
        return value
