"""The policy of a collection for personal data: looked at and changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.services.collections import Collections
from app.services.documents import start_event
from app.services.outbox import Outbox
from app.services.redaction import Redaction
from app.services.reindex import Reindexes
from pipelines.domain.access import Principal
from pipelines.domain.documents import Collection
from pipelines.domain.errors import CollectionNotFound, InvalidRequest
from pipelines.domain.jobs import Job
from pipelines.domain.privacy import EntityRule, PiiPolicy, stricter
from pipelines.ingest.redact import EVERYTHING, POLICIES, policy_id, redaction_id
from pipelines.ingest.redact.detect import recognisers_id
from pipelines.ports import Catalog, UnitOfWork

_AGAIN = (
    "Some documents were read under another policy. They are read again by the job of the change; "
    "`cairn pii redo`, or POST to `/redo` here, starts that again."
)


@dataclass(frozen=True, slots=True)
class PolicyState:
    """`documents` that answer and that one may read, by the id of the policy they were read under. `job_id`: of the job that
    reads documents again, where this was a change that starts one."""

    id: str
    recognisers: str
    own: bool
    rules: Mapping[str, EntityRule]
    allow: tuple[str, ...]
    documents: Mapping[str, int]
    job_id: str | None = None

    @property
    def note(self) -> str | None:
        return _AGAIN if self.documents.keys() - {self.id} else None


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything raises CollectionNotFound."""

    catalog: Catalog
    collections: Collections
    redaction: Redaction
    reindexes: Reindexes
    outbox: Outbox

    def get(self, principal: Principal, name: str, job_id: str | None = None) -> PolicyState:
        """Sync: call it from a thread."""
        collection = self.collections.get(principal, name)
        policy = self.redaction.policy(collection)
        with self.catalog.read(principal) as uow:
            documents = uow.documents.redacted_by(principal, collection.id)
        own = collection.pii is not None
        return PolicyState(policy_id(policy), recognisers_id(), own, policy.rules, policy.allow, documents, job_id)

    async def put(
        self, principal: Principal, name: str, preset: str, rules: Mapping[str, EntityRule], allow: tuple[str, ...]
    ) -> PolicyState:
        """The preset with these rules instead of its own. Raises InvalidRequest for an entity that nothing finds."""
        if unknown := sorted(rules.keys() - EVERYTHING.rules.keys()):
            known = ", ".join(sorted(EVERYTHING.rules))
            raise InvalidRequest(f"Nothing finds {', '.join(unknown)}. What is found: {known}.")
        base = POLICIES[preset]
        own = PiiPolicy(base.name if not rules else "own", {**base.rules, **rules}, allow)
        return await self._change(principal, name, own)

    async def remove(self, principal: Principal, name: str) -> PolicyState:
        """From now on as the server's settings say."""
        return await self._change(principal, name, None)

    async def redo(self, principal: Principal, name: str) -> PolicyState:
        """Documents are read again by the policy as it is: after a new release, or when the job of a change failed."""
        collection = await asyncio.to_thread(self.collections.get, principal, name)
        return await self._change(principal, name, collection.pii, anyway=True)

    async def _change(
        self, principal: Principal, name: str, policy: PiiPolicy | None, *, anyway: bool = False
    ) -> PolicyState:
        """Policy, build and job are there together or not at all."""

        def commit() -> tuple[Job, bool] | None:
            known = self.collections.get(principal, name)
            with self.catalog.begin(principal) as uow:
                before = uow.collections.by_id(known.id)
                if before is None:
                    raise CollectionNotFound
                uow.collections.protect_by(known.id, policy)
                after = replace(before, pii=policy)
                if not anyway and self._same(uow, before, after):
                    return None
                return self._read_again(uow, before, after)

        job, new = await asyncio.to_thread(commit) or (None, False)
        if job is not None and new:
            await self.outbox.dispatch([start_event(job)])
        return await asyncio.to_thread(self.get, principal, name, job.id if job else None)

    def _same(self, uow: UnitOfWork, before: Collection, after: Collection) -> bool:
        """Whether no document has to be read again."""
        wanted = policy_id(self.redaction.policy(after))
        if policy_id(self.redaction.policy(before)) != wanted:
            return not uow.redoing.live(before.id, "", 1)
        return uow.redoing.policies(before.id) <= {wanted}

    def _read_again(self, uow: UnitOfWork, before: Collection, after: Collection) -> tuple[Job, bool]:
        """At once, unless all that answers is known to show no more than the new policy allows."""
        old, new = self.redaction.policy(before), self.redaction.policy(after)
        at_once = stricter(new, old) or not uow.redoing.policies(before.id) <= {policy_id(old), policy_id(new)}
        return self.reindexes.read_again(uow, before, redaction_id(new), at_once=at_once)
