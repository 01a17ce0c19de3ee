"""Chunks, and the guard on every passage."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, bindparam, func
from sqlmodel import Session, col, delete, select

from app.adapters.sql.documents import matching, readable
from app.adapters.sql.models import ChunkRow, CollectionRow, DocumentRow, GenerationRow, ReaderRow, VersionRow
from pipelines.domain.access import Principal
from pipelines.domain.answers import CatalogedChunk, Place
from pipelines.domain.chunks import Chunk, Region
from pipelines.domain.documents import Box, Generation
from pipelines.domain.filters import EVERYTHING, Filters

T = TypeVar("T")
_BATCH = 500  # rows of one statement: databases limit its parameters


# Not the columns themselves: SQLite would begin at their indexes, and look at every chunk of the collection or tenant.
_OF_COLLECTION: ColumnElement[str] = func.coalesce(col(DocumentRow.collection_id), "")
_OF_TENANT: ColumnElement[str] = func.coalesce(col(DocumentRow.tenant_id), "")


@dataclass(frozen=True, slots=True)
class SqlChunks:
    session: Session

    def replace(self, version_id: str, chunker: str, rows: Sequence[Chunk]) -> None:
        self.session.exec(
            delete(ChunkRow).where(col(ChunkRow.version_id) == version_id, col(ChunkRow.chunker) == chunker)
        )
        for batch in _batches(rows):
            self.session.add_all([_row(chunk) for chunk in batch])
            self.session.flush()
            self.session.expunge_all()

    def of_version(self, version_id: str, chunker: str, first: int = 0, limit: int | None = None) -> list[Chunk]:
        query = (
            select(ChunkRow)
            .where(ChunkRow.version_id == version_id, ChunkRow.chunker == chunker)
            .order_by(col(ChunkRow.ordinal))
            .offset(first)
            .limit(limit)
        )
        return [_chunk(row) for row in self.session.exec(query)]

    def ids(self, version_id: str, chunker: str | None = None) -> set[str]:
        query = select(ChunkRow.id).where(ChunkRow.version_id == version_id)
        return set(self.session.exec(query if chunker is None else query.where(ChunkRow.chunker == chunker)))

    def texts(self, document_id: str, limit: int) -> dict[str, str]:
        query = (
            select(ChunkRow.id, ChunkRow.text)
            .join(VersionRow, col(VersionRow.id) == ChunkRow.version_id)
            .where(VersionRow.document_id == document_id)
            .limit(limit)
        )
        return dict(self.session.exec(query).all())

    def outdated(self, collection_id: str, limit: int) -> list[str]:
        used = select(GenerationRow.chunker).where(GenerationRow.collection_id == collection_id)
        query = (
            select(ChunkRow.id)
            .join(VersionRow, col(VersionRow.id) == ChunkRow.version_id)
            .join(DocumentRow, col(DocumentRow.id) == VersionRow.document_id)
            .where(DocumentRow.collection_id == collection_id, col(ChunkRow.chunker).not_in(used))
            .limit(limit)
        )
        return list(self.session.exec(query))

    def delete(self, chunk_ids: Collection[str]) -> None:
        for ids in _batches(list(chunk_ids)):
            self.session.exec(delete(ChunkRow).where(col(ChunkRow.id).in_(ids)))

    def visible(
        self, principal: Principal, collection_id: str, chunk_ids: Collection[str], where: Filters = EVERYTHING
    ) -> dict[str, CatalogedChunk]:
        active = GenerationRow.id == CollectionRow.active_generation_id
        here = _OF_COLLECTION.in_([collection_id])
        return self._cataloged(chunk_ids, active, here, readable(principal, _OF_TENANT), *matching(where))

    def places(
        self, principal: Principal, collection_id: str, chunk_ids: Collection[str], where: Filters = EVERYTHING
    ) -> dict[str, Place]:
        found: dict[str, Place] = {}
        who = {"tenant": principal.tenant_id, "subjects": list(principal.subjects), "collection": collection_id}
        query = _PLACES.where(*matching(where))
        for ids in _batches(list(chunk_ids)):
            rows = self.session.connection().execute(query, {**who, "ids": list(ids)})
            found |= {id_: Place(version_id, ordinal, page) for id_, version_id, ordinal, page in rows}
        return found

    def seen(self, principal: Principal, collection_id: str, chunk_ids: Collection[str]) -> set[str]:
        found: set[str] = set()
        who = {"tenant": principal.tenant_id, "subjects": list(principal.subjects), "collection": collection_id}
        for ids in _batches(list(chunk_ids)):
            found.update(self.session.connection().execute(_SEEN, {**who, "ids": list(ids)}).scalars())
        return found

    def answering(self, generation: Generation, chunk_ids: Collection[str]) -> dict[str, CatalogedChunk]:
        return self._cataloged(chunk_ids, GenerationRow.id == generation.id, col(DocumentRow.deleted_at).is_(None))

    def _cataloged(self, chunk_ids: Collection[str], of: Any, *where: ColumnElement[bool]) -> dict[str, CatalogedChunk]:
        """Those of active versions, under the chunker of the generation that `of` says."""
        found = {}
        for ids in _batches(list(chunk_ids)):
            query = (
                select(ChunkRow, DocumentRow.id, DocumentRow.title, VersionRow.filename)
                .join(VersionRow, col(VersionRow.id) == ChunkRow.version_id)
                .join(DocumentRow, col(DocumentRow.active_version_id) == VersionRow.id)
                .join(CollectionRow, col(CollectionRow.id) == DocumentRow.collection_id)
                .join(GenerationRow, and_(col(GenerationRow.collection_id) == CollectionRow.id, of))
                .where(col(ChunkRow.id).in_(ids), col(ChunkRow.chunker) == GenerationRow.chunker, *where)
            )
            for row, document_id, title, filename in self.session.exec(query):
                found[row.id] = CatalogedChunk(_chunk(row), document_id, title, filename)
        return found

    def some(self, generation: Generation, limit: int) -> list[Chunk]:
        query = (
            select(ChunkRow)
            .join(DocumentRow, col(DocumentRow.active_version_id) == ChunkRow.version_id)
            .where(
                DocumentRow.collection_id == generation.collection_id,
                col(DocumentRow.deleted_at).is_(None),
                ChunkRow.chunker == generation.chunker,
            )
            .order_by(col(ChunkRow.id))  # a digest: as good as drawn, and the same each time
            .limit(limit)
        )
        return [_chunk(row) for row in self.session.exec(query)]

    def delete_version(self, version_id: str) -> None:
        self.session.exec(delete(ChunkRow).where(col(ChunkRow.version_id) == version_id))


_SEEN = (  # built once: it is asked with every answer that is given again
    select(col(ChunkRow.id))
    .join(DocumentRow, col(DocumentRow.active_version_id) == ChunkRow.version_id)
    .join(CollectionRow, col(CollectionRow.id) == DocumentRow.collection_id)
    .join(GenerationRow, col(GenerationRow.id) == CollectionRow.active_generation_id)
    .where(
        col(ChunkRow.id).in_(bindparam("ids", expanding=True)),
        col(ChunkRow.chunker) == GenerationRow.chunker,
        _OF_COLLECTION.in_([bindparam("collection")]),
        _OF_TENANT.in_([bindparam("tenant")]),
        col(DocumentRow.deleted_at).is_(None),
        select(ReaderRow.document_id)
        .where(
            ReaderRow.document_id == DocumentRow.id,
            col(ReaderRow.subject).in_(bindparam("subjects", expanding=True)),
        )
        .exists(),
    )
)


_PLACES = _SEEN.add_columns(col(ChunkRow.version_id), col(ChunkRow.ordinal), col(ChunkRow.regions)[(0, 2)].as_integer())


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH))


def _row(chunk: Chunk) -> ChunkRow:
    return ChunkRow(
        id=chunk.id,
        version_id=chunk.version_id,
        chunker=chunk.chunker,
        ordinal=chunk.ordinal,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        heading_path=list(chunk.heading_path),
        regions=[[region.start, region.end, region.page, *region.box] for region in chunk.regions],
        token_count=chunk.token_count,
    )


def _chunk(row: ChunkRow) -> Chunk:
    return Chunk(
        id=row.id,
        version_id=row.version_id,
        chunker=row.chunker,
        ordinal=row.ordinal,
        text=row.text,
        start=row.start,
        end=row.end,
        heading_path=tuple(row.heading_path),
        regions=tuple(Region(int(start), int(end), int(page), Box(*box)) for start, end, page, *box in row.regions),
        token_count=row.token_count,
    )
