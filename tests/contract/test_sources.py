"""The promises of Sources (pipelines/catalog_ports.py), on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import Principal, Role
from pipelines.domain.ids import job_id
from pipelines.domain.jobs import JobError, JobKind, JobStatus, queued
from pipelines.domain.sources import Pass, Shared, Source, SourceFile, file_id
from pipelines.ports import JobFilter
from tests.contract.samples import ANNA, BEN, EVE, PAPERS, at, collection, document, ingest_job, ready, set_up

RIVALS = collection("rival")


@pytest.fixture(autouse=True)
def _tenants(catalog: SqlCatalog) -> None:
    set_up(catalog, PAPERS, collection(name="notes"), RIVALS)


def _source(id_: str = "src_1", **differing: object) -> Source:
    plain = Source(id_, "acme", PAPERS.id, f"/srv/{id_}", None, "anna", 300, at(0), at(0))
    return replace(plain, **differing)


def _file(path: str, document_id: str | None, source: str = "src_1", problem: JobError | None = None) -> SourceFile:
    return SourceFile(file_id(source, path), source, path, 2**40, 1_790_000_000_123_456_789, "ab", document_id, problem)


def test_a_source_reads_back_as_it_was_written_and_belongs_to_its_tenant(catalog: SqlCatalog) -> None:
    one = _source()
    two = _source("src_2", readers=frozenset({"group:finance", "user:ben"}), created_at=at(5), next_at=at(60))
    with catalog.begin() as uow:
        uow.sources.add(two)
        uow.sources.add(one)
    with catalog.read() as uow:
        assert uow.sources.of_collection("acme", PAPERS.id) == [one, two]
        assert uow.sources.of_collection("rival", PAPERS.id) == []
        assert uow.sources.of_collection("acme", "col_acme_notes") == []
        assert uow.sources.get("src_never") is None
        assert uow.sources.due(at(-1), 9) == []
        assert uow.sources.due(at(60), 9) == [one, two]
        assert uow.sources.due(at(60), 1) == [one]
    with catalog.begin() as uow:
        uow.sources.schedule("src_1", at(300))
        uow.sources.trust("src_1", 7)
        uow.sources.end_with_documents("src_2")
    with catalog.begin() as uow:
        assert uow.sources.get("src_2") == replace(two, removing=True)
        assert uow.sources.get("src_1") == replace(one, next_at=at(300), trusted_run=7)
        uow.sources.passed("src_1", at(9), {"files": 3})
        uow.sources.passed("src_never", at(9), {})
    with catalog.read() as uow:
        found = uow.sources.get("src_1")
        assert found == replace(one, next_at=at(300), trusted_run=7, last=Pass(at(9), {"files": 3}))


def test_files_are_known_by_their_path_and_go_with_their_source(catalog: SqlCatalog) -> None:
    taken = _file("ä/b.md", "doc_1")
    refused = _file("z.bin", None, problem=JobError("unsupported_type", "No."))
    other = _file("ä/b.md", "doc_2", source="src_2")
    with catalog.begin() as uow:
        for source in (_source(), _source("src_2")):
            uow.sources.add(source)
        for file in (taken, refused, other, taken):
            uow.sources.put_file(file)
    with catalog.begin() as uow:
        assert {file.id: file for file in uow.sources.files("src_1")} == {taken.id: taken, refused.id: refused}
        assert uow.sources.problems("src_1", 9) == [refused]
        assert uow.sources.problems("src_1", 0) == []
        uow.sources.put_file(replace(taken, sha256="cd", problem=JobError("x", "y")))
        uow.sources.retry_problems("src_1")
        uow.sources.remove_file("file_never")
    with catalog.begin() as uow:
        assert [file.mtime_ns for file in uow.sources.problems("src_1", 9)] == [-1, -1]
        assert uow.sources.file(other.id) == other
        uow.sources.remove_file(refused.id)
        uow.sources.remove("src_1")
        uow.sources.remove("src_1")
    with catalog.read() as uow:
        assert uow.sources.files("src_1") == []
        assert uow.sources.files("src_2") == [other]


def test_a_document_that_could_not_be_prepared_is_a_problem_of_its_file(catalog: SqlCatalog) -> None:
    good, bad = document("doc_1"), document("doc_2", seconds=1)
    with catalog.begin() as uow:
        uow.sources.add(_source())
        ready(uow, good)
        uow.documents.add(bad)
        uow.jobs.add(ingest_job(bad.latest))
        uow.sources.put_file(_file("z-refused.bin", None, problem=JobError("unsupported_type", "No.")))
        for path, document_id in (("good.md", "doc_1"), ("bad.md", "doc_2")):
            uow.sources.put_file(_file(path, document_id))
        assert [file.path for file in uow.sources.problems("src_1", 9)] == ["z-refused.bin"]
        uow.jobs.finish(ingest_job(bad.latest).id, JobStatus.FAILED, at(2), JobError("unreadable_file", "No text."))
    with catalog.begin() as uow:
        found = uow.sources.problems("src_1", 9)
        assert [(file.path, file.problem and file.problem.code) for file in found] == [
            ("bad.md", "unreadable_file"),
            ("z-refused.bin", "unsupported_type"),
        ]
        assert uow.sources.problems("src_1", 1) == found[:1]
        uow.sources.retry_problems("src_1")
    with catalog.read() as uow:
        assert {file.path: file.mtime_ns == -1 for file in uow.sources.files("src_1")} == {
            "good.md": False,
            "bad.md": True,
            "z-refused.bin": True,
        }


def test_of_an_erased_document_the_file_keeps_only_what_tells_whether_it_changed(catalog: SqlCatalog) -> None:
    file = replace(_file("plans/kraken.md", "doc_1", problem=JobError("x", "y")), etag="md5")
    beside = _file("plans/b.md", "doc_2", problem=JobError("x", "y"))
    with catalog.begin() as uow:
        uow.sources.add(_source())
        for name, row in (("doc_1", file), ("doc_2", beside)):
            ready(uow, document(name))
            uow.sources.put_file(row)
    with catalog.begin() as uow:
        assert uow.erasures.named_elsewhere("doc_1", ["kraken", "plans", "src_1", "mail"]) == {"plans", "src_1", "mail"}
        uow.documents.tombstone("doc_1", at(1))
        uow.documents.purge("doc_1")
        assert uow.documents.kept("doc_1") is None
    with catalog.read() as uow:
        assert uow.sources.file(file.id) == replace(file, path="", sha256="", etag="", document_id=None, problem=None)
        assert uow.sources.file(beside.id) == beside


def test_a_document_is_renamed_with_its_newest_version(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        ready(uow, document("doc_1", readers=frozenset({"user:nobody"})))
        before = uow.documents.kept("doc_1")
        uow.documents.rename("doc_1", "new.pdf", "New", {"path": "new.pdf"}, at(9))
    with catalog.read() as uow:
        after, where = uow.documents.kept("doc_1"), uow.collections.by_id(PAPERS.id)
        assert before is not None
        assert after is not None
        assert where is not None
        assert (after.title, after.latest.filename, after.metadata) == ("New", "new.pdf", {"path": "new.pdf"})
        assert after.active_version_id == before.active_version_id
        assert where.revision == 2  # the activation, and the new name
        assert uow.documents.kept("doc_never") is None


def test_a_sources_job_is_seen_by_who_added_it_and_by_admins_and_forgets_earlier_passes(catalog: SqlCatalog) -> None:
    job = queued(JobKind.SYNC, "acme", "src_1", at(0), collection_id=PAPERS.id, source_id="src_1", user_id="anna")
    admin = Principal("acme", "root", roles=frozenset({Role.TENANT_ADMIN}))
    foreign = Principal("rival", "anna", roles=frozenset({Role.TENANT_ADMIN}))
    with catalog.begin() as uow:
        uow.jobs.add(job)
    with catalog.read() as uow:
        for principal, sees in ((ANNA, True), (admin, True), (BEN, False), (EVE, False), (foreign, False)):
            assert (uow.jobs.get(principal, job.id) == job) == sees
            assert bool(uow.jobs.page(principal, JobFilter(), None, 9)) == sees
    for run in range(2, 5):
        with catalog.begin() as uow:
            uow.jobs.start_step(job.id, "list-files", at(run))
            uow.jobs.finish(job.id, JobStatus.SUCCEEDED, at(run))
            assert uow.jobs.start_again(job_id(JobKind.SYNC, "src_1"), at(run), forget=True).run == run
    with catalog.read() as uow:
        assert [(event.sequence, event.name) for event in uow.jobs.events(job.id, 0, 99)] == [(10, "job.queued")]


def test_a_name_that_another_dying_document_still_has_does_not_tell_this_one(catalog: SqlCatalog) -> None:
    """A folder is erased document by document; the last of them is searched for what they shared."""
    with catalog.begin() as uow:
        for name in ("doc_1", "doc_2"):
            ready(uow, document(name, title="Kraken"))
            uow.documents.tombstone(name, at(1))
        assert uow.erasures.named_elsewhere("doc_1", ["kraken", "squid"]) == {"kraken"}
        uow.documents.purge("doc_2")
        assert uow.erasures.named_elsewhere("doc_1", ["kraken", "squid"]) == set()


def test_who_reads_the_documents_of_a_source(catalog: SqlCatalog) -> None:
    nobodys = document("doc_2", readers=frozenset(), seconds=1)
    with catalog.begin() as uow:
        uow.sources.add(_source())
        uow.sources.add(_source("src_2"))
        ready(uow, document("doc_1", readers=frozenset({"user:anna", "group:a"})))
        uow.documents.add(nobodys)
        ready(uow, document("doc_3", seconds=2))
        for path, document_id in (("a", "doc_1"), ("b", "doc_2"), ("c", "doc_3"), ("d", "doc_claimed"), ("e", None)):
            uow.sources.put_file(_file(path, document_id))
        uow.sources.put_file(_file("a", "doc_1", source="src_2"))
        uow.documents.tombstone("doc_3", at(3))
    with catalog.read() as uow:
        assert uow.sources.shared("src_1") == {
            file_id("src_1", "a"): Shared("doc_1", frozenset({"user:anna", "group:a"}), current=True),
            file_id("src_1", "b"): Shared("doc_2", frozenset(), current=False),
        }


def test_a_source_remembers_until_everything_is_to_be_looked_at_again(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.sources.add(_source())
        assert uow.sources.memory("src_1") == ""
        uow.sources.passed("src_1", at(1), {}, "since tuesday")
        uow.sources.passed("src_1", at(2), {})
    with catalog.begin() as uow:
        assert uow.sources.memory("src_1") == "since tuesday"
        uow.sources.retry_problems("src_1")
    with catalog.read() as uow:
        assert (uow.sources.memory("src_1"), uow.sources.memory("src_never")) == ("", "")
