"""Repositories of the catalog besides those that every document passes through (pipelines/ports.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pipelines.domain import (
    access,
    answering,
    bundles,
    conversations,
    documents,
    erasure,
    evaluation,
    jobs,
    manifests,
    privacy,
    sources,
    views,
)


class Generations(Protocol):
    """Builds of collections. A version is `complete` in one once all its chunks are in its indexes."""

    def add(self, generation: documents.Generation) -> None: ...  # known: no error
    def of_collection(self, collection_id: str) -> list[documents.Generation]: ...  # the active one among them
    def drop(self, generation_id: str) -> None: ...  # not an active one; absent is fine
    def begin(self, generation_id: str, version_id: str) -> None: ...  # before anything of the version is written
    def complete(self, generation_id: str, version_id: str, chunks: int) -> None: ...
    def is_complete(self, generation_id: str, version_id: str) -> bool: ...
    def chunks(self, generation_id: str, version_id: str) -> int | None: ...  # of a version complete in it
    def forget(self, generation_id: str, version_id: str) -> None: ...  # after what was written is removed
    def held(self, generation_id: str) -> int: ...  # versions complete in it
    def missing(self, generation_id: str) -> list[str]: ...  # versions that answer and are not complete in it
    def stale(self, generation_id: str) -> list[str]: ...  # versions begun in it that do not answer any more
    def flip(self, generation_id: str) -> bool: ...

    """Makes it the collection's active one, whose revision grows, unless a version is missing. Repeating it changes
    nothing."""

    def take_over(self, generation_id: str) -> None: ...  # the same, whatever is missing: that answers once it is built


class Erasures(Protocol):
    """Requests to erase a document, and the receipts that prove it; they stay when the document is gone."""

    def add(
        self, tenant_id: str, document_id: str, at: datetime, order_id: str | None = None
    ) -> None: ...  # asked for before: no error
    def add_order(self, order: erasure.ErasureOrder, removed: Mapping[str, int]) -> None: ...
    def order(self, tenant_id: str, order_id: str) -> erasure.ErasureOrder | None: ...
    def ordered(self, order_id: str) -> list[erasure.Erasure]: ...  # by document
    def versions(self, document_id: str) -> list[erasure.ErasedVersion]: ...  # as they were when it was planned
    def plan(self, document_id: str, versions: Sequence[erasure.ErasedVersion]) -> None: ...
    def requested_at(self, document_id: str) -> datetime | None: ...
    def named_elsewhere(self, document_id: str, texts: Sequence[str]) -> set[str]: ...  # in names of other documents
    def prepared_elsewhere(
        self, document_id: str, texts: Sequence[str]
    ) -> set[str]: ...  # in other documents' chunks that no index may have yet
    def certify(self, receipt: erasure.Receipt, signature: erasure.Signature) -> None: ...
    def get(
        self, principal: access.Principal, erasure_id: str
    ) -> erasure.Erasure | None: ...  # for those who could read the document


class Holdings(Protocol):
    """What there is of a person, or of a whole tenant (`user_id` None)."""

    def documents(self, tenant_id: str, user_id: str | None, limit: int) -> list[str]: ...  # live ones, oldest first
    def erase(
        self, tenant_id: str, user_id: str | None, keep_keys_of: str, at: datetime
    ) -> dict[str, int]: ...  # all but documents, so many rows by what they were; keys end, but for this user's

    """Of a person also its name in the readers lists of others' documents."""


class Outbox(Protocol):
    """Events committed with the rows they speak of, until the engine has accepted them."""

    def add(self, event: jobs.OutboxEvent, at: datetime) -> None: ...
    def pending(self, limit: int) -> list[jobs.OutboxEvent]: ...  # oldest first
    def size(self) -> int: ...
    def sent(self, event_ids: Collection[str]) -> None: ...


