"""Collections and their generations."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter
from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from app.adapters.sql.models import CollectionRow, GenerationRow, ViewRow
from pipelines.domain.access import Principal
from pipelines.domain.answering import Answering
from pipelines.domain.documents import Collection, Generation
from pipelines.domain.errors import CollectionExists
from pipelines.domain.privacy import PiiPolicy
from pipelines.domain.views import View


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
                retention_days=collection.retention_days,
                answering=_answering().dump_python(collection.answering, mode="json"),
                readers=None if collection.readers is None else sorted(collection.readers),
                pii=None if collection.pii is None else _policies().dump_python(collection.pii, mode="json"),
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
        found = self.session.exec(_BY_NAME, params={"tenant": tenant_id, "name": name}).first()
        return _collection(*found) if found else None

    def by_id(self, collection_id: str) -> Collection | None:
        return self._first(CollectionRow.id == collection_id)

    def all(self, tenant_id: str) -> list[Collection]:
        return self._select(CollectionRow.tenant_id == tenant_id)

    def view(self, principal: Principal, name: str) -> View | None:
        collection = self.by_name(principal.tenant_id, name)
        if collection is None:
            return None
        asked = {"collection": collection.id, "subjects": list(principal.subjects)}
        revisions = {subject: revision for subject, revision in self.session.connection().execute(_REVISIONS, asked)}  # noqa: C416 - a row is no pair to mypy
        seen = hashlib.sha256(json.dumps(list(revisions.items())).encode()).hexdigest()
        return View(collection, seen, sum(revisions.values()))

    def keep_for(self, collection_id: str, days: int | None) -> None:
        self.session.get_one(CollectionRow, collection_id).retention_days = days

    def read_by(self, collection_id: str, readers: frozenset[str] | None) -> None:
        self.session.get_one(CollectionRow, collection_id).readers = None if readers is None else sorted(readers)

    def answer_by(self, collection_id: str, answering: Answering) -> None:
        stored = _answering().dump_python(answering, mode="json")
        self.session.get_one(CollectionRow, collection_id).answering = stored

    def protect_by(self, collection_id: str, pii: PiiPolicy | None) -> None:
        stored = None if pii is None else _policies().dump_python(pii, mode="json")
        self.session.get_one(CollectionRow, collection_id).pii = stored
        self.session.flush()
        for table, its in ((CollectionRow, col(CollectionRow.id)), (ViewRow, col(ViewRow.collection_id))):
            self.session.exec(update(table).where(its == collection_id).values(revision=table.revision + 1))

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


_BY_NAME = (  # built once, as is the next: each question begins with them
    select(CollectionRow, GenerationRow)
    .join(GenerationRow, col(GenerationRow.id) == col(CollectionRow.active_generation_id))
    .where(col(CollectionRow.tenant_id) == bindparam("tenant"), col(CollectionRow.name) == bindparam("name"))
)
_REVISIONS = (
    select(col(ViewRow.subject), col(ViewRow.revision))
    .where(
        col(ViewRow.collection_id) == bindparam("collection"),
        col(ViewRow.subject).in_(bindparam("subjects", expanding=True)),
    )
    .order_by(col(ViewRow.subject))
)


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
        retention_days=row.retention_days,
        answering=_answering().validate_python(row.answering or {}),
        readers=None if row.readers is None else frozenset(row.readers),
        pii=None if row.pii is None else _policies().validate_python(row.pii),
    )


@cache
def _policies() -> TypeAdapter[PiiPolicy]:
    return TypeAdapter(PiiPolicy)


@cache
def _answering() -> TypeAdapter[Answering]:
    return TypeAdapter(Answering)
