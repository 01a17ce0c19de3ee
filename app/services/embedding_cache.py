"""Vectors of texts that were embedded before: an answer's evidence is the same from question to question, and most of a new
version's text is that of the old one."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from app.observability.metrics import CACHE_LOOKUPS
from app.services.kept import EMBEDDINGS, Kept
from pipelines.cache_ports import Entry
from pipelines.ports import Embedder, Embedders, TokenCounter, Vectors

ENTRIES = 20_000  # 30 MB of 384 dimensions
_TTL_S = 30 * 24 * 3600
_NOBODYS: frozenset[str] = frozenset()


class _Known(NamedTuple):
    vector: Vectors
    versions: frozenset[str]  # whose text it is; none: nobody knows


class Memory:
    """Vectors by key, in this process; the least lately used go first."""

    def __init__(self, entries: int = ENTRIES) -> None:
        self._entries = entries
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self.forgets = 0
        self.making: dict[str, asyncio.Future[Mapping[str, Vectors]]] = {}

    def get(self, keys: Sequence[str]) -> dict[str, Vectors]:
        found = {key: self._known[key].vector for key in keys if key in self._known}
        for key in found:
            self._known.move_to_end(key)
        return found

    def put(self, vectors: Mapping[str, Vectors], versions: frozenset[str]) -> None:
        for key, vector in vectors.items():
            self._known[key] = _Known(vector, versions)
            self._known.move_to_end(key)
        while len(self._known) > self._entries:
            self._known.popitem(last=False)

    def forget(self, version_ids: Sequence[str]) -> int:
        """What is of these versions, and what may be."""
        gone = set(version_ids)
        kept = {key: known for key, known in self._known.items() if known.versions and not known.versions & gone}
        removed = len(self._known) - len(kept)
        self._known = OrderedDict(kept)
        self.forgets += 1
        return removed


class CachedEmbedder:
    """An Embedder that remembers: in this process, and where it is told whose the texts are, in the shared cache too.

    A question's vector is nobody's, and is kept; texts of unknown versions are forgotten with any version.
    """

    def __init__(
        self,
        embedder: Embedder,
        kept: Kept | None = None,
        memory: Memory | None = None,
        versions: frozenset[str] = _NOBODYS,
    ) -> None:
        self._embedder = embedder
        self._kept = kept
        self._memory = memory if memory is not None else Memory()
        self._versions = versions

    @property
    def model(self) -> str:
        return self._embedder.model

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    def token_counter(self) -> TokenCounter:
        return self._embedder.token_counter()

    def made_from(self, version_ids: Iterable[str]) -> CachedEmbedder:
        """The same, for texts of these versions."""
        return CachedEmbedder(self._embedder, self._kept, self._memory, frozenset(version_ids))

    async def embed_query(self, text: str) -> Vectors:
        key = self._key("query", text)
        found = await self._look_up([key], shared=True)
        if key not in found:
            found[key] = (await self._embedder.embed_query(text)).copy()
            await self._remember({key: found[key]}, shared=True, tags=_NOBODYS)
        return found[key]

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """(n, dimensions) float32, L2-normalised, in the order given. Raises ModelUnavailable."""
        if not texts:
            return await self._embedder.embed_documents(texts)
        keys = [self._key("document", text) for text in texts]
        shared = bool(self._versions)
        found = await self._look_up(keys, shared=shared)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            found |= await self._make(missing, shared=shared)
        return np.stack([found[key] for key in keys])

    async def _make(self, texts: Mapping[str, str], *, shared: bool) -> dict[str, Vectors]:
        """By key. What is being made for somebody else is waited for; who waits for one that fails makes it himself."""
        making = self._memory.making
        theirs = {key: making[key] for key in texts if key in making}
        ours = {key: text for key, text in texts.items() if key not in theirs}
        found: dict[str, Vectors] = {}
        if ours:
            found |= await self._make_ours(ours, shared=shared)
        for future in set(theirs.values()):
            made = await asyncio.shield(future)
            found |= {key: vector for key, vector in made.items() if key in theirs}
        left = {key: text for key, text in texts.items() if key not in found}
        return found | await self._make(left, shared=shared) if left else found

    async def _make_ours(self, texts: Mapping[str, str], *, shared: bool) -> dict[str, Vectors]:
        before, made = self._memory.forgets, dict[str, Vectors]()
        future: asyncio.Future[Mapping[str, Vectors]] = asyncio.get_running_loop().create_future()
        self._memory.making |= dict.fromkeys(texts, future)
        try:
            vectors = await self._embedder.embed_documents(list(texts.values()))
            made |= zip(texts, vectors.copy(), strict=True)
        finally:
            for key in texts:
                del self._memory.making[key]
            future.set_result(made)
        if self._memory.forgets == before:  # what was forgotten meanwhile does not come back
            await self._remember(made, shared=shared, tags=self._versions)
        return made

    async def _look_up(self, keys: Sequence[str], *, shared: bool) -> dict[str, Vectors]:
        found = self._memory.get(keys)
        lacking = [key for key in dict.fromkeys(keys) if key not in found]
        if lacking and shared and self._kept is not None:
            stored = await asyncio.to_thread(self._kept.get, EMBEDDINGS, lacking)
            vectors = {key: np.frombuffer(value, dtype=np.float32) for key, value in stored.items()}
            whole = {key: vector for key, vector in vectors.items() if len(vector) == self.dimensions}
            self._memory.put(whole, self._versions)
            found |= whole
        CACHE_LOOKUPS.labels(EMBEDDINGS, "hit").inc(sum(key in found for key in keys))
        CACHE_LOOKUPS.labels(EMBEDDINGS, "miss").inc(sum(key not in found for key in keys))
        return found

    async def _remember(self, vectors: Mapping[str, Vectors], *, shared: bool, tags: frozenset[str]) -> None:
        self._memory.put(vectors, tags)
        if shared and self._kept is not None:
            entries = [
                Entry(key, np.ascontiguousarray(vector, dtype=np.float32).tobytes(), _TTL_S, tags)
                for key, vector in vectors.items()
            ]
            await asyncio.to_thread(self._kept.put, EMBEDDINGS, entries)

    def _key(self, kind: str, text: str) -> str:
        """Models may embed a question otherwise than a text."""
        return hashlib.sha256(f"{self.model}\0{kind}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


class CachedEmbedders:
    """Embedders each of which remembers. Also a VersionCache of what this process remembers."""

    def __init__(self, embedders: Embedders, kept: Kept | None = None, *, entries: int = ENTRIES) -> None:
        self._embedders = embedders
        self._kept = kept
        self._memory = Memory(entries)
        self._known: dict[str, CachedEmbedder] = {}

    @property
    def default(self) -> CachedEmbedder:
        return self.of(self._embedders.default.model)

    def of(self, model: str) -> CachedEmbedder:
        """Raises ModelUnavailable."""
        if model not in self._known:
            self._known.setdefault(model, CachedEmbedder(self._embedders.of(model), self._kept, self._memory))
        return self._known[model]

    async def forget(self, version_ids: Sequence[str]) -> int:
        return self._memory.forget(version_ids)


def made_from(embedder: Embedder, version_ids: Iterable[str]) -> Embedder:
    """The embedder, told whose texts it is given, if it remembers."""
    return embedder.made_from(version_ids) if isinstance(embedder, CachedEmbedder) else embedder
