"""Collections and their generations."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

from app.adapters.sql.models import CollectionRow, GenerationRow
from pipelines.domain.documents import Collection, Generation
from pipelines.domain.errors import CollectionExists


@dataclass(frozen=True, slots=True)
class SqlCollections:
    session: Session

    def add(self, collection: Collection) -> None:
        if self.by_name(collection.tenant_id, collection.name) is not None:
            raise CollectionExists(f"There is a collection {collection.name!r} already.")
        generation = collection.active_generation
        self.session.add(
            CollectionRow(
                id=collection.id,
                tenant_id=collection.tenant_id,
                name=collection.name,
                active_generation_id=generation.id,
                revision=collection.revision,
                created_at=collection.created_at,
            )
        )
        self.session.flush()
        self.session.add(
            GenerationRow(
                id=generation.id,
                collection_id=collection.id,
                embedding_model=generation.embedding_model,
                dimensions=generation.dimensions,
                chunker=generation.chunker,
            )
        )

    def by_name(self, tenant_id: str, name: str) -> Collection | None:
        return self._first(CollectionRow.tenant_id == tenant_id, CollectionRow.name == name)

    def by_id(self, collection_id: str) -> Collection | None:
        return self._first(CollectionRow.id == collection_id)

    def all(self, tenant_id: str) -> list[Collection]:
        return self._select(CollectionRow.tenant_id == tenant_id)

    def _first(self, *where: bool) -> Collection | None:
        return next(iter(self._select(*where)), None)

    def _select(self, *where: bool) -> list[Collection]:
        query = (
            select(CollectionRow, GenerationRow)
            .join(GenerationRow, col(GenerationRow.id) == col(CollectionRow.active_generation_id))
            .where(*where)
            .order_by(CollectionRow.name)
        )
        return [_collection(row, generation) for row, generation in self.session.exec(query)]


def _collection(row: CollectionRow, generation: GenerationRow) -> Collection:
    return Collection(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        active_generation=Generation(
            generation.id, row.id, generation.embedding_model, generation.dimensions, generation.chunker
        ),
        revision=row.revision,
        created_at=row.created_at,
    )