class Redoing(Protocol):
    """A collection's live documents that are read again under another policy, and what was said from them before."""

    def policies(self, collection_id: str) -> set[str]: ...  # ids of those that answering versions were read under
    def live(self, collection_id: str, after: str, limit: int) -> list[documents.Document]: ...  # by id
    def filenames(self, document_id: str) -> dict[str, str]: ...  # by version
    def rename(
        self, document: documents.Document, filenames: dict[str, str]
    ) -> None: ...  # as it is now called; nothing else remembers how it was
    def changed(self, document_id: str) -> None: ...  # its readers' searches may find something else from now on
    def withdraw(self, version_id: str, at: datetime) -> None: ...  # it answers no more
    def unsay(self, collection: documents.Collection) -> int: ...  # what is on record of its answers; how many
    def sayings(
        self, collection: documents.Collection, first: int, limit: int
    ) -> list[privacy.Saying]: ...  # turns and comments about it, so many of each
    def say(self, sayings: Sequence[privacy.Saying]) -> None: ...  # in place of what was there


class Sealed(Protocol):
    """Encrypted values that were taken out of versions, by placeholder."""

    def replace(self, version_id: str, sealed: Mapping[str, str]) -> None: ...  # for all there were; unknown: nothing
    def get(self, version_id: str, placeholder: str) -> str | None: ...


class GoldenSets(Protocol):
    """What a collection is measured by."""

    def put(self, collection_id: str, questions: Sequence[evaluation.GoldenQuestion]) -> None: ...  # for all there were
    def get(self, collection_id: str) -> list[evaluation.GoldenQuestion]: ...  # in the order they were put
    def collections(self) -> list[tuple[str, str]]: ...  # tenant and name of those that have one


class Evaluations(Protocol):
    """Runs of golden questions, and what they found."""

    def add(self, evaluation: evaluation.Evaluation) -> None: ...
    def get(self, tenant_id: str | None, evaluation_id: str) -> evaluation.Evaluation | None: ...  # None: of any tenant
    def of_collection(self, collection_id: str, limit: int) -> list[evaluation.Evaluation]: ...  # newest first
    def put_result(
        self, evaluation_id: str, position: int, measures: evaluation.Measures
    ) -> None: ...  # again: replaced
    def results(self, evaluation_id: str) -> list[evaluation.EvaluatedQuestion]: ...  # those there are, in order
    def close(self, evaluation_id: str, scores: evaluation.Measures) -> None: ...


class Answers(Protocol):
    """Answers that were given, each for the person who asked."""

    def add(
        self, record: manifests.AnswerRecord
    ) -> None: ...  # without its text if a document of it is deleted already
    def holds(self, principal: access.Principal, answer_id: str) -> bool: ...  # as `get` would find it
    def get(self, principal: access.Principal, answer_id: str) -> manifests.AnswerRecord | None: ...
    def standings(
        self, principal: access.Principal, answer_id: str
    ) -> dict[
        str, manifests.SourceStanding | None
    ]: ...  # of the documents it was made from; None: deleted, when it was readable
    def erase(self, document_id: str) -> None: ...  # what was said from it, and what would tell of its content
    def forget(self, before: datetime) -> int: ...


class Sources(Protocol):
    """Places that are watched, and what was made of their files. A tenant never sees another's."""

    def add(self, source: sources.Source) -> None: ...
    def of_collection(self, tenant_id: str, collection_id: str) -> list[sources.Source]: ...  # oldest first
    def get(self, source_id: str) -> sources.Source | None: ...  # for workflows
    def due(self, at: datetime, limit: int) -> list[sources.Source]: ...  # longest due first
    def schedule(self, source_id: str, next_at: datetime) -> None: ...
    def trust(self, source_id: str, run: int) -> None: ...  # this run of its job may delete any number of documents
    def retry_problems(self, source_id: str) -> None: ...  # those of `problems`, in the next pass, which lists all
    def end_with_documents(self, source_id: str) -> None: ...  # the next pass removes them, and then the source
    def passed(
        self, source_id: str, at: datetime, counts: Mapping[str, int], memory: str | None = None
    ) -> None: ...  # None: what was remembered stays
    def memory(self, source_id: str) -> str: ...  # of the last pass that left nothing undone
    def remove(self, source_id: str) -> None: ...  # with what it knows of files; their documents stay
    def files(self, source_id: str) -> list[sources.SourceFile]: ...
    def shared(self, source_id: str) -> dict[str, sources.Shared]: ...  # by id of the file; live documents alone
    def file(self, file_id: str) -> sources.SourceFile | None: ...
    def put_file(self, file: sources.SourceFile) -> None: ...
    def remove_file(self, file_id: str) -> None: ...  # absent is fine
    def problems(self, source_id: str, limit: int) -> list[sources.SourceFile]: ...

    """Files that were refused, and those whose documents could not be prepared; by path."""


