"""The proof at the end of a deletion: what only the document held is chosen before it goes, and looked for afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from pipelines import erasure
from pipelines.domain.access import Principal
from pipelines.domain.documents import Generation
from pipelines.domain.erasure import Canaries, ErasedVersion, Erasure, Receipt, Searched, erasure_id
from pipelines.domain.errors import DependencyUnavailable, NotFound
from pipelines.ports import Blobs, Catalog, Clock, Embedders, KeywordIndex, Remains, Signer, VectorIndex
from workflows.events import DocumentDeleted
from workflows.steps import StepOutput

_TEXTS = 4_000  # chunks that canaries are chosen from
_TELLING = 40  # of the words and phrases, to choose vectors by
_VECTORS = 4  # of each generation
_WINDOW_BYTES = 4 * 1024 * 1024  # of an original, from its start


class ErasureNotFound(NotFound):
    """There is no such erasure."""

    code = "erasure_not_found"


class ErasureIncomplete(DependencyUnavailable):
    """Something of the deleted document was found."""

    code = "erasure_incomplete"
    attempts = 3


@dataclass(frozen=True, slots=True)
class DocumentErasure:
    """The steps around a deletion that lead to its receipt."""

    catalog: Catalog
    blobs: Blobs
    vectors: VectorIndex
    keywords: KeywordIndex
    embedders: Embedders
    stores: Sequence[Remains]
    signer: Signer
    limits: Sequence[str]
    clock: Clock

    async def plan(self, deleted: DocumentDeleted) -> StepOutput:
        """Chooses the canaries, and keeps them in a file of their own: a step's output would stay in the journal."""
        if not await self.blobs.exists(_key(deleted)):
            versions, generations = await asyncio.to_thread(self._traces, deleted.document_id)
            canaries = await self._choose(deleted.document_id, versions, generations)
            await self.blobs.put(_key(deleted), json.dumps(_dump(canaries)).encode())
            await asyncio.to_thread(self._keep, deleted.document_id, versions)
        return {"canaries": len(_load(await self.blobs.get(_key(deleted))))}

    async def search(self, deleted: DocumentDeleted) -> StepOutput:
        """Looks for them everywhere. Raises ErasureIncomplete where one is found, unless another document holds it now."""
        canaries = _load(await self.blobs.get(_key(deleted)))
        versions = await asyncio.to_thread(self._versions, deleted.document_id)
        searched = await self._search(canaries, versions)
        if sum(each.found for each in searched):
            canaries = await self._still_unique(deleted.document_id, canaries, versions)
            searched = await self._search(canaries, versions)
        if remains := [each.store for each in searched if each.found]:
            raise ErasureIncomplete(f"Something of the deleted document was found in: {', '.join(remains)}.")
        await self.blobs.put(_report_key(deleted), json.dumps(searched).encode())
        return {"places": len(searched), "bytes": sum(each.amount for each in searched if each.unit == "bytes")}

    async def certify(self, deleted: DocumentDeleted) -> StepOutput:
        """Signs the receipt, and removes what was searched for."""
        if await self.blobs.exists(_report_key(deleted)):
            report = [Searched(*each) for each in json.loads(await self.blobs.get(_report_key(deleted)))]
            await asyncio.to_thread(self._certify, deleted, report)
            await self.blobs.delete(_folder(deleted))
        return {"erasure": erasure_id(deleted.document_id)}

    async def _search(self, canaries: Canaries, versions: Sequence[ErasedVersion]) -> list[Searched]:
        ids = [version.id for version in versions]
        return [each for store in self.stores for each in await store.search(canaries, ids)]

    async def _choose(
        self, document_id: str, versions: Sequence[ErasedVersion], generations: Sequence[Generation]
    ) -> Canaries:
        chunks, names = await asyncio.to_thread(self._texts, document_id)
        texts = [*chunks.values(), *names]
        found = await asyncio.to_thread(erasure.candidates, texts, self.embedders.default.token_counter())
        unique = await self._unique(document_id, found, versions)
        telling = [
            chunk_id for chunk_id, text in chunks.items() if any(each in text.lower() for each in unique[:_TELLING])
        ]
        starts = [
            row[: erasure.DIMENSIONS]
            for generation in generations
            for row in await self.vectors.vectors(generation, telling[:_VECTORS])
        ]
        return erasure.choose(unique, await self._original(versions), np.asarray(starts, dtype=np.float32))

    async def _still_unique(self, document_id: str, canaries: Canaries, versions: Sequence[ErasedVersion]) -> Canaries:
        words = await self._unique(document_id, canaries.words, versions)
        others = await self._unique(document_id, canaries.others, versions)
        shared = len(words) + len(others) < len(canaries.words) + len(canaries.others)
        # What says the same has the same vector: whose it is can no longer be told. `verify-purge` asked for the ids.
        vectors = () if shared else canaries.vectors
        return replace(canaries, words=tuple(words), others=tuple(others), vectors=vectors)

    async def _unique(self, document_id: str, texts: Sequence[str], versions: Sequence[ErasedVersion]) -> list[str]:
        shared = await self.keywords.elsewhere([version.id for version in versions], texts)
        shared |= await asyncio.to_thread(self._named_elsewhere, document_id, texts)
        return [text for text in texts if text not in shared]

    async def _original(self, versions: Sequence[ErasedVersion]) -> bytes:
        for version in reversed(versions):
            key = f"originals/{version.id}"
            if await self.blobs.exists(key):
                async with self.blobs.local(key) as path:
                    return await asyncio.to_thread(lambda: path.open("rb").read(_WINDOW_BYTES))
        return b""

    # --- the catalog, from a thread ---

    def _traces(self, document_id: str) -> tuple[list[ErasedVersion], list[Generation]]:
        with self.catalog.read() as uow:
            targets = [uow.documents.target(each) for each in uow.documents.version_ids(document_id)]
            collection_id = uow.documents.collection_id(document_id)
            generations = uow.generations.of_collection(collection_id) if collection_id else []
        versions = [ErasedVersion(each.version.id, each.version.sha256) for each in targets if each]
        return versions, generations

    def _texts(self, document_id: str) -> tuple[dict[str, str], list[str]]:
        """Chunks by id, and the document's names."""
        names = []
        with self.catalog.read() as uow:
            for version_id in uow.documents.version_ids(document_id):
                if target := uow.documents.target(version_id):
                    names += [target.document.title, target.version.filename]
            return uow.chunks.texts(document_id, _TEXTS), names

    def _named_elsewhere(self, document_id: str, texts: Sequence[str]) -> set[str]:
        with self.catalog.read() as uow:
            return uow.erasures.named_elsewhere(document_id, texts)

    def _keep(self, document_id: str, versions: Sequence[ErasedVersion]) -> None:
        with self.catalog.begin() as uow:
            uow.erasures.plan(document_id, versions)

    def _versions(self, document_id: str) -> list[ErasedVersion]:
        with self.catalog.read() as uow:
            return uow.erasures.versions(document_id)

    def _certify(self, deleted: DocumentDeleted, searched: Sequence[Searched]) -> None:
        at = self.clock()
        with self.catalog.begin() as uow:
            receipt = Receipt(
                id=erasure_id(deleted.document_id),
                tenant_id=deleted.tenant_id,
                document_id=deleted.document_id,
                requested_at=uow.erasures.requested_at(deleted.document_id) or at,
                verified_at=at,
                versions=tuple(uow.erasures.versions(deleted.document_id)),
                searched=tuple(searched),
                limits=tuple(self.limits),
            )
            uow.erasures.certify(receipt, self.signer.sign(receipt.statement()))


