"""The policy of a collection for personal data: looked at and changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.services.collections import Collections
from app.services.redaction import Redaction
from pipelines.domain.access import Principal
from pipelines.domain.errors import InvalidRequest
from pipelines.domain.privacy import EntityRule, PiiPolicy
from pipelines.ingest.redact import EVERYTHING, POLICIES, policy_id
from pipelines.ingest.redact.detect import recognisers_id
from pipelines.ports import Catalog

_AGAIN = (
    "Documents that were read under another policy stay as they are: delete them and upload them again. "
    "Questions, answers and new documents follow the new policy from now on."
)


@dataclass(frozen=True, slots=True)
class PolicyState:
    """`documents` that answer and that one may read, by the id of the policy they were read under."""

    id: str
    recognisers: str
    own: bool
    rules: Mapping[str, EntityRule]
    allow: tuple[str, ...]
    documents: Mapping[str, int]

    @property
    def note(self) -> str | None:
        return _AGAIN if self.documents.keys() - {self.id} else None


@dataclass(frozen=True, slots=True)
class Policies:
    """Sync: call it from a thread. Raises CollectionNotFound."""

    catalog: Catalog
    collections: Collections
    redaction: Redaction

    def get(self, principal: Principal, name: str) -> PolicyState:
        collection = self.collections.get(principal, name)
        policy = self.redaction.policy(collection)
        with self.catalog.read(principal) as uow:
            documents = uow.documents.redacted_by(principal, collection.id)
        id_ = policy_id(policy)
        return PolicyState(id_, recognisers_id(), collection.pii is not None, policy.rules, policy.allow, documents)

    def put(
        self, principal: Principal, name: str, preset: str, rules: Mapping[str, EntityRule], allow: tuple[str, ...]
    ) -> PolicyState:
        """The preset with these rules instead of its own. Raises InvalidRequest for an entity that nothing finds."""
        if unknown := sorted(rules.keys() - EVERYTHING.rules.keys()):
            known = ", ".join(sorted(EVERYTHING.rules))
            raise InvalidRequest(f"Nothing finds {', '.join(unknown)}. What is found: {known}.")
        base = POLICIES[preset]
        own = PiiPolicy(base.name if not rules else "own", {**base.rules, **rules}, allow)
        return self._protect_by(principal, name, own)

    def remove(self, principal: Principal, name: str) -> PolicyState:
        """From now on as the server's settings say."""
        return self._protect_by(principal, name, None)

    def _protect_by(self, principal: Principal, name: str, policy: PiiPolicy | None) -> PolicyState:
        collection = self.collections.get(principal, name)
        with self.catalog.begin(principal) as uow:
            uow.collections.protect_by(collection.id, policy)
        return self.get(principal, name)