class Bundles(Protocol):
    """Archives that are unpacked, and what became of their files."""

    def add(self, bundle: bundles.Bundle) -> None: ...
    def get(self, bundle_id: str) -> bundles.Bundle | None: ...  # for workflows
    def put_file(self, file: bundles.BundleFile) -> None: ...
    def files(
        self, bundle_id: str, first: int, limit: int
    ) -> list[bundles.BundleFile]: ...  # by position, from `first`
    def count(self, bundle_id: str) -> tuple[int, int]: ...  # files that are through, and those of them refused
    def over(self, before: datetime, limit: int) -> list[bundles.Bundle]: ...  # sent before, with no job that goes on
    def remove(self, bundle_id: str) -> None: ...  # with what it knows of files; absent is fine


class Conversations(Protocol):
    """What people asked and were answered. Whose it is not, sees nothing of a conversation."""

    def add(self, conversation: conversations.Conversation, most: int) -> None: ...

    """The person's least lately used ones beyond so many go."""

    def get(self, principal: access.Principal, conversation_id: str) -> conversations.Conversation | None: ...
    def page(
        self, principal: access.Principal, after: str | None, limit: int
    ) -> list[conversations.Conversation]: ...  # the lately used first
    def turns(
        self, principal: access.Principal, conversation_id: str, limit: int
    ) -> list[conversations.Turn]: ...  # the latest, oldest first; an answer is None unless all it cites may be read
    def append(
        self, principal: access.Principal, conversation_id: str, turn: conversations.Turn, most: int
    ) -> bool: ...  # False: it or a document that the answer cites is gone; the oldest beyond so many go
    def remove(self, principal: access.Principal, conversation_id: str) -> bool: ...  # whether it was there
    def forget(self, before: datetime) -> int: ...  # those not used since


class FeedbackBook(Protocol):
    """What people think of answers."""

    def put(self, feedback: conversations.Feedback, most: int) -> None: ...  # the person's oldest beyond so many go
    def page(
        self, principal: access.Principal, after: str | None, limit: int
    ) -> list[conversations.Feedback]: ...  # newest first; no comment on what was made from what it may not read
    def forget(self, before: datetime) -> int: ...


class Standing(NamedTuple):
    """What a version is to the catalog."""

    kept: bool  # its document is not deleted
    answers: bool
    busy: bool  # a job of it or of its document goes on

    @property
    def indexed(self) -> bool:
        """Whether chunks and index rows of it may be there."""
        return self.answers or self.busy


class Upkeep(Protocol):
    """What mending and cleaning must know, of all tenants."""

    def collection_ids(self, tenant_id: str | None, after: str, limit: int) -> list[str]: ...  # by id; None: of all
    def standings(self, version_ids: Collection[str]) -> dict[str, Standing]: ...  # an unknown version is absent
    def versions(self, after: str, limit: int) -> list[str]: ...  # those kept, by id
    def answering(self, collection_id: str, after: str, limit: int) -> list[str]: ...  # versions, by id
    def chunked(self, collection_id: str) -> set[str]: ...  # versions with chunks, whatever they are worth
    def undeleted(self, tenant_id: str | None) -> list[str]: ...  # jobs that ended and left a deletion unfinished
    def silent(self, tenant_id: str | None, since: datetime) -> list[str]: ...  # jobs not ended and not heard of since
    def unstarted(
        self, since: datetime, before: datetime, limit: int
    ) -> list[str]: ...  # jobs queued then, oldest first
    def last_heard(self) -> datetime | None: ...  # of any job
    def forget_answers(self, before: datetime) -> int: ...  # by Idempotency-Key
    def forget_history(self, before: datetime) -> int: ...  # events of jobs that ended before
    def expired(self, tenant_id: str | None, at: datetime, limit: int) -> list[Expired]: ...  # longest kept first
    def contents(self) -> Contents: ...  # walks whole tables: not for every moment


