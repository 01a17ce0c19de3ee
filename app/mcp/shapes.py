"""What the tools give: small, since a model reads all of it, and each text with its place."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from app.client import models


class Place(BaseModel):
    """Where a text stands. The page image with its boxes: /v1/documents/{document_id}/pages/{page}.png."""

    document_id: str
    title: str
    page: int = Field(description="from 1")
    boxes: list[models.PageBox] = Field(description="in PDF points from the top left of their page")


class Filters(BaseModel):
    """What a document must be; what is left out is of no matter."""

    model_config = ConfigDict(extra="forbid")  # what is misspelt would narrow nothing

    document_ids: list[str] | None = None
    metadata: dict[str, str | list[str]] = Field({}, description="by key: its value, or the values of which it has one")
    tags: list[str] | None = Field(None, description="it has one of them")
    date_from: date | None = Field(None, description="the document's own date, else the day of its upload")
    date_to: date | None = Field(None, description="inclusive")


class Found(Place):
    text: str
    headings: list[str]
    score: float


class Quoted(Place):
    number: int = Field(description="as in the answer's text: [1]")
    quote: str = Field(description="word for word in the document")


class FoundPassages(BaseModel):
    passages: list[Found]
    degraded: list[str] = Field(description="what did not answer, such as vectors")


class CitedAnswer(BaseModel):
    text: str
    citations: list[Quoted]
    grounded: bool = Field(description="every sentence is held by a citation")
    abstained: bool = Field(description="the documents do not answer it")


class ListedDocument(BaseModel):
    document_id: str
    title: str
    filename: str
    pages: int | None
    status: str
    collection: str


class Listing(BaseModel):
    collections: list[str]
    documents: list[ListedDocument]
    next_cursor: str | None = Field(description="for more: give it as `cursor`; null at the end")


class ReadChunk(BaseModel):
    page: int
    headings: list[str]
    text: str


class Reading(BaseModel):
    document_id: str
    title: str
    pages: int | None
    parts: list[ReadChunk] = Field(description="in reading order")
    next_cursor: str | None = Field(description="to read on: give it as `cursor`; null at the end")
