"""All functions of the product, for one client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import inngest

from workflows import delete, evaluate, ingest, maintenance, reindex, sync, unpack
from workflows.steps import JobRecord


@dataclass(frozen=True, slots=True)
class Work:
    """What the functions call: the product's side of each workflow."""

    ingestion: ingest.Ingestion
    deletion: delete.Deletion
    erasure: delete.Erasure
    reindexing: reindex.Reindexing
    gate: reindex.Gate
    unpacking: unpack.Unpacking
    syncing: sync.Sync
    schedule: sync.Schedule
    upkeep: maintenance.Upkeep
    evaluating: evaluate.Evaluating
    nightly: evaluate.Nightly | None
    record: JobRecord


def functions(client: inngest.Inngest, work: Work, limits: ingest.Limits) -> list[inngest.Function[Any]]:
    return [
        *ingest.functions(client, work.ingestion, work.record, limits),
        *delete.functions(client, work.deletion, work.erasure, work.record, limits.retries),
        *reindex.functions(client, work.reindexing, work.gate, work.record, limits.retries),
        *unpack.functions(client, work.unpacking, work.record, limits.retries),
        *sync.functions(client, work.syncing, work.schedule, work.record, limits.retries),
        *evaluate.functions(client, work.evaluating, work.nightly, work.record, limits.retries),
        *maintenance.functions(client, work.upkeep, work.record, limits.retries),
    ]
