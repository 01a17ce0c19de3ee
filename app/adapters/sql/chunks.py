"""Chunks, and the guard on every passage."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session, col, delete, select

from app.adapters.sql.documents import readable
from app.adapters.sql.models import ChunkRow, CollectionRow, DocumentRow, GenerationRow, VersionRow
from pipelines.domain.access import Principal
from pipelines.domain.answers import CatalogedChunk
from pipelines.domain.chunks import Chunk, Region
from pipelines.domain.documents import Box

T = TypeVar("T")
_BATCH = 500  # rows of one statement: databases limit its parameters


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
        self, principal: Principal, collection_id: str, chunk_ids: Collection[str]
    ) -> dict[str, CatalogedChunk]:
        found = {}
        for ids in _batches(list(chunk_ids)):
            query = (
                select(ChunkRow, DocumentRow.id, DocumentRow.title, VersionRow.filename)
                .join(VersionRow, col(VersionRow.id) == ChunkRow.version_id)
                .join(DocumentRow, col(DocumentRow.active_version_id) == VersionRow.id)
                .join(CollectionRow, col(CollectionRow.id) == DocumentRow.collection_id)
                .join(GenerationRow, col(GenerationRow.id) == CollectionRow.active_generation_id)
                .where(
                    col(ChunkRow.id).in_(ids),
                    col(ChunkRow.chunker) == GenerationRow.chunker,
                    col(DocumentRow.collection_id) == collection_id,
                    readable(principal),
                )
            )
            for row, document_id, title, filename in self.session.exec(query):
                found[row.id] = CatalogedChunk(_chunk(row), document_id, title, filename)
        return found

    def delete_version(self, version_id: str) -> None:
        self.session.exec(delete(ChunkRow).where(col(ChunkRow.version_id) == version_id))


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
