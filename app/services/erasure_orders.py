"""Everything of a person, or of a tenant, erased by one order, with the proof of each document's erasure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.services.audit import Audit
from app.services.documents import remove
from app.services.kept import Kept
from app.services.outbox import Outbox
from pipelines.domain.access import Principal
from pipelines.domain.erasure import Erasure, ErasureOrder, ErasureStatus
from pipelines.domain.errors import CacheUnavailable, NotFound
from pipelines.domain.ids import new_id
from pipelines.domain.jobs import OutboxEvent
from pipelines.ports import Catalog, Clock

_BATCH = 50  # documents made invisible in one transaction


class ErasureOrderNotFound(NotFound):
    """There is no such order."""

    code = "erasure_order_not_found"


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order, and the erasure of each of its documents."""

    order: ErasureOrder
    erasures: Sequence[Erasure]

    @property
    def status(self) -> ErasureStatus:
        found = {each.status for each in self.erasures}
        for status in (ErasureStatus.FAILED, ErasureStatus.PENDING):
            if status in found:
                return status
        return ErasureStatus.VERIFIED


@dataclass(frozen=True, slots=True)
class ErasureOrders:
    catalog: Catalog
    outbox: Outbox
    caches: Kept
    audit: Audit
    clock: Clock

    async def request(self, principal: Principal, user_id: str | None) -> OrderState:
        """Of the person, else of the principal's tenant. When it returns, every document of theirs is invisible and its erasure
        has begun, what they asked and were answered is removed, and their keys are ended (not the principal's own).

        Asked for again it takes up what came meanwhile. Raises AuditUnavailable.
        """
        order = ErasureOrder(new_id("ord"), principal.tenant_id, user_id, principal.user_id, self.clock(), {})
        whose = {"tenant": principal.tenant_id} if user_id is None else {"user": user_id}
        await self.audit.record(principal, "erase", {**whose, "order_id": order.id})
        await asyncio.to_thread(self._begin, principal, order)
        while events := await asyncio.to_thread(self._remove, principal, order):
            await self.outbox.dispatch(events)
        with suppress(CacheUnavailable):  # each document's erasure waits for it
            await asyncio.to_thread(self.caches.clear, principal)
        return await asyncio.to_thread(self.get, principal, order.id)

    def get(self, principal: Principal, order_id: str) -> OrderState:
        """Sync. Raises ErasureOrderNotFound."""
        with self.catalog.begin(principal) as uow:
            order = uow.erasures.order(principal.tenant_id, order_id)
            if order is None:
                raise ErasureOrderNotFound
            return OrderState(order, uow.erasures.ordered(order_id))

    def _begin(self, principal: Principal, order: ErasureOrder) -> None:
        with self.catalog.begin(principal) as uow:
            removed = uow.holdings.erase(order.tenant_id, order.user_id, principal.user_id, self.clock())
            uow.erasures.add_order(order, removed)

    def _remove(self, principal: Principal, order: ErasureOrder) -> list[OutboxEvent]:
        with self.catalog.begin(principal) as uow:
            found = uow.holdings.documents(order.tenant_id, order.user_id, _BATCH)
            return [remove(uow, order.tenant_id, each, self.clock(), order.id)[1] for each in found]
