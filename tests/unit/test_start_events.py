"""Every kind of job can be started again by whoever finds it abandoned: its event follows from its row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.services.documents import start_event
from pipelines.domain.jobs import JobKind, queued

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", JobKind)
def test_the_event_of_a_job_carries_all_that_its_workflow_needs(kind: JobKind) -> None:
    names = {name: f"{name}-1" for name in ("document_id", "version_id", "collection_id", "generation_id")}
    others = {"source_id": "source-1", "bundle_id": "bundle-1", "evaluation_id": "evaluation-1", "user_id": "anna"}
    job = queued(kind, "acme", "subject", AT, **names, **others)
    event = start_event(job)
    assert event.name.startswith("rag/")
    assert event.data["job_id"] == job.id
    assert event.data["tenant_id"] == "acme"
    assert start_event(job) == event, "the engine drops a second one by its id"
