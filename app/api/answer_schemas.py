"""Shapes of questions, passages and answers (see schemas.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from app.api.filters import Filters
from app.api.schemas import PageBox, Schema, at
from pipelines.domain.answering import Task


class SearchRequest(Schema):
    query: str = Field(min_length=1, max_length=4_000)
    collection: str = "default"
    collections: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        description="several, instead of `collection`; the first one says how a question is answered",
    )
    filters: Filters = Field(default_factory=lambda: Filters.model_validate({}))
    top_k: int = Field(8, ge=1, le=50)

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if self.collections is not None and "collection" in self.model_fields_set:
            raise ValueError("name `collection` or `collections`, not both")
        return self

    @property
    def searched(self) -> tuple[str, ...]:
        """Names, each once."""
        return tuple(dict.fromkeys(self.collections or [self.collection]))


class QueryRequest(SearchRequest):
    stream: bool = True
    task: Task | None = Field(
        default=None, description="what is wanted; null: as the collection says, else as the question reads"
    )
    conversation_id: str | None = Field(
        default=None, description="of /v1/conversations: the question may lean on those before it"
    )


class Scores(Schema):
    dense: float | None
    keyword: float | None
    fused: float | None
    rerank: float | None


class Passage(Schema):
    document_id: str = at("source", "document_id")
    version_id: str = at("source", "chunk", "version_id")
    chunk_id: str = at("source", "chunk", "id")
    title: str = at("source", "title")
    filename: str = at("source", "filename")
    page_start: int = at("source", "chunk", "page_start")
    page_end: int = at("source", "chunk", "page_end")
    heading_path: list[str] = at("source", "chunk", "heading_path")
    text: str = at("source", "chunk", "text")
    start: int = at("source", "chunk", "start")
    end: int = at("source", "chunk", "end")
    boxes: list[PageBox] = at("source", "chunk", "boxes")
    score: float
    scores: Scores


class Shown(Schema):
    passages: list[Passage]


class Passages(Shown):
    degraded: list[str]


class Citation(Schema):
    number: int
    document_id: str
    version_id: str
    title: str
    filename: str
    page: int
    boxes: list[PageBox]
    quote: str
    chunk_id: str
    start: int
    end: int


class Answer(Schema):
    id: str
    text: str
    citations: list[Citation]
    grounded: bool
    abstained: bool
    degraded: list[str]
    cache: str
    model: str
    timings_ms: Mapping[str, float]
    confidence: float | None = Field(description="that the documents answer the question; null: it could not be told")
    unsupported: list[str] = Field(description="sentences that nothing supports, where the collection shows them")
    conversation_id: str | None
    standalone: str | None = Field(description="in a conversation: the question as it was understood")
