"""A library: the real catalog and keyword index on SQLite, the real embedder, and vectors in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.adapters.minilm import MiniLmEmbedder
from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from app.services.retrieval import Retrieval
from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import Collection, Document
from tests.contract.samples import PAPERS, ready, set_up
from tests.fakes.embedders import OneEmbedder
from tests.fakes.models import MemoryIndex
from tests.fakes.pages import PrintedPages


@dataclass
class Library:
    catalog: SqlCatalog
    keywords: SqlKeywordIndex
    embedder: MiniLmEmbedder
    vectors: MemoryIndex
    retrieval: Retrieval
    pages: PrintedPages

    async def add(self, document: Document, texts: Sequence[str], where: Collection = PAPERS) -> list[Chunk]:
        """A document that answers and is found."""
        with self.catalog.begin() as uow:
            rows = ready(uow, document, texts)
        await self.index(rows, where)
        self.pages.print(rows)
        return rows

    async def index(self, rows: Sequence[Chunk], where: Collection = PAPERS) -> None:
        await self.keywords.upsert(where.id, rows)
        vectors = await self.embedder.embed_documents([chunk.text for chunk in rows])
        await self.vectors.upsert(where.active_generation, rows, vectors)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
async def library(tmp_path: Path, models: Path) -> AsyncIterator[Library]:
    catalog = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    catalog.open()
    set_up(catalog)
    embedder, keywords, vectors = MiniLmEmbedder(models, threads=1), SqlKeywordIndex(catalog), MemoryIndex()
    retrieval = Retrieval(catalog, OneEmbedder(embedder), vectors, keywords, index_timeout_s=5)
    yield Library(catalog, keywords, embedder, vectors, retrieval, PrintedPages())
    await embedder.close()
    catalog.close()
