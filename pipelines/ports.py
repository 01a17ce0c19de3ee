"""What the product needs from the outside, as small Protocols. Adapters fit them; nothing else knows a vendor.

Errors: an adapter raises `pipelines.domain.errors` only. What is not answering is `ModelUnavailable` or
`IndexUnavailable` (retriable); every call that crosses a process or the network has a time limit of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.domain import access, answers, chunks, documents, jobs

P = ParamSpec("P")
R = TypeVar("R")

Vectors = NDArray[np.float32]
Clock = Callable[[], datetime]
"""Now, timezone-aware, UTC."""

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Tokens of each text as the embedding model counts them, special tokens excluded. Picklable."""


# --- models ---------------------------------------------------------------------------------------------------------


class Embedder(Protocol):
    """Turns text into vectors. `model` is a stable id; vectors of different ids are not comparable."""

    @property
    def model(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...  # what the model reads of a text, special tokens included
    def token_counter(self) -> TokenCounter: ...
    async def embed_documents(self, texts: Sequence[str]) -> Vectors: ...  # (n, dimensions), L2-normalised, input order
    async def embed_query(self, text: str) -> Vectors: ...  # (dimensions,), L2-normalised


class Embedders(Protocol):
    """Every model that collections may be built with. `default` is the one of new collections."""

    @property
    def default(self) -> Embedder: ...
    def of(self, model: str) -> Embedder: ...  # by its id; ModelUnavailable when this installation cannot have it


class Message(NamedTuple):
    role: str  # system, user, assistant
    content: str


class ChatModel(Protocol):
    """A language model that answers in a stream."""

    @property
    def name(self) -> str: ...
    async def available(self) -> bool: ...  # within about a second; never raises
    def stream(
        self, messages: Sequence[Message]
    ) -> AsyncIterator[str]: ...  # pieces of text; ModelUnavailable at any point


# --- derived indexes ------------------------------------------------------------------------------------------------


class Hit(NamedTuple):
    chunk_id: str
    score: float  # higher is better


class VectorIndex(Protocol):
    """Vectors by generation. Derived from catalog and files; writes are upserts on chunk ids."""

    async def upsert(
        self, generation: documents.Generation, rows: Sequence[chunks.Chunk], vectors: Vectors
    ) -> None: ...
    async def query(self, generation: documents.Generation, vector: Vectors, limit: int) -> list[Hit]: ...  # cosine
    async def chunk_ids(self, generation: documents.Generation, version_id: str) -> set[str]: ...
    async def delete_version(self, generation: documents.Generation, version_id: str) -> None: ...
    async def drop(self, generation: documents.Generation) -> None: ...
    async def ping(self) -> None: ...  # IndexUnavailable when it does not answer


class KeywordIndex(Protocol):
    """Full-text rows. Derived from the catalog; writes are upserts on chunk ids."""

    async def upsert(self, collection_id: str, rows: Sequence[chunks.Chunk]) -> None: ...
    async def query(
        self, collection_id: str, text: str, limit: int
    ) -> list[Hit]: ...  # BM25; `text` is a question, not a syntax
    async def chunk_ids(self, version_id: str) -> set[str]: ...
    async def delete_version(self, version_id: str) -> None: ...
    async def delete(self, chunk_ids: Collection[str]) -> None: ...  # absent is fine
    async def ping(self) -> None: ...


# --- files and processes --------------------------------------------------------------------------------------------


class Blobs(Protocol):
    """Files by key ("originals/ver_x"). A put is durable and atomic when it returns."""

    async def put(self, key: str, data: bytes) -> None: ...
    async def put_file(self, key: str, path: Path) -> None: ...  # the file at `path` is moved or copied
    async def get(self, key: str) -> bytes: ...  # KeyError when absent
    async def exists(self, key: str) -> bool: ...
    def local(self, key: str) -> AbstractAsyncContextManager[Path]: ...  # a readable file, for as long as it is entered
    async def delete(self, prefix: str) -> None: ...  # every key under the prefix; absent is fine; "" is refused
    async def keys(self, prefix: str) -> list[str]: ...


class Workers(Protocol):
    """A pool of processes with memory and time limits, for CPU-bound work on untrusted input."""

    async def run(
        self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R: ...  # WorkerCrashed, LimitExceeded


class EventSender(Protocol):
    """Hands events to the workflow engine; returns once they are accepted. DependencyUnavailable otherwise."""

    async def send(self, events: Sequence[jobs.OutboxEvent]) -> None: ...


# --- catalog --------------------------------------------------------------------------------------------------------


class Catalog(Protocol):
    """The truth. Synchronous: call it from a thread, never on the event loop."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...  # serialised with other writers; commits on clean exit
    def read(self) -> AbstractContextManager[UnitOfWork]: ...  # one consistent snapshot; writes are refused


class UnitOfWork(Protocol):
    @property
    def keys(self) -> Keys: ...
    @property
    def collections(self) -> Collections: ...
    @property
    def generations(self) -> Generations: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def chunks(self) -> Chunks: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Keys(Protocol):
    def add_tenant(self, tenant_id: str, name: str, at: datetime) -> None: ...  # absent or equal: no error
    def add(self, key: access.ApiKey, at: datetime) -> None: ...  # the same secret twice: no error
    def by_secret_sha256(self, digest: str) -> access.ApiKey | None: ...


class Collections(Protocol):
    def add(self, collection: documents.Collection) -> None: ...  # CollectionExists
    def by_name(self, tenant_id: str, name: str) -> documents.Collection | None: ...
    def by_id(self, collection_id: str) -> documents.Collection | None: ...
    def all(self, tenant_id: str) -> list[documents.Collection]: ...


class Generations(Protocol):
    """Builds of collections. A version is `complete` in one once all its chunks are in its indexes."""

    def add(self, generation: documents.Generation) -> None: ...  # known: no error
    def of_collection(self, collection_id: str) -> list[documents.Generation]: ...  # the active one among them
    def drop(self, generation_id: str) -> None: ...  # not an active one; absent is fine
    def begin(self, generation_id: str, version_id: str) -> None: ...  # before anything of the version is written
    def complete(self, generation_id: str, version_id: str, chunks: int) -> None: ...
    def is_complete(self, generation_id: str, version_id: str) -> bool: ...
    def forget(self, generation_id: str, version_id: str) -> None: ...  # after what was written is removed
    def held(self, generation_id: str) -> int: ...  # versions complete in it
    def missing(self, generation_id: str) -> list[str]: ...  # versions that answer and are not complete in it
    def stale(self, generation_id: str) -> list[str]: ...  # versions begun in it that do not answer any more
    def flip(self, generation_id: str) -> bool: ...

    """Makes it the collection's active one, whose revision grows, unless a version is missing. Repeating it changes
    nothing."""


class DocumentFilter(NamedTuple):
    collection_id: str | None = None
    status: documents.DocumentStatus | None = None


class Documents(Protocol):
    """Every read of a person's takes the principal, and sees only live documents that it may read."""

    def get(self, principal: access.Principal, document_id: str) -> documents.Document | None: ...
    def page(
        self, principal: access.Principal, where: DocumentFilter, after: str | None, limit: int
    ) -> list[documents.Document]: ...  # newest first; `after` is the id of the last one seen
    def with_content(
        self, principal: access.Principal, collection_id: str, sha256: str
    ) -> documents.Document | None: ...
    def add(self, document: documents.Document) -> None: ...  # with document.latest as its version
    def add_version(
        self, version: documents.Version
    ) -> None: ...  # becomes the latest; known id: only becomes the latest
    def tombstone(self, document_id: str, at: datetime) -> None: ...  # invisible from the commit on; revision + 1

    # for workflows, which act for no person
    def target(self, version_id: str) -> IngestTarget | None: ...  # also of deleted documents
    def version_ids(self, document_id: str) -> list[str]: ...  # also of deleted documents
    def collection_id(self, document_id: str) -> str | None: ...  # also of deleted documents
    def record_facts(
        self,
        version_id: str,
        *,
        pages: int | None = None,
        chunks: int | None = None,
        pii_counts: Mapping[str, int] | None = None,
    ) -> None: ...
    def activate(self, version_id: str, at: datetime) -> str | None: ...

    """One transaction's switch: this version answers, the one returned (if any) does not; the collection's revision
    grows. VersionSuperseded when the document is deleted or has a newer upload. Repeating it changes nothing."""

    def purge(
        self, document_id: str
    ) -> None: ...  # rows of a tombstoned document; what remains is its id and deletion time


class IngestTarget(NamedTuple):
    document: documents.Document
    version: documents.Version
    collection: documents.Collection
    deleted: bool

    @property
    def wanted(self) -> bool:
        """Whether the version is still the one to be prepared."""
        return not self.deleted and self.document.latest.id == self.version.id


class Chunks(Protocol):
    def replace(self, version_id: str, chunker: str, rows: Sequence[chunks.Chunk]) -> None: ...
    def of_version(
        self, version_id: str, chunker: str, first: int = 0, limit: int | None = None
    ) -> list[chunks.Chunk]: ...
    def ids(self, version_id: str, chunker: str | None = None) -> set[str]: ...  # None: of every chunker
    def outdated(
        self, collection_id: str, limit: int
    ) -> list[str]: ...  # ids under chunkers that no generation of the collection has
    def delete(self, chunk_ids: Collection[str]) -> None: ...
    def visible(
        self, principal: access.Principal, collection_id: str, chunk_ids: Collection[str]
    ) -> dict[str, answers.CatalogedChunk]: ...

    """Of these chunks, those of an active version under the active generation's chunker, in a live document of this
    collection that the principal may read: the guard on every passage."""

    def delete_version(self, version_id: str) -> None: ...


class JobFilter(NamedTuple):
    status: jobs.JobStatus | None = None
    document_id: str | None = None


class Jobs(Protocol):
    """A terminal status is never changed except by `start_again`. Every change appends a JobEvent."""

    def add(self, job: jobs.Job) -> None: ...
    def start_again(self, job_id: str, at: datetime) -> jobs.Job: ...  # queued, run + 1, no steps, no error
    def get(self, principal: access.Principal, job_id: str) -> jobs.Job | None: ...  # readable as its document is
    def page(self, principal: access.Principal, where: JobFilter, after: str | None, limit: int) -> list[jobs.Job]: ...
    def find(self, job_id: str) -> jobs.Job | None: ...  # for workflows
    def start_step(self, job_id: str, step_id: str, at: datetime) -> None: ...  # attempts + 1; the job is running
    def end_step(self, job_id: str, step_id: str, at: datetime, output: Mapping[str, int | str]) -> None: ...
    def fail_step(self, job_id: str, step_id: str, at: datetime, error: jobs.JobError, *, retriable: bool) -> None: ...
    def progress(self, job_id: str, at: datetime, progress: jobs.Progress) -> None: ...
    def finish(self, job_id: str, status: jobs.JobStatus, at: datetime, error: jobs.JobError | None = None) -> None: ...
    def events(self, job_id: str, after: int, limit: int) -> list[jobs.JobEvent]: ...


class Outbox(Protocol):
    """Events committed with the rows they speak of, until the engine has accepted them."""

    def add(self, event: jobs.OutboxEvent, at: datetime) -> None: ...
    def pending(self, limit: int) -> list[jobs.OutboxEvent]: ...  # oldest first
    def sent(self, event_ids: Collection[str]) -> None: ...


class Idempotency(Protocol):
    """Answers by (tenant, user, Idempotency-Key)."""

    def get(self, principal: access.Principal, key: str) -> IdempotentAnswer | None: ...
    def put(self, principal: access.Principal, key: str, answer: IdempotentAnswer, at: datetime) -> None: ...


class IdempotentAnswer(NamedTuple):
    request_sha256: str
    status: int
    body: str  # JSON
