"""Answers are kept for one person, and lose their text with any of their documents (on SQLite and on PostgreSQL)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.adapters.sql import SqlCatalog
from pipelines.domain.filters import EVERYTHING, Filters
from pipelines.domain.manifests import AnswerRecord, Drift, DriftCause, Manifest, Source, SourceStanding
from pipelines.query.replay import lost
from tests.contract.samples import ANNA, BEN, EVE, PAPERS, START, at, document, ready, set_up

SOURCES = tuple(Source(f"chk_{id_}", id_, f"ver_{id_}", f"sha-of-{id_}", given=True) for id_ in ("doc_a", "doc_b"))
FILTERS = Filters(tags=frozenset({"hums"}), date_from=date(2026, 1, 2))
MANIFEST = Manifest(
    PAPERS.id, "gen", 1, "minilm", "topics", 8, SOURCES, "gemma", "d", "answer", "p", (), {"floor": "0.4"}
)
RECORD = AnswerRecord("ans_1", "acme", "ben", "papers", START, "Who hums?", {"text": "The quokka hums. [1]"}, MANIFEST)


@pytest.fixture(autouse=True)
def _documents(catalog: SqlCatalog) -> None:
    set_up(catalog)
    with catalog.begin() as uow:
        ready(uow, document("doc_a"))
        ready(uow, document("doc_b", readers=frozenset({"user:ben"})))


def _add(catalog: SqlCatalog, record: AnswerRecord = RECORD) -> None:
    with catalog.begin() as uow:
        uow.answers.add(record)


def _get(catalog: SqlCatalog) -> AnswerRecord:
    with catalog.read() as uow:
        found = uow.answers.get(BEN, "ans_1")
    assert found is not None
    return found


def test_it_is_kept_for_who_asked_and_for_nobody_else(catalog: SqlCatalog) -> None:
    _add(catalog)
    assert _get(catalog) == RECORD
    with catalog.read() as uow:
        assert uow.answers.get(ANNA, "ans_1") is uow.answers.get(EVE, "ans_1") is None


def test_erasing_a_document_takes_the_text_of_its_answers(catalog: SqlCatalog) -> None:
    _add(catalog)
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_a", at(5))
        uow.answers.erase("doc_a")
    found = _get(catalog)
    assert found.question is found.said is None
    assert found.manifest == replace(MANIFEST, sources=SOURCES[1:], prompt_sha256="", filters=EVERYTHING)
    with catalog.read() as uow:
        standings = uow.answers.standings(BEN, "ans_1")
    assert standings["doc_a"] is None
    assert isinstance(standings["doc_b"], SourceStanding)


def test_an_answer_that_comes_after_the_deletion_is_kept_without_text(catalog: SqlCatalog) -> None:
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_b", at(5))
    _add(catalog)
    found = _get(catalog)
    assert found.question is found.said is None
    assert "sha-of-doc_b" not in str(found.manifest)


def test_a_question_that_took_words_from_a_document_goes_with_it(catalog: SqlCatalog) -> None:
    """It followed an answer from that document, and was made to stand alone with it."""
    leaning = replace(RECORD, manifest=replace(MANIFEST, sources=SOURCES[:1]), leans_on=frozenset({"doc_b"}))
    _add(catalog, leaning)
    with catalog.begin() as uow:
        assert uow.erasures.named_elsewhere("doc_b", ["hums"]) == set()
        uow.documents.tombstone("doc_b", at(5))
        uow.answers.erase("doc_b")
    assert _get(catalog).question is None
    _add(catalog, replace(leaning, id="ans_2"))
    with catalog.read() as uow:
        late = uow.answers.get(BEN, "ans_2")
    assert late is not None
    assert late.question is None


def test_documents_that_are_not_readable_any_more_are_known(catalog: SqlCatalog) -> None:
    _add(catalog)
    with catalog.begin() as uow:
        uow.documents.share("doc_b", frozenset({"user:anna"}), at(5))
    with catalog.read() as uow:
        standings = uow.answers.standings(BEN, "ans_1")
    assert {id_: standing and standing.readable for id_, standing in standings.items()} == {
        "doc_a": True,
        "doc_b": False,
    }


def test_old_ones_are_forgotten(catalog: SqlCatalog) -> None:
    _add(catalog)
    with catalog.begin() as uow:
        assert uow.answers.forget(START) == 0
        assert uow.answers.forget(START + timedelta(seconds=1)) == 1
    with catalog.read() as uow:
        assert uow.answers.get(BEN, "ans_1") is None


def test_words_of_an_answer_from_elsewhere_are_no_proof_of_remains(catalog: SqlCatalog) -> None:
    _add(catalog, replace(RECORD, manifest=replace(MANIFEST, sources=SOURCES[1:])))
    with catalog.read() as uow:
        assert uow.erasures.named_elsewhere("doc_a", ["quokka", "zebra"]) == {"quokka"}
        assert uow.erasures.named_elsewhere("doc_b", ["quokka", "zebra"]) == set()


def test_whether_a_document_was_closed_or_deleted_is_not_told_to_who_may_not_read_it(catalog: SqlCatalog) -> None:
    _add(catalog)

    def told() -> list[Drift]:
        with catalog.read() as uow:
            return list(lost(RECORD.manifest, uow.answers.standings(BEN, "ans_1")))

    with catalog.begin() as uow:
        uow.documents.share("doc_a", frozenset({"user:anna"}), at(4))
    closed = told()
    assert Drift(DriftCause.ACCESS_CHANGED, "doc_a") in closed
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_a", at(5))
    assert told() == closed
    with catalog.begin() as uow:
        uow.answers.erase("doc_a")
        uow.documents.purge("doc_a")
    assert told() == closed
    with catalog.begin() as uow:
        uow.documents.tombstone("doc_b", at(6))  # which ben could read
    assert Drift(DriftCause.DOCUMENT_DELETED, "doc_b") in told()
