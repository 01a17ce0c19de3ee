"""Names and payloads of the product's events. A payload gains optional fields only; anything else is a new name."""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar

import inngest
from pydantic import BaseModel, ConfigDict

from pipelines.domain.jobs import OutboxEvent

FUNCTION_FAILED = "inngest/function.failed"
FUNCTION_CANCELLED = "inngest/function.cancelled"


class JobEvent(BaseModel):
    """What every event carries that a job is about. `run` counts the starts of the job, from 1."""

    name: ClassVar[str]
    verb: ClassVar[str]
    kind: ClassVar[str]
    model_config = ConfigDict(frozen=True, extra="ignore")

    tenant_id: str
    job_id: str
    run: int = 1
    traceparent: str | None = None  # W3C Trace Context, of what sent it

    @property
    def subject_id(self) -> str:
        raise NotImplementedError

    @property
    def event_id(self) -> str:
        """Deterministic, so that the engine drops a second one: document-uploaded-{version_id}."""
        again = f"-{self.run}" if self.run > 1 else ""
        return f"{self.kind}-{self.verb}-{self.subject_id}{again}"

    def outbox(self) -> OutboxEvent:
        return OutboxEvent(self.event_id, self.name, self.model_dump(exclude_none=True))

    def event(self) -> inngest.Event:
        return inngest.Event(id=self.event_id, name=self.name, data=self.model_dump(exclude_none=True))

    @classmethod
    def of(cls, event: inngest.Event) -> Self:
        return cls.model_validate(event.data)


class DocumentEvent(JobEvent):
    kind = "document"
    document_id: str

    @property
    def subject_id(self) -> str:
        return self.document_id


class VersionEvent(DocumentEvent):
    version_id: str

    @property
    def subject_id(self) -> str:
        return self.version_id


class DocumentUploaded(VersionEvent):
    """A file is stored and its document is in the catalog."""

    name = "rag/document.uploaded"
    verb = "uploaded"


class DocumentIndexed(VersionEvent):
    """The version answers questions."""

    name = "rag/document.indexed"
    verb = "indexed"


class DocumentFailed(VersionEvent):
    """The version could not be prepared."""

    name = "rag/document.failed"
    verb = "failed"
    code: str


class DocumentDeleted(DocumentEvent):
    """The document is invisible already; what is left of it is to be removed."""

    name = "rag/document.deleted"
    verb = "deleted"


class BatchRequested(VersionEvent):
    """Ask `embed-document` for the vectors of a version's chunks, in batches."""

    name = "rag/document.embedding_requested"
    verb = "embedding-requested"
    chunks: int
    batch_size: int


class ReindexRequested(JobEvent):
    """The collection is to be built anew as the generation, which takes the active one's place."""

    kind = "collection"
    name = "rag/collection.reindex_requested"
    verb = "reindex-requested"
    collection_id: str
    generation_id: str

    @property
    def subject_id(self) -> str:
        return self.generation_id


class EvaluationRequested(JobEvent):
    """The golden questions of a run are to be asked."""

    kind = "evaluation"
    name = "rag/evaluation.requested"
    verb = "requested"
    evaluation_id: str

    @property
    def subject_id(self) -> str:
        return self.evaluation_id


class ReconcileRequested(JobEvent):
    """The tenant's indexes are to be compared with its catalog, and mended."""

    kind = "index"
    name = "rag/index.reconcile_requested"
    verb = "reconcile-requested"

    @property
    def subject_id(self) -> str:
        return self.tenant_id


class BundleUploaded(JobEvent):
    """An archive is stored, and its files are to become documents."""

    kind = "bundle"
    name = "rag/bundle.uploaded"
    verb = "uploaded"
    bundle_id: str

    @property
    def subject_id(self) -> str:
        return self.bundle_id


class SourceSyncRequested(JobEvent):
    """The source's folder is to be looked at, and its documents made like it."""

    kind = "source"
    name = "rag/source.sync_requested"
    verb = "sync-requested"
    source_id: str

    @property
    def subject_id(self) -> str:
        return self.source_id


E = TypeVar("E", bound=JobEvent)


def ended(how: str, function: inngest.Function[Any]) -> inngest.TriggerEvent:
    """Triggers on a run of the function that ended so (FUNCTION_FAILED, FUNCTION_CANCELLED)."""
    return inngest.TriggerEvent(event=how, expression=f"event.data.function_id == '{function.id}'")


def original_of(ctx: inngest.Context, kind: type[E]) -> E:
    """The event whose run failed or was cancelled, out of the engine's own event about that."""
    original = ctx.event.data["event"]
    if not isinstance(original, dict):
        raise inngest.NonRetriableError("The engine's event does not carry the event of the run it is about.")
    return kind.model_validate(original["data"])
