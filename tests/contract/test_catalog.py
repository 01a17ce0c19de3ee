"""The promises of Catalog (pipelines/ports.py) about collections and documents, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import EVERYONE, ApiKey, Principal, Role
from pipelines.domain.documents import DocumentStatus
from pipelines.domain.errors import CollectionExists, VersionSuperseded
from pipelines.domain.jobs import JobStatus, OutboxEvent
from pipelines.domain.privacy import EntityRule, PiiAction, PiiPolicy, RedactionReport
from pipelines.ports import DocumentFilter, IdempotentAnswer
from tests.contract.samples import (
    ANNA,
    BEN,
    CHUNKER,
    EVE,
    FOR_ALL,
    PAPERS,
    START,
    at,
    chunks,
    collection,
    document,
    ingest_job,
    ready,
    set_up,
    version,
)

ALL = DocumentFilter()


@pytest.fixture(autouse=True)
def _tenants(catalog: SqlCatalog) -> None:
    set_up(catalog, PAPERS, collection(name="notes"), collection("rival"))


def _visible_to(catalog: SqlCatalog, principal: Principal) -> list[str]:
    with catalog.read() as uow:
        return [each.id for each in uow.documents.page(principal, ALL, None, 100)]


# --- who may read ---


@pytest.mark.parametrize(
    ("readers", "who"),
    [
        (FOR_ALL, [ANNA, BEN]),
        (frozenset({"user:anna"}), [ANNA]),
        (frozenset({"group:finance"}), [ANNA]),
        (frozenset({"group:legal", "user:ben"}), [BEN]),
        (frozenset({"group:ben", "user:finance", "anna"}), []),  # a group is not a user, nor the other way round
        (frozenset(), []),
    ],
)
def test_a_document_is_there_for_its_readers_and_for_nobody_else(
    catalog: SqlCatalog, readers: frozenset[str], who: list[Principal]
) -> None:
    written = document("doc_1", readers=readers)
    with catalog.begin() as uow:
        (chunk,) = ready(uow, written)
    admin = Principal("acme", "root", roles=frozenset({Role.TENANT_ADMIN}))
    with catalog.read() as uow:
        for principal in (ANNA, BEN, EVE, admin):
            may = principal in who or (principal is admin and readers == FOR_ALL)
            assert (uow.documents.get(principal, "doc_1") is not None) == may
            assert (uow.documents.with_content(principal, PAPERS.id, written.latest.sha256) is not None) == may
            assert bool(uow.documents.page(principal, ALL, None, 10)) == may
            assert bool(uow.chunks.visible(principal, PAPERS.id, [chunk.id])) == may
            assert (uow.jobs.get(principal, ingest_job(written.latest).id) is not None) == may


def test_another_tenant_sees_nothing_whatever_it_asks_for(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        (chunk,) = ready(uow, document("doc_1"))
        ready(uow, document("doc_2", seconds=-1))
    with catalog.read() as uow:
        assert uow.documents.page(EVE, DocumentFilter(collection_id=PAPERS.id), None, 10) == []
        assert uow.documents.page(EVE, ALL, "doc_1", 10) == []
        assert uow.chunks.visible(EVE, PAPERS.id, [chunk.id]) == {}
        assert uow.collections.by_name("rival", "notes") is None
        assert [each.tenant_id for each in uow.collections.all("rival")] == ["rival"]


def test_a_document_reads_back_as_it_was_written(catalog: SqlCatalog) -> None:
    written = document("doc_1", readers=frozenset({"user:anna", "group:x"}), title="Über alles, 东京 \N{GRINNING FACE}")
    with catalog.begin() as uow:
        uow.documents.add(written)
        uow.documents.record_facts(
            written.latest.id, pages=3, pii=RedactionReport({"IBAN": 2}, "default-1", "presidio")
        )
        uow.documents.record_facts(written.latest.id, chunks=9)
    with catalog.read() as uow:
        assert uow.documents.get(ANNA, "doc_1") == replace(
            written,
            latest=replace(
                written.latest, pages=3, chunks=9, pii=RedactionReport({"IBAN": 2}, "default-1", "presidio")
            ),
        )


# --- lists ---


def test_pages_are_newest_first_and_hold_each_document_once(catalog: SqlCatalog) -> None:
    moments = [0, 0.000001, 0.5, 0.5, 0.5, 60, -3600]
    with catalog.begin() as uow:
        for number, seconds in enumerate(moments):
            uow.documents.add(document(f"doc_{number}", seconds=seconds))
        uow.documents.add(document("doc_hidden", seconds=0.4, readers=frozenset({"user:ben"})))
    seen: list[str] = []
    with catalog.read() as uow:
        while page := uow.documents.page(ANNA, ALL, seen[-1] if seen else None, 2):
            seen += [each.id for each in page]
    assert seen == ["doc_5", "doc_4", "doc_3", "doc_2", "doc_1", "doc_0", "doc_6"]


def test_a_page_goes_on_after_a_document_that_was_deleted_meanwhile(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        for number in range(3):
            uow.documents.add(document(f"doc_{number}", seconds=number))
        uow.documents.tombstone("doc_1", at(9))
        uow.documents.purge("doc_1")
    with catalog.read() as uow:
        assert [each.id for each in uow.documents.page(ANNA, ALL, "doc_1", 5)] == ["doc_0"]
        assert uow.documents.page(ANNA, ALL, "doc_never", 5) == []


def test_lists_are_filtered_by_collection_and_status(catalog: SqlCatalog) -> None:
    notes = collection(name="notes")
    with catalog.begin() as uow:
        ready(uow, document("doc_ready"))
        uow.documents.add(document("doc_note", where=notes))
    with catalog.read() as uow:
        for where, expected in (
            (DocumentFilter(notes.id), ["doc_note"]),
            (DocumentFilter(status=DocumentStatus.READY), ["doc_ready"]),
            (DocumentFilter(notes.id, DocumentStatus.READY), []),
            (DocumentFilter(named="EPOR"), ["doc_ready", "doc_note"]),  # Report, report.pdf
            (DocumentFilter(named="report.p", status=DocumentStatus.READY), ["doc_ready"]),
            (DocumentFilter(named="_eport"), []),
        ):
            assert [each.id for each in uow.documents.page(ANNA, where, None, 5)] == expected


# --- versions ---


def test_status_follows_the_newest_version(catalog: SqlCatalog) -> None:
    first, second = version("doc_1", "one"), version("doc_1", "two", seconds=5)

    def status() -> DocumentStatus:
        with catalog.read() as uow:
            found = uow.documents.get(ANNA, "doc_1")
            assert found is not None
            return found.status

    with catalog.begin() as uow:
        uow.documents.add(document("doc_1", "one"))
        uow.jobs.add(ingest_job(first))
    assert status() is DocumentStatus.PROCESSING
    with catalog.begin() as uow:
        uow.jobs.finish(ingest_job(first).id, JobStatus.FAILED, at(1))
    assert status() is DocumentStatus.FAILED
    with catalog.begin() as uow:
        uow.jobs.start_again(ingest_job(first).id, at(2))
    assert status() is DocumentStatus.PROCESSING
    with catalog.begin() as uow:
        uow.documents.activate(first.id, at(3))
    assert status() is DocumentStatus.READY
    with catalog.begin() as uow:
        uow.documents.add_version(second)
        uow.jobs.add(ingest_job(second))
    assert status() is DocumentStatus.UPDATING
    with catalog.begin() as uow:
        uow.jobs.finish(ingest_job(second).id, JobStatus.CANCELLED, at(6))
    assert status() is DocumentStatus.FAILED


def test_the_switch_of_versions_says_what_it_replaced_and_can_be_repeated(catalog: SqlCatalog) -> None:
    first, second = version("doc_1", "one"), version("doc_1", "two", seconds=5)

    def activate(version_id: str) -> tuple[str | None, int]:
        with catalog.begin() as uow:
            replaced = uow.documents.activate(version_id, at(9))
            found = uow.collections.by_id(PAPERS.id)
            assert found is not None
            return replaced, found.revision

    with catalog.begin() as uow:
        uow.documents.add(document("doc_1", "one"))
    assert activate(first.id) == (None, 1)
    assert activate(first.id) == (None, 1)
    with catalog.begin() as uow:
        uow.documents.add_version(second)
    with pytest.raises(VersionSuperseded):
        activate(first.id)
    assert activate(second.id) == (first.id, 2)
    assert activate(second.id) == (None, 2)
    with catalog.begin() as uow:
        uow.documents.add_version(first)  # the old bytes again: the old version is the latest again
        assert uow.documents.version_ids("doc_1") == [first.id, second.id]
    assert activate(first.id) == (second.id, 3)
    with pytest.raises(VersionSuperseded):
        activate("ver_never")


def test_only_the_newest_content_counts_as_content(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.documents.add(document("doc_1", "one"))
        uow.documents.add_version(version("doc_1", "two", seconds=5))
    with catalog.read() as uow:
        assert uow.documents.with_content(ANNA, PAPERS.id, version("doc_1", "one").sha256) is None
        found = uow.documents.with_content(ANNA, PAPERS.id, version("doc_1", "two").sha256)
        assert found is not None
        assert found.id == "doc_1"
        assert uow.documents.with_content(ANNA, "col_acme_notes", found.latest.sha256) is None


def test_versions_are_newest_first_and_seen_by_readers_alone(catalog: SqlCatalog) -> None:
    written = document("doc_1", "one", readers=frozenset({ANNA.subject}))
    second = version("doc_1", "two", seconds=5)
    with catalog.begin() as uow:
        uow.documents.add(written)
        uow.documents.add_version(second)
    with catalog.read() as uow:
        assert [each.id for each in uow.documents.versions(ANNA, "doc_1")] == [second.id, written.latest.id]
        assert uow.documents.versions(BEN, "doc_1") == uow.documents.versions(EVE, "doc_1") == []
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_1", at(7))
    with catalog.read() as uow:
        assert uow.documents.versions(ANNA, "doc_1") == []


def test_a_tombstone_hides_a_document_from_people_and_stops_its_workflow(catalog: SqlCatalog) -> None:
    written = document("doc_1")
    with catalog.begin() as uow:
        (chunk,) = ready(uow, written)
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_1", at(7))
        uow.documents.tombstone("doc_1", at(8))
    with catalog.read() as uow:
        assert uow.documents.get(ANNA, "doc_1") is None
        assert uow.documents.with_content(ANNA, PAPERS.id, written.latest.sha256) is None
        assert uow.chunks.visible(ANNA, PAPERS.id, [chunk.id]) == {}
        assert uow.jobs.get(ANNA, ingest_job(written.latest).id) is None
        target = uow.documents.target(written.latest.id)
        assert target is not None
        assert (target.deleted, target.wanted) == (True, False)
        assert uow.documents.version_ids("doc_1") == [written.latest.id]
        assert uow.documents.collection_id("doc_1") == PAPERS.id
        found = uow.collections.by_id(PAPERS.id)
        assert found is not None
        assert found.revision == 2  # the activation and one deletion
    with pytest.raises(VersionSuperseded), catalog.begin() as uow:
        uow.documents.activate(written.latest.id, at(9))


# --- chunks ---


def test_chunks_read_back_as_they_were_written_and_in_order(catalog: SqlCatalog) -> None:
    written = document("doc_1")
    rows = chunks(written.latest, [f"Passage {number}." for number in range(1_203)], headings=("Terms", "§ 4 Ελλάδα"))
    with catalog.begin() as uow:
        uow.documents.add(written)
        uow.chunks.replace(written.latest.id, CHUNKER, rows[::-1])
        uow.chunks.replace(written.latest.id, CHUNKER, rows)  # a step may run twice
    with catalog.read() as uow:
        assert uow.chunks.of_version(written.latest.id, CHUNKER) == rows
        assert uow.chunks.of_version(written.latest.id, CHUNKER, 1_200, 64) == rows[1_200:]
        assert uow.chunks.ids(written.latest.id) == {row.id for row in rows}
        assert uow.chunks.of_version(written.latest.id, "other") == []


def test_fewer_chunks_than_before_leave_no_tail(catalog: SqlCatalog) -> None:
    written = document("doc_1")
    with catalog.begin() as uow:
        uow.documents.add(written)
        uow.chunks.replace(written.latest.id, CHUNKER, chunks(written.latest, ["a", "b", "c"]))
        uow.chunks.replace(written.latest.id, CHUNKER, chunks(written.latest, ["a", "x"]))
        assert [row.text for row in uow.chunks.of_version(written.latest.id, CHUNKER)] == ["a", "x"]
        uow.chunks.delete_version(written.latest.id)
        assert uow.chunks.ids(written.latest.id) == set()


def test_only_passages_of_the_active_version_and_the_active_chunker_are_seen(catalog: SqlCatalog) -> None:
    newer = version("doc_1", "two", seconds=5)
    with catalog.begin() as uow:
        (old,) = ready(uow, document("doc_1", "one"), ["old"])
        (other,) = chunks(version("doc_1", "one"), ["old"], chunker="small-1")
        uow.chunks.replace(old.version_id, "small-1", [other])
        uow.documents.add_version(newer)
        (new,) = chunks(newer, ["new"])
        uow.chunks.replace(newer.id, CHUNKER, [new])
        uow.documents.add(document("doc_2"))
        (waiting,) = chunks(version("doc_2", "doc_2"), ["not active yet"])
        uow.chunks.replace(waiting.version_id, CHUNKER, [waiting])
    proposed = [old.id, other.id, new.id, waiting.id, "chk_never"]
    with catalog.read() as uow:
        (seen,) = uow.chunks.visible(ANNA, PAPERS.id, proposed).values()
        assert (seen.chunk, seen.document_id, seen.title, seen.filename) == (old, "doc_1", "Report", "report.pdf")
        assert uow.chunks.visible(ANNA, "col_acme_notes", proposed) == {}
        assert uow.chunks.visible(ANNA, PAPERS.id, []) == {}
    with catalog.begin() as uow:
        uow.documents.activate(newer.id, at(6))
    with catalog.read() as uow:
        assert set(uow.chunks.visible(ANNA, PAPERS.id, proposed)) == {new.id}


# --- the rest ---


def test_a_name_is_taken_once_in_a_tenant(catalog: SqlCatalog) -> None:
    with pytest.raises(CollectionExists), catalog.begin() as uow:
        uow.collections.add(replace(PAPERS, id="col_other"))
    with catalog.read() as uow:
        assert uow.collections.by_name("acme", "papers") == PAPERS
        assert [each.name for each in uow.collections.all("acme")] == ["notes", "papers"]


def test_a_key_is_found_by_its_digest_alone_and_added_once(catalog: SqlCatalog) -> None:
    key = ApiKey("key_1", "first", "ab" * 32, replace(ANNA, roles=frozenset({Role.EDITOR, Role.READER})), START)
    for _ in range(2):
        with catalog.begin() as uow:
            uow.keys.add_tenant("acme", "Acme", START)
            uow.keys.add(key)
    with catalog.read() as uow:
        assert uow.keys.by_secret_sha256(key.secret_sha256) == key
        assert uow.keys.by_secret_sha256("cd" * 32) is None


def test_answers_by_key_belong_to_one_person(catalog: SqlCatalog) -> None:
    answer = IdempotentAnswer("digest", 202, '{"a": 1}')
    with catalog.begin() as uow:
        uow.idempotency.put(ANNA, "k", answer, START)
    with catalog.read() as uow:
        assert uow.idempotency.get(ANNA, "k") == answer
        assert uow.idempotency.get(BEN, "k") is None
        assert uow.idempotency.get(EVE, "k") is None


def test_events_wait_in_order_until_they_are_sent(catalog: SqlCatalog) -> None:
    events = [OutboxEvent(f"event-{number}", "rag/document.uploaded", {"run": number}) for number in range(3)]
    with catalog.begin() as uow:
        for number, event in enumerate(events):
            uow.outbox.add(event, at(-number))
        uow.outbox.add(events[0], at(0))  # the same event again is one event
    with catalog.read() as uow:
        assert uow.outbox.pending(2) == [events[2], events[1]]
    with catalog.begin() as uow:
        uow.outbox.sent(["event-2", "event-0", "event-never"])
        uow.outbox.sent([])
        assert uow.outbox.pending(9) == [events[1]]


def test_a_collection_keeps_its_policy_and_says_what_its_documents_were_read_under(catalog: SqlCatalog) -> None:
    policy = PiiPolicy("own", {"EMAIL_ADDRESS": EntityRule(PiiAction.HASH, 0.4)}, allow=("*@example.org",))
    with catalog.begin() as uow:
        for number, readers in enumerate([frozenset({EVERYONE}), frozenset({EVERYONE}), frozenset({"user:ben"})]):
            shown = document(f"doc_{number}", readers=readers)
            uow.documents.add(shown)
            uow.documents.record_facts(shown.latest.id, pii=RedactionReport({}, f"own-{number % 2}", "rules"))
            uow.documents.activate(shown.latest.id, at(1))
        uow.collections.protect_by(PAPERS.id, policy)
    with catalog.read() as uow:
        present = uow.collections.by_id(PAPERS.id)
        assert present is not None
        assert present.pii == policy
        assert uow.documents.redacted_by(ANNA, PAPERS.id) == {"own-0": 1, "own-1": 1}
        before = uow.collections.view(ANNA, PAPERS.name)
    with catalog.begin() as uow:
        uow.collections.protect_by(PAPERS.id, None)
    with catalog.read() as uow:
        after = uow.collections.view(ANNA, PAPERS.name)
    assert before is not None
    assert after is not None
    assert after.collection.pii is None
    assert after.seen != before.seen  # so that no answer of before is given again
