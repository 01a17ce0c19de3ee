"""All functions of the product, for one client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import inngest

from workflows import delete, ingest, maintenance, reindex
from workflows.steps import JobRecord


@dataclass(frozen=True, slots=True)
class Work:
    """What the functions call: the product's side of each workflow."""

    ingestion: ingest.Ingestion
    deletion: delete.Deletion
    reindexing: reindex.Reindexing
    outbox: maintenance.Outbox
    record: JobRecord


def functions(client: inngest.Inngest, work: Work, limits: ingest.Limits) -> list[inngest.Function[Any]]:
    return [
        *ingest.functions(client, work.ingestion, work.record, limits),
        *delete.functions(client, work.deletion, work.record, limits.retries),
        *reindex.functions(client, work.reindexing, work.record, limits.retries),
        *maintenance.functions(client, work.outbox),
    ]
