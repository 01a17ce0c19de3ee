"""What the product needs from the outside, as small Protocols. Adapters fit them; nothing else knows a vendor.

Errors: an adapter raises `pipelines.domain.errors` only. What is not answering is `ModelUnavailable` or
`IndexUnavailable` (retriable); every call that crosses a process or the network has a time limit of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from pipelines.access_ports import AuditLog as AuditLog
from pipelines.access_ports import Keys
from pipelines.access_ports import SignIn as SignIn
from pipelines.access_ports import Tokens as Tokens
from pipelines.cache_ports import Cache as Cache
from pipelines.catalog_ports import (
    Answers,
    Bundles,
    Collections,
    Conversations,
    Erasures,
    Evaluations,
    FeedbackBook,
    Generations,
    GoldenSets,
    Holdings,
    Idempotency,
    Jobs,
    Outbox,
    Redoing,
    Sealed,
    Sources,
    Upkeep,
)
from pipelines.catalog_ports import IdempotentAnswer as IdempotentAnswer
from pipelines.catalog_ports import JobFilter as JobFilter
from pipelines.catalog_ports import Standing as Standing
from pipelines.domain import (
    access,
    answers,
    chunks,
    documents,
    erasure,
    filters,
    jobs,
    privacy,
    views,
)
from pipelines.model_ports import ChatModel as ChatModel
from pipelines.model_ports import Embedder as Embedder
from pipelines.model_ports import Embedders as Embedders
from pipelines.model_ports import Message as Message
from pipelines.model_ports import Reranker as Reranker
from pipelines.model_ports import TokenCounter as TokenCounter
from pipelines.model_ports import Vectors as Vectors
from pipelines.source_ports import SourceContent as SourceContent
from pipelines.source_ports import SourceReader as SourceReader
from pipelines.trace_ports import Tracer as Tracer

P = ParamSpec("P")
R = TypeVar("R")

Clock = Callable[[], datetime]
"""Now, timezone-aware, UTC."""

# --- derived indexes ------------------------------------------------------------------------------------------------


class Hit(NamedTuple):
    chunk_id: str
    score: float  # higher is better


class VectorIndex(Protocol):
    """Vectors by generation. Derived from catalog and files; writes are upserts on chunk ids.

    Hits within a selection are those of an index that holds nothing else, scores and order included.
    """

    async def upsert(
        self, generation: documents.Generation, rows: Sequence[chunks.Chunk], vectors: Vectors
    ) -> None: ...
    async def query(
        self,
        generation: documents.Generation,
        vector: Vectors,
        limit: int,
        within: views.Selection | None = None,  # None: all that it holds, however exact
    ) -> list[Hit]: ...  # cosine
    async def chunk_ids(self, generation: documents.Generation, version_id: str) -> set[str]: ...
    async def unreachable(
        self, generation: documents.Generation, version_id: str
    ) -> set[str]: ...  # held, and yet not found by a search for the very same; an upsert mends that
    async def delete_version(self, generation: documents.Generation, version_id: str) -> None: ...
    async def version_ids(self, generation: documents.Generation) -> set[str]: ...  # of which it holds anything
    async def vectors(
        self, generation: documents.Generation, chunk_ids: Sequence[str]
    ) -> Vectors: ...  # of those it holds, as they are stored, in any order: (n, dimensions)
    async def stored(
        self, generation: documents.Generation, version_id: str
    ) -> tuple[list[str], Vectors]: ...  # a version's chunk ids and vectors, in step
    async def generation_ids(self, collection_id: str) -> set[str]: ...  # builds of the collection that it holds
    async def drop(self, generation: documents.Generation) -> None: ...
    async def scrub(self, generation: documents.Generation) -> None: ...  # what was deleted leaves the disk too
    async def ping(self) -> None: ...  # IndexUnavailable when it does not answer


class KeywordIndex(Protocol):
    """Full-text rows. Derived from the catalog; writes are upserts on chunk ids.

    Hits within a selection are those of an index that holds nothing else, scores and order included.
    """

    async def upsert(self, collection_id: str, rows: Sequence[chunks.Chunk]) -> None: ...
    async def query(
        self,
        generation: documents.Generation,
        text: str,
        limit: int,
        within: views.Selection | None = None,  # None: all that it holds
        phrases: Sequence[str] = (),  # that stand for the question's words
    ) -> list[Hit]: ...  # over the chunks that its chunker made, rare words first; `text` is a question, not a syntax
    async def chunk_ids(self, version_id: str) -> set[str]: ...
    async def version_ids(self, collection_id: str) -> set[str]: ...  # of which it holds anything
    async def elsewhere(
        self, version_ids: Collection[str], texts: Sequence[str]
    ) -> set[str]: ...  # those words and phrases that versions other than these hold
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
    async def keys(self, prefix: str, before: datetime | None = None) -> list[str]: ...  # last written before it


class Workers(Protocol):
    """A pool of processes with memory and time limits, for CPU-bound work on untrusted input."""

    async def run(
        self, task: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R: ...  # WorkerCrashed, LimitExceeded


class Remains(Protocol):
    """A store that may hold remains of what was deleted, and can be searched for them."""

    async def search(
        self, canaries: erasure.Canaries, version_ids: Collection[str]
    ) -> list[erasure.Searched]: ...  # by place; `version_ids` are those of the deleted document


class Signer(Protocol):
    @property
    def public_key(self) -> str: ...  # base64
    def sign(self, statement: Mapping[str, object]) -> erasure.Signature: ...  # over its canonical form


class EventSender(Protocol):
    """Hands events to the workflow engine; returns once they are accepted. DependencyUnavailable otherwise."""

    async def send(self, events: Sequence[jobs.OutboxEvent]) -> None: ...


# --- catalog --------------------------------------------------------------------------------------------------------


class Catalog(Protocol):
    """The truth. Synchronous: call it from a thread, never on the event loop.

    With a principal, a database that has row-level security shows the transaction nothing of other tenants, and to who reads
    no document that it may not: the second lock, behind what the repositories ask for themselves.
    """

    def begin(
        self, principal: access.Principal | None = None, *, wait_s: float | None = None
    ) -> AbstractContextManager[UnitOfWork]: ...  # serialised with other writers; commits on clean exit
    def read(
        self, principal: access.Principal | None = None
    ) -> AbstractContextManager[UnitOfWork]: ...  # one consistent snapshot; writes are refused

    def commits(self) -> int | None:
        """A number that another one follows with every commit, whoever makes it; None where that cannot be told at once.

        The only thing here that may be asked on the event loop.
        """


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
    @property
    def erasures(self) -> Erasures: ...
    @property
    def holdings(self) -> Holdings: ...
    @property
    def golden_sets(self) -> GoldenSets: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def bundles(self) -> Bundles: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def feedback(self) -> FeedbackBook: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def redoing(self) -> Redoing: ...
    @property
    def sealed(self) -> Sealed: ...


class DocumentFilter(NamedTuple):
    collection_id: str | None = None
    status: documents.DocumentStatus | None = None
    sha256: Sequence[str] = ()  # of the newest version; none: of any
    named: str | None = None  # a part of its title or newest file name, in any case


class Documents(Protocol):
    """Every read of a person's takes the principal, and sees only live documents that it may read."""

    def held(self, tenant_id: str) -> documents.Held: ...
    def get(self, principal: access.Principal, document_id: str) -> documents.Document | None: ...
    def versions(self, principal: access.Principal, document_id: str) -> list[documents.Version]: ...  # newest first
    def page(
        self, principal: access.Principal, where: DocumentFilter, after: str | None, limit: int
    ) -> list[documents.Document]: ...  # newest first; `after` is the id of the last one seen
    def with_content(
        self, principal: access.Principal, collection_id: str, sha256: str
    ) -> documents.Document | None: ...
    def redacted_by(
        self, principal: access.Principal, collection_id: str
    ) -> Mapping[str, int]: ...  # how many answer, by the id of the policy they were read under
    def titles(
        self, principal: access.Principal, collection_id: str, where: filters.Filters
    ) -> dict[str, str]: ...  # titles and file names of matching documents, oldest first, by their active version
    def add(self, document: documents.Document) -> None: ...  # with document.latest as its version
    def add_version(
        self, version: documents.Version
    ) -> None: ...  # becomes the latest; known id: only becomes the latest
    def tombstone(self, document_id: str, at: datetime) -> None: ...  # invisible from the commit on; revision + 1

    def share(
        self, document_id: str, readers: frozenset[str], at: datetime
    ) -> None: ...  # these may read it from the commit on, and nobody else; the revision grows

    def retitle(self, document_id: str, title: str, at: datetime) -> None: ...  # a live one's; the revision grows

    # for workflows, which act for no person
    def kept(self, document_id: str) -> documents.Document | None: ...  # whoever may read it; not a deleted one
    def rename(
        self, document_id: str, filename: str, title: str, metadata: Mapping[str, str], at: datetime
    ) -> None: ...  # of a kept one and its newest version; revision + 1
    def target(self, version_id: str) -> IngestTarget | None: ...  # also of deleted documents
    def version_ids(self, document_id: str) -> list[str]: ...  # also of deleted documents
    def collection_id(self, document_id: str) -> str | None: ...  # also of deleted documents
    def record_facts(
        self,
        version_id: str,
        *,
        pages: int | None = None,
        chunks: int | None = None,
        pii: privacy.RedactionReport | None = None,
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
    def texts(self, document_id: str, limit: int) -> dict[str, str]: ...  # by id; of any version and chunker
    def outdated(
        self, collection_id: str, limit: int
    ) -> list[str]: ...  # ids under chunkers that no generation of the collection has
    def delete(self, chunk_ids: Collection[str]) -> None: ...
    def visible(
        self,
        principal: access.Principal,
        collection_id: str,
        chunk_ids: Collection[str],
        where: filters.Filters = filters.EVERYTHING,
    ) -> dict[str, answers.CatalogedChunk]: ...

    """Of these chunks, those of an active version under the active generation's chunker, in a live document of this
    collection that matches and that the principal may read: the guard on every passage."""

    def places(
        self,
        principal: access.Principal,
        collection_id: str,
        chunk_ids: Collection[str],
        where: filters.Filters = filters.EVERYTHING,
    ) -> dict[str, answers.Place]: ...  # of those that `visible` gives, in a tenth of the time
    def seen(
        self, principal: access.Principal, collection_id: str, chunk_ids: Collection[str]
    ) -> set[str]: ...  # the ids that `visible` gives

    def answering(
        self, generation: documents.Generation, chunk_ids: Collection[str]
    ) -> dict[str, answers.CatalogedChunk]: ...  # the same under any generation, and for no person
    def some(self, generation: documents.Generation, limit: int) -> list[chunks.Chunk]: ...  # from all over it
    def delete_version(self, version_id: str) -> None: ...
