"""Documents as they are stored and as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pipelines.domain.answering import Answering
from pipelines.domain.privacy import PiiPolicy, RedactionReport


class Box(NamedTuple):
    """A rectangle in PDF points; the origin is the page's top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def holds(self, point: tuple[float, float], slack: float = 0.0) -> bool:
        """Whether the point is inside, or outside by no more than the slack (points)."""
        x, y = point
        return self.x0 - slack <= x <= self.x1 + slack and self.y0 - slack <= y <= self.y1 + slack


class PageBox(NamedTuple):
    """A box on a page; pages count from 1."""

    page: int
    box: Box


class Word(NamedTuple):
    """Text as it stands on a page: of a PDF a word, of what has no paper a block."""

    text: str
    box: Box


class BlockKind(StrEnum):
    PARAGRAPH = "paragraph"
    HEADING = "heading"
    TABLE = "table"
    FIGURE = "figure"
    LIST = "list"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A unit of layout in reading order. A table's `text` is Markdown; `cells` holds its rows."""

    kind: BlockKind
    text: str
    page: int
    box: Box
    level: int | None = None  # of a heading, from 1
    cells: tuple[tuple[str, ...], ...] | None = None  # of a table
    continues: bool = False  # a table that goes on from the page before, under the same header


@dataclass(frozen=True, slots=True)
class Page:
    """A page's number (from 1) and size in points."""

    number: int
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a reader makes of a file: pages, and blocks in reading order over the whole document.

    `paper`: whether its pages have margins in which headers and footers run; sheets, slides and chapters have none.
    """

    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    title: str | None = None
    paper: bool = True


@dataclass(frozen=True, slots=True)
class Generation:
    """One build of a collection's vectors under one embedding model and one chunker.

    `chunker` names how its chunks were made: the method, and behind a "/", where documents were read again under another
    policy for personal data, what their text was redacted by.
    """

    id: str
    collection_id: str
    embedding_model: str
    dimensions: int
    chunker: str

    @property
    def method(self) -> str:
        return chunking_method(self.chunker)

    @property
    def redaction(self) -> str:
        """Of documents that were read again; "": each as it came in."""
        return self.chunker.partition("/")[2]


def chunking_method(chunker: str) -> str:
    return chunker.partition("/")[0]


def chunker_after(method: str, redaction: str) -> str:
    return f"{method}/{redaction}" if redaction else method


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents searched together. `revision` grows with every change that a search could notice.

    `retention_days`: how long after its newest upload a document is deleted; None: never. `readers` of documents that come in
    and name none; None: everyone. `pii`: what becomes of personal data; None: as the server's settings say.
    """

    id: str
    tenant_id: str
    name: str
    active_generation: Generation
    revision: int
    created_at: datetime
    retention_days: int | None = None
    answering: Answering = field(default_factory=Answering)
    readers: frozenset[str] | None = None
    pii: PiiPolicy | None = None


class Held(NamedTuple):
    """By a tenant: documents that are not deleted, and bytes of all their versions' files."""

    documents: int
    bytes: int


class DocumentStatus(StrEnum):
    """Derived from the newest version's job and the active version; never stored."""

    PROCESSING = "processing"  # nothing to search yet
    READY = "ready"
    UPDATING = "updating"  # the old version answers while a new one is prepared
    FAILED = "failed"  # the newest version failed; an older one may still answer


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a document, named by its SHA-256."""

    id: str
    document_id: str
    sha256: str
    size_bytes: int
    media_type: str
    filename: str
    blob_key: str
    created_at: datetime
    pages: int | None = None
    chunks: int | None = None
    pii: RedactionReport = field(default_factory=RedactionReport)


@dataclass(frozen=True, slots=True)
class Document:
    """Something with an identity in a collection.

    `latest` is the newest version uploaded; `active_version_id` is the one that answers (None until one is ready).
    """

    id: str
    tenant_id: str
    collection_id: str
    title: str
    readers: frozenset[str]
    metadata: Mapping[str, str]
    latest: Version
    active_version_id: str | None
    status: DocumentStatus
    created_at: datetime
    updated_at: datetime
    user_id: str | None = None  # whose it is: who sent it; None: not known
