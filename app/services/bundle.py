"""All use cases, as the edge is given them."""

from __future__ import annotations

from dataclasses import dataclass

from app.services.ask import Ask
from app.services.collections import Collections
from app.services.documents import Documents
from app.services.health import Health
from app.services.identity import Identity
from app.services.jobs import Jobs
from app.services.outbox import Outbox
from app.services.reindex import Reindexes
from app.services.retrieval import Retrieval


@dataclass(frozen=True, slots=True)
class Services:
    identity: Identity
    collections: Collections
    documents: Documents
    jobs: Jobs
    outbox: Outbox
    reindexes: Reindexes
    retrieval: Retrieval
    ask: Ask
    health: Health