class Contents(NamedTuple):
    """How much there is of all tenants. `active` are builds of collections that answer, `other` those that are being made."""

    ready_documents: int
    other_documents: int
    versions: int
    original_bytes: int
    active_generations: int
    other_generations: int
    active_chunks: int
    other_chunks: int


class Expired(NamedTuple):
    """A document whose newest version came in longer ago than its collection keeps documents."""

    tenant_id: str
    document_id: str


class Idempotency(Protocol):
    """Answers by (tenant, user, Idempotency-Key)."""

    def get(self, principal: access.Principal, key: str) -> IdempotentAnswer | None: ...
    def put(self, principal: access.Principal, key: str, answer: IdempotentAnswer, at: datetime) -> None: ...


class IdempotentAnswer(NamedTuple):
    request_sha256: str
    status: int
    body: str  # JSON


class Collections(Protocol):
    def add(self, collection: documents.Collection) -> None: ...  # CollectionExists
    def by_name(self, tenant_id: str, name: str) -> documents.Collection | None: ...
    def by_id(self, collection_id: str) -> documents.Collection | None: ...
    def all(self, tenant_id: str) -> list[documents.Collection]: ...
    def view(self, principal: access.Principal, name: str) -> views.View | None: ...
    def answer_by(self, collection_id: str, answering: answering.Answering) -> None: ...
    def protect_by(self, collection_id: str, pii: privacy.PiiPolicy | None) -> None: ...  # what is shown may change
    def read_by(
        self, collection_id: str, readers: frozenset[str] | None
    ) -> None: ...  # its documents that come in later and name none; None: everyone
    def keep_for(self, collection_id: str, days: int | None) -> None: ...  # its documents; None: until they are deleted


class JobFilter(NamedTuple):
    status: jobs.JobStatus | None = None
    document_id: str | None = None


class Jobs(Protocol):
    """A terminal status is never changed except by `start_again`. Every change appends a JobEvent."""

    def add(self, job: jobs.Job) -> None: ...
    def start_again(
        self, job_id: str, at: datetime, *, forget: bool = False
    ) -> jobs.Job: ...  # queued, run + 1, no steps, no error; `forget`: nor the history of earlier runs
    def get(self, principal: access.Principal, job_id: str) -> jobs.Job | None: ...  # readable as its document is
    def page(self, principal: access.Principal, where: JobFilter, after: str | None, limit: int) -> list[jobs.Job]: ...
    def find(self, job_id: str) -> jobs.Job | None: ...  # for workflows
    def start_step(self, job_id: str, step_id: str, at: datetime) -> None: ...  # attempts + 1; the job is running
    def end_step(self, job_id: str, step_id: str, at: datetime, output: Mapping[str, int | str]) -> None: ...
    def fail_step(
        self, job_id: str, step_id: str, at: datetime, error: jobs.JobError, retry_at: datetime | None
    ) -> None: ...  # retry_at: None when it is given up
    def progress(self, job_id: str, at: datetime, progress: jobs.Progress) -> None: ...  # its eta_s is computed here
    def finish(self, job_id: str, status: jobs.JobStatus, at: datetime, error: jobs.JobError | None = None) -> None: ...
    def events(self, job_id: str, after: int, limit: int) -> list[jobs.JobEvent]: ...
    def unfinished(self) -> dict[jobs.JobStatus, tuple[int, datetime]]: ...  # of all tenants: how many, since when
