"""Places of real files are read again from what is stored, and quotes with a wrong place are refused."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.adapters.blobs import FolderBlobs
from app.adapters.process_pool import ProcessPool
from app.adapters.sql import SqlCatalog
from app.cli.handbook import write
from app.services.rereading import PlaceUnread, Rereading
from pipelines.domain.chunks import Chunk, Region
from pipelines.domain.documents import Box, Document
from pipelines.domain.privacy import PiiPolicy
from pipelines.ingest import parse, stages
from pipelines.ingest.redact import POLICIES
from pipelines.query.evidence import Evidence, pieces
from pipelines.query.verify import Place, places, stands
from tests.contract.samples import at, document, set_up
from tests.fakes.passages import passage_of

POLICY: PiiPolicy = POLICIES["default"]
MARKDOWN = """# Rooms

The library is open from 9 to 17. Ask [Jo](mailto:jo.marsh@example.org) for a key.

| Room | Seats |
|---|---|
| Aquila | 12 |
| Lyra | 40 |

The library is closed in August.
"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A catalog with one document, its original and what was read of it."""

    catalog: SqlCatalog
    rereading: Rereading
    chunks: Sequence[Chunk]
    document: Document

    @property
    def evidence(self) -> list[Evidence]:
        return [each for each in pieces([passage_of(chunk) for chunk in self.chunks]) if each.whole]

    async def found(self, piece: Evidence) -> bool:
        chunk = piece.passage.source.chunk
        cited = _places(piece)
        return all([stands(each, await self.rereading.words(chunk.version_id, each.page, each.box)) for each in cited])


@pytest.fixture
async def blobs(tmp_path: Path) -> FolderBlobs:
    store = FolderBlobs(tmp_path / "files")
    store.open()
    return store


@pytest.fixture(params=["handbook.pdf", "rooms.md"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path, blobs: FolderBlobs) -> AsyncIterator[Shelf]:
    path = tmp_path / request.param
    write(path) if path.suffix == ".pdf" else path.write_text(MARKDOWN)
    kind = parse.detect_media_type(path, path.name)
    catalog = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    catalog.open()
    set_up(catalog)
    of = document("doc_a", hashlib.sha256(path.read_bytes()).hexdigest())
    version = replace(of.latest, media_type=kind)
    with catalog.begin() as uow:
        uow.documents.add(replace(of, latest=version))
    whole = parse.PageRange(1, parse.probe(path, kind))
    read, _ = stages.redact_parts([stages.parse_range(path, kind, whole)], POLICY, b"key")
    chunks = stages.chunk_document(read, version.id, "layout-120-1", lambda texts: [len(each) // 5 for each in texts])
    await blobs.put(f"redacted/{version.id}/a/b", read)
    await blobs.put_file(version.blob_key, path)
    async with ProcessPool(1, 1024 * 1024 * 1024, 20) as pool:
        yield Shelf(catalog, Rereading(catalog, blobs, pool), chunks, of)
    catalog.close()


async def test_every_quote_is_found_where_it_was_read(shelf: Shelf) -> None:
    assert len(shelf.evidence) >= 4
    for piece in shelf.evidence:
        assert await shelf.found(piece), piece.quote


async def test_a_quote_with_the_box_of_another_is_refused(shelf: Shelf) -> None:
    boxes = {(each.page, each.box) for piece in shelf.evidence for each in _places(piece)}
    refused = 0
    for piece in shelf.evidence:
        own = {(each.page, each.box) for each in _places(piece)}
        for page, box in boxes - own:
            assert not await shelf.found(_moved(piece, page, box)), (piece.quote, page, box)
            refused += 1
    assert refused >= len(shelf.evidence)


async def test_a_quote_with_another_figure_is_refused(shelf: Shelf) -> None:
    piece = next(each for each in shelf.evidence if "9" in each.quote)
    chunk = piece.passage.source.chunk
    other = replace(chunk, text=chunk.text.replace("9", "8"))
    assert not await shelf.found(replace(piece, passage=passage_of(other)))


async def test_nothing_is_found_on_a_page_that_is_not_there(shelf: Shelf) -> None:
    piece = shelf.evidence[0]
    with suppress(PlaceUnread):
        assert not await shelf.found(_moved(piece, 99, _places(piece)[0].box))


async def test_a_page_is_read_once_until_its_version_is_forgotten(shelf: Shelf, blobs: FolderBlobs) -> None:
    version = shelf.document.latest
    piece = shelf.evidence[0]
    assert await shelf.found(piece)
    await blobs.delete(version.blob_key)
    await blobs.delete(f"redacted/{version.id}")
    assert await shelf.found(piece)
    assert await shelf.rereading.forget([version.id]) == 1
    with pytest.raises(PlaceUnread):
        await shelf.found(piece)


async def test_a_deleted_document_is_not_read_again(shelf: Shelf) -> None:
    with shelf.catalog.begin() as uow:
        uow.documents.tombstone(shelf.document.id, at(1))
    with pytest.raises(PlaceUnread):
        await shelf.rereading.words(shelf.document.latest.id, 1, Box(0, 0, 600, 900))


def _places(piece: Evidence) -> list[Place]:
    return places(piece.passage.source.chunk, piece.start, piece.end)


def _moved(piece: Evidence, page: int, box: Box) -> Evidence:
    chunk = piece.passage.source.chunk
    moved = replace(chunk, regions=(Region(chunk.start, chunk.end, page, box),))
    return replace(piece, passage=passage_of(moved))
