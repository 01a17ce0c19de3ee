"""Builds of collections under an embedding model and a chunker, and which versions each of them holds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, and_, col, delete, func, select, update

from app.adapters.sql.models import CollectionRow, DocumentRow, GenerationRow, GenerationVersionRow
from pipelines.domain.documents import Generation


@dataclass(frozen=True, slots=True)
class SqlGenerations:
    session: Session

    def add(self, generation: Generation) -> None:
        self.session.merge(
            GenerationRow(
                id=generation.id,
                collection_id=generation.collection_id,
                embedding_model=generation.embedding_model,
                dimensions=generation.dimensions,
                chunker=generation.chunker,
            )
        )
        self.session.flush()

    def of_collection(self, collection_id: str) -> list[Generation]:
        rows = self.session.exec(select(GenerationRow).where(GenerationRow.collection_id == collection_id))
        return [Generation(row.id, row.collection_id, row.embedding_model, row.dimensions, row.chunker) for row in rows]

    def drop(self, generation_id: str) -> None:
        self.session.exec(delete(GenerationVersionRow).where(col(GenerationVersionRow.generation_id) == generation_id))
        self.session.exec(delete(GenerationRow).where(col(GenerationRow.id) == generation_id))

    def begin(self, generation_id: str, version_id: str) -> None:
        if self.session.get(GenerationVersionRow, (generation_id, version_id)) is None:
            self.session.add(GenerationVersionRow(generation_id=generation_id, version_id=version_id))

    def complete(self, generation_id: str, version_id: str, chunks: int) -> None:
        self.session.merge(GenerationVersionRow(generation_id=generation_id, version_id=version_id, chunks=chunks))

    def is_complete(self, generation_id: str, version_id: str) -> bool:
        return self.chunks(generation_id, version_id) is not None

    def chunks(self, generation_id: str, version_id: str) -> int | None:
        row = self.session.get(GenerationVersionRow, (generation_id, version_id))
        return row.chunks if row else None

    def forget(self, generation_id: str, version_id: str) -> None:
        self.session.exec(
            delete(GenerationVersionRow).where(
                col(GenerationVersionRow.generation_id) == generation_id,
                col(GenerationVersionRow.version_id) == version_id,
            )
        )

    def held(self, generation_id: str) -> int:
        complete = select(func.count()).where(
            GenerationVersionRow.generation_id == generation_id, col(GenerationVersionRow.chunks).is_not(None)
        )
        return self.session.exec(complete).one()

    def missing(self, generation_id: str) -> list[str]:
        held = and_(
            col(GenerationVersionRow.version_id) == DocumentRow.active_version_id,
            col(GenerationVersionRow.generation_id) == generation_id,
            col(GenerationVersionRow.chunks).is_not(None),
        )
        query = (
            select(DocumentRow.active_version_id)
            .join(GenerationRow, col(GenerationRow.collection_id) == DocumentRow.collection_id)
            .outerjoin(GenerationVersionRow, held)
            .where(
                GenerationRow.id == generation_id,
                col(DocumentRow.active_version_id).is_not(None),
                col(DocumentRow.deleted_at).is_(None),
                col(GenerationVersionRow.version_id).is_(None),
            )
            .order_by(col(DocumentRow.created_at), col(DocumentRow.id))
        )
        return [version_id for version_id in self.session.exec(query) if version_id]

    def stale(self, generation_id: str) -> list[str]:
        answering = and_(
            col(DocumentRow.active_version_id) == GenerationVersionRow.version_id, col(DocumentRow.deleted_at).is_(None)
        )
        query = (
            select(GenerationVersionRow.version_id)
            .outerjoin(DocumentRow, answering)
            .where(GenerationVersionRow.generation_id == generation_id, col(DocumentRow.id).is_(None))
        )
        return list(self.session.exec(query))

    def flip(self, generation_id: str) -> bool:
        if self.missing(generation_id):
            return False
        self.take_over(generation_id)
        return True

    def take_over(self, generation_id: str) -> None:
        generation = self.session.get_one(GenerationRow, generation_id)
        self.session.exec(
            update(CollectionRow)
            .where(
                col(CollectionRow.id) == generation.collection_id,
                col(CollectionRow.active_generation_id) != generation_id,
            )
            .values(active_generation_id=generation_id, revision=CollectionRow.revision + 1)
        )
