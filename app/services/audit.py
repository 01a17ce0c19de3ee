"""Acts on the record before they are done, and what the record says. An act that cannot be recorded is not done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.domain.access import Principal
from pipelines.domain.answers import Passage
from pipelines.domain.audit import Act, AuditHead, Outcome
from pipelines.ports import AuditLog, Clock, Signer

_PAGE = 1_000
_LONGEST = 200  # characters of a target: ids are short, and what is sent instead of one may not be

Targets = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Audit:
    log: AuditLog
    signer: Signer
    clock: Clock

    async def record(
        self,
        principal: Principal,
        action: str,
        targets: Targets,
        outcome: Outcome = Outcome.ALLOWED,
        *,
        durable: bool = True,
    ) -> None:
        """Raises AuditUnavailable: then the act may not go on."""
        cut = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in targets.items()}
        act = Act(self.clock(), principal.tenant_id, principal.user_id, action, outcome, cut)
        await self.log.record([act], durable=durable)

    async def shown(
        self, principal: Principal, action: str, collections: Sequence[str], passages: Sequence[Passage]
    ) -> None:
        """Which documents a question brings up, before they are shown. Raises AuditUnavailable."""
        documents = list(dict.fromkeys(passage.source.document_id for passage in passages))
        where = collections[0] if len(collections) == 1 else list(collections)
        await self.record(principal, action, {"collection": where, "documents": documents}, durable=False)

    async def lines(self, principal: Principal, after: int) -> AsyncIterator[str]:
        """The rows of the principal's tenant as they are kept, by number."""
        while page := await asyncio.to_thread(self.log.lines, principal.tenant_id, after, _PAGE):
            for _, line in page:
                yield line
            after = page[-1][0]

    async def head(self, principal: Principal) -> AuditHead | None:
        return await asyncio.to_thread(self.log.head, principal.tenant_id)

    @property
    def public_key(self) -> str:
        """What a head's signature is verified with: 32 bytes, base64."""
        return self.signer.public_key
