"""From an uploaded file to a version that answers questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import inngest

from workflows.events import (
    FUNCTION_CANCELLED,
    FUNCTION_FAILED,
    BatchRequested,
    DocumentDeleted,
    DocumentFailed,
    DocumentIndexed,
    DocumentUploaded,
    ended,
    original_of,
)
from workflows.steps import JobRecord, RecordedSteps, Retries, StepOutput, close_unsuccessful

SAME_DOCUMENT = "async.data.document_id == event.data.document_id"


class Ingestion(Protocol):
    """What the steps do. Each may run twice: it upserts on ids that follow from its input."""

    async def parse(self, upload: DocumentUploaded) -> StepOutput: ...
    async def redact(self, upload: DocumentUploaded) -> StepOutput: ...
    async def chunk(self, upload: DocumentUploaded) -> StepOutput: ...  # {"chunks", "batch_size", ...}
    async def embed_batch(self, request: BatchRequested, batch: int) -> StepOutput: ...
    async def index(self, upload: DocumentUploaded) -> StepOutput: ...
    async def activate(self, upload: DocumentUploaded) -> StepOutput: ...
    async def invalidate_caches(self, upload: DocumentUploaded) -> StepOutput: ...
    async def clean_up(self, upload: DocumentUploaded) -> StepOutput: ...
    async def give_up(self, upload: DocumentUploaded) -> None: ...  # removes what an unfinished run left


@dataclass(frozen=True, slots=True)
class Limits:
    """`documents` of one tenant are prepared at the same time; `embeddings` of all tenants together."""

    retries: Retries = field(default_factory=Retries)
    documents: int = 2
    embeddings: int = 1


def functions(
    client: inngest.Inngest, ingestion: Ingestion, record: JobRecord, limits: Limits
) -> list[inngest.Function[Any]]:
    """`ingest-document`, `embed-document` and `close-ingest`."""

    @client.create_function(
        fn_id="embed-document",
        name="Embed document",
        trigger=inngest.TriggerEvent(event=BatchRequested.name),
        retries=limits.retries.times,
        concurrency=[inngest.Concurrency(limit=limits.embeddings)],
        cancel=[inngest.Cancel(event=DocumentDeleted.name, if_exp=SAME_DOCUMENT)],
    )
    async def embed_document(ctx: inngest.Context) -> StepOutput:
        request = BatchRequested.of(ctx.event)
        steps = RecordedSteps(ctx, record, request.job_id, limits.retries)
        for batch in range(-(-request.chunks // request.batch_size)):
            await steps.run(f"embed-batch-{batch}", partial(ingestion.embed_batch, request, batch))
        return {"chunks": request.chunks}

    @client.create_function(
        fn_id="ingest-document",
        name="Ingest document",
        trigger=inngest.TriggerEvent(event=DocumentUploaded.name),
        retries=limits.retries.times,
        concurrency=[inngest.Concurrency(limit=limits.documents, key="event.data.tenant_id")],
        cancel=[inngest.Cancel(event=DocumentDeleted.name, if_exp=SAME_DOCUMENT)],
    )
    async def ingest_document(ctx: inngest.Context) -> StepOutput:
        upload = DocumentUploaded.of(ctx.event)
        steps = RecordedSteps(ctx, record, upload.job_id, limits.retries)
        await steps.run("parse-document", partial(ingestion.parse, upload))
        await steps.run("redact-pii", partial(ingestion.redact, upload))
        plan = await steps.run("chunk-document", partial(ingestion.chunk, upload))
        wanted = BatchRequested(**upload.model_dump(), chunks=int(plan["chunks"]), batch_size=int(plan["batch_size"]))
        await ctx.step.invoke("embed-document", function=embed_document, data=wanted.model_dump())
        await steps.run("upsert-index", partial(ingestion.index, upload))
        await steps.run("activate-version", partial(ingestion.activate, upload))
        await steps.run("invalidate-caches", partial(ingestion.invalidate_caches, upload))
        await steps.run("clean-up", partial(ingestion.clean_up, upload))
        await steps.close()
        await ctx.step.send_event("announce", DocumentIndexed(**upload.model_dump()).event())
        return {"version_id": upload.version_id, "chunks": plan["chunks"]}

    @client.create_function(
        fn_id="close-ingest",
        name="Close the job of an ingest that did not succeed",
        trigger=[ended(FUNCTION_FAILED, ingest_document), ended(FUNCTION_CANCELLED, ingest_document)],
        retries=limits.retries.times,  # an on_failure handler has none, and a job that is never closed is a lost one
    )
    async def close_ingest(ctx: inngest.Context) -> None:
        upload = original_of(ctx, DocumentUploaded)
        code = await close_unsuccessful(ctx, record, upload.job_id)
        await ctx.step.run("give-up", partial(ingestion.give_up, upload))
        if code is not None:
            await ctx.step.send_event("announce", DocumentFailed(**upload.model_dump(), code=code).event())

    return [ingest_document, embed_document, close_ingest]
