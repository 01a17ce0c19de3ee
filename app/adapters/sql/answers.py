"""Answers that were given, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select

from app.adapters.sql.documents import ERASED, readable, was_readable
from app.adapters.sql.models import AnswerDocumentRow, AnswerRow, DocumentRow
from pipelines.domain.access import Principal
from pipelines.domain.manifests import AnswerRecord, Manifest, SourceStanding

_HOLDS = select(col(AnswerRow.id)).where(  # built once: it is asked with every answer that is given again
    col(AnswerRow.id) == bindparam("id"),
    col(AnswerRow.tenant_id) == bindparam("tenant"),
    col(AnswerRow.user_id) == bindparam("user"),
)


@dataclass(frozen=True, slots=True)
class SqlAnswers:
    """Answers of pipelines/ports.py."""

    session: Session

    def add(self, record: AnswerRecord) -> None:
        documents = {source.document_id for source in record.manifest.sources} | record.leans_on
        alive = set(self._alive(documents))
        text = alive == documents  # one was deleted meanwhile: what was said of it is not kept
        self.session.add(
            AnswerRow(
                id=record.id,
                tenant_id=record.tenant_id,
                user_id=record.user_id,
                collection=record.collection,
                created_at=record.created_at,
                question=record.question if text else None,
                said=dict(record.said) if text and record.said is not None else None,
                manifest=_without(_manifest().dump_python(record.manifest, mode="json"), documents - alive),
            )
        )
        self.session.flush()
        self.session.add_all([AnswerDocumentRow(answer_id=record.id, document_id=each) for each in documents])

    def holds(self, principal: Principal, answer_id: str) -> bool:
        asked = {"id": answer_id, "tenant": principal.tenant_id, "user": principal.user_id}
        return self.session.connection().execute(_HOLDS, asked).first() is not None

    def get(self, principal: Principal, answer_id: str) -> AnswerRecord | None:
        row = self.session.get(AnswerRow, answer_id)
        if row is None or (row.tenant_id, row.user_id) != (principal.tenant_id, principal.user_id):
            return None
        return AnswerRecord(
            id=row.id,
            tenant_id=row.tenant_id,
            user_id=row.user_id,
            collection=row.collection,
            created_at=row.created_at,
            question=row.question,
            said=row.said,
            manifest=_manifest().validate_python(row.manifest),
        )

    def standings(self, principal: Principal, answer_id: str) -> dict[str, SourceStanding | None]:
        made_from = set(
            self.session.exec(select(AnswerDocumentRow.document_id).where(AnswerDocumentRow.answer_id == answer_id))
        )
        seen = set(
            self.session.exec(select(DocumentRow.id).where(col(DocumentRow.id).in_(made_from), readable(principal)))
        )
        could = set(
            self.session.exec(select(DocumentRow.id).where(col(DocumentRow.id).in_(made_from), was_readable(principal)))
        )
        # Who could not read it when it was deleted is told what it was told before: that it is not theirs to read.
        found = {
            id_: None if id_ in could else SourceStanding(readable=False, active_version_id=None) for id_ in made_from
        }
        alive = select(DocumentRow.id, DocumentRow.active_version_id).where(
            col(DocumentRow.id).in_(made_from), col(DocumentRow.deleted_at).is_(None)
        )
        return found | {id_: SourceStanding(id_ in seen, active) for id_, active in self.session.exec(alive)}

    def erase(self, document_id: str) -> None:
        """What was said from a document, and what would tell of its content."""
        query = select(AnswerRow).join(AnswerDocumentRow, col(AnswerDocumentRow.answer_id) == AnswerRow.id)
        for row in self.session.exec(query.where(AnswerDocumentRow.document_id == document_id)):
            row.question, row.said = None, None
            row.manifest = _without(row.manifest, {document_id})
            self.session.info[ERASED] = True

    def forget(self, before: datetime) -> int:
        old = select(AnswerRow.id).where(col(AnswerRow.created_at) < before)
        self.session.exec(delete(AnswerDocumentRow).where(col(AnswerDocumentRow.answer_id).in_(old)))
        return self.session.exec(delete(AnswerRow).where(col(AnswerRow.created_at) < before)).rowcount

    def _alive(self, document_ids: set[str]) -> list[str]:
        query = select(DocumentRow.id).where(
            col(DocumentRow.id).in_(document_ids), col(DocumentRow.deleted_at).is_(None)
        )
        return list(self.session.exec(query))


@cache
def _manifest() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def without_sources(stored: Mapping[str, Any]) -> dict[str, Any]:
    return _without(stored, {source[1] for source in stored["sources"]})


def _without(stored: Mapping[str, Any], document_ids: set[str]) -> dict[str, Any]:
    """Ids and hashes of chunks follow from the text, so they could tell whether some text was there."""
    kept = [source for source in stored["sources"] if source[1] not in document_ids]
    telling = {"prompt_sha256": "", "filters": {}}  # and so does what a filter asks for
    return {**stored, "sources": kept, **(telling if len(kept) < len(stored["sources"]) else {})}