class Erasures:
    """Receipts, for those who could read the document. Sync: call it from a thread."""

    def __init__(self, catalog: Catalog, signer: Signer) -> None:
        self._catalog = catalog
        self._signer = signer

    def get(self, principal: Principal, id_: str) -> Erasure:
        """Raises ErasureNotFound."""
        with self._catalog.read(principal) as uow:
            found = uow.erasures.get(principal, id_)
        if found is None:
            raise ErasureNotFound
        return found

    @property
    def public_key(self) -> str:
        return self._signer.public_key


def _folder(deleted: DocumentDeleted) -> str:
    return f"erasing/{deleted.document_id}"


def _key(deleted: DocumentDeleted) -> str:
    return f"{_folder(deleted)}/canaries"


def _report_key(deleted: DocumentDeleted) -> str:
    return f"{_folder(deleted)}/searched"


def _dump(canaries: Canaries) -> dict[str, object]:
    return {**asdict(canaries), "windows": [window.hex() for window in canaries.windows]}


def _load(data: bytes) -> Canaries:
    stored = json.loads(data)
    windows = tuple(bytes.fromhex(window) for window in stored["windows"])
    vectors = tuple(tuple(vector) for vector in stored["vectors"])
    return Canaries(tuple(stored["words"]), windows, vectors, tuple(stored.get("others", ())))
