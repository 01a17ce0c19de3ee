"""Collections: what is searched together, and under which embedding model and chunker."""

from __future__ import annotations

import re
from collections.abc import Callable

from pipelines.domain.access import Principal
from pipelines.domain.answering import Answering
from pipelines.domain.documents import Collection, Generation
from pipelines.domain.errors import CollectionExists, CollectionNotFound, InvalidRequest
from pipelines.domain.ids import derived_id, new_id
from pipelines.ingest.chunk import CHUNKERS
from pipelines.ports import Catalog, Clock, Embedders

DEFAULT_COLLECTION = "default"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


class Collections:
    """Sync: call it from a thread."""

    def __init__(self, catalog: Catalog, embedders: Embedders, chunker: str, clock: Clock) -> None:
        self._catalog = catalog
        self._embedders = embedders
        self._chunker = chunker
        self._clock = clock

    def create(
        self, principal: Principal, name: str, chunker: str | None = None, readers: frozenset[str] | None = None
    ) -> Collection:
        """`readers` of its documents that name none; None: everyone. Raises CollectionExists, InvalidRequest."""
        chunker = checked(chunker or self._chunker)
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "A collection's name has 1 to 64 of a-z, 0-9, - and _, and a letter or digit at both ends."
            )
        collection_id, embedder = new_id("col"), self._embedders.default
        generation = Generation(
            id=derived_id("gen", collection_id, embedder.model, chunker),
            collection_id=collection_id,
            embedding_model=embedder.model,
            dimensions=embedder.dimensions,
            chunker=chunker,
        )
        collection = Collection(collection_id, principal.tenant_id, name, generation, 0, self._clock(), readers=readers)
        with self._catalog.begin(principal) as uow:
            uow.collections.add(collection)
        return collection

    def all(self, principal: Principal) -> list[Collection]:
        with self._catalog.read(principal) as uow:
            return uow.collections.all(principal.tenant_id)

    def answer_by(self, principal: Principal, name: str, change: Callable[[Answering], Answering]) -> Collection:
        """Raises CollectionNotFound."""
        collection = self.get(principal, name)
        with self._catalog.begin(principal) as uow:
            present = uow.collections.by_id(collection.id)
            if present is None:
                raise CollectionNotFound
            uow.collections.answer_by(collection.id, change(present.answering))
        return self.get(principal, name)

    def read_by(self, principal: Principal, name: str, readers: frozenset[str] | None) -> None:
        """Who reads documents that come in from now on and name nobody; None: everyone. Raises CollectionNotFound."""
        collection = self.get(principal, name)
        with self._catalog.begin(principal) as uow:
            uow.collections.read_by(collection.id, readers)

    def get(self, principal: Principal, name: str) -> Collection:
        """Raises CollectionNotFound; the default collection comes to be when it is first asked for."""
        with self._catalog.read(principal) as uow:
            found = uow.collections.by_name(principal.tenant_id, name)
        if found is not None:
            return found
        if name != DEFAULT_COLLECTION:
            raise CollectionNotFound(f"There is no collection {name!r}.")
        try:
            return self.create(principal, name)
        except CollectionExists:  # another request was quicker
            return self.get(principal, name)


def checked(chunker: str) -> str:
    """The chunker's name. Raises InvalidRequest when this release does not have it."""
    if chunker not in CHUNKERS:
        raise InvalidRequest(f"There is no chunker {chunker!r}; this release has {', '.join(CHUNKERS)}.")
    return chunker
