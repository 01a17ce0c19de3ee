"""Passages, citations, answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import PageBox
from pipelines.domain.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Scores:
    """dense: cosine, -1..1; keyword: BM25, higher is better; fused: reciprocal rank fusion; rerank: 0..1."""

    dense: float | None = None
    keyword: float | None = None
    fused: float | None = None
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class CatalogedChunk:
    """A chunk that the catalog vouches for: right tenant, active version, not deleted, readable."""

    chunk: Chunk
    document_id: str
    title: str
    filename: str


class Place(NamedTuple):
    """Where a chunk stands: `ordinal` among the chunks of its version, `page` on which it begins."""

    version_id: str
    ordinal: int
    page: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved chunk with its scores; `score` orders the list."""

    source: CatalogedChunk
    score: float
    scores: Scores


@dataclass(frozen=True, slots=True)
class Citation:
    """A quoted span and its place: `canonical_text[start:end] == quote`."""

    number: int
    document_id: str
    version_id: str
    chunk_id: str
    title: str
    filename: str
    page: int
    boxes: tuple[PageBox, ...]
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`grounded`: every sentence has a citation that supports it; `unsupported` are those that have none.

    `degraded` names what was down, e.g. "model". `confidence` that the documents answer the question: what a collection's
    threshold is compared with; None when it could not be told.
    """

    id: str
    text: str
    citations: tuple[Citation, ...]
    grounded: bool
    abstained: bool
    degraded: tuple[str, ...] = ()
    cache: str = "none"
    model: str = "extractive"
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    manifest: Manifest | None = None
    conversation_id: str | None = None
    standalone: str | None = None  # the question as it was understood, in a conversation
    confidence: float | None = None
    unsupported: tuple[str, ...] = ()
