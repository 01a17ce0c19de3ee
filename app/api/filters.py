"""Filters of a search, as clients send them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipelines.domain import filters

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r'^[^"\\\x00]+$')]
Value = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]


class Filters(BaseModel):
    """What a document must be to be searched; what is left out is of no matter."""

    model_config = ConfigDict(extra="forbid")

    document_ids: list[Value] | None = Field(None, min_length=1, max_length=500)
    metadata: dict[Name, Value | Annotated[list[Value], Field(min_length=1, max_length=100)]] = Field(
        default={}, max_length=20, description="by key: its value, or the values of which it has one"
    )
    tags: list[Name] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="it has one of them; they stand in its metadata `tags`, with commas",
    )
    date_from: date | None = Field(None, description="its metadata's `date` (2026-03-31), else the day of its upload")
    date_to: date | None = Field(None, description="inclusive")

    def narrowed(self) -> filters.Filters:
        metadata = {key: [value] if isinstance(value, str) else value for key, value in self.metadata.items()}
        return filters.Filters(
            document_ids=None if self.document_ids is None else frozenset(self.document_ids),
            metadata=frozenset((key, frozenset(values)) for key, values in metadata.items()),
            tags=None if self.tags is None else frozenset(self.tags),
            date_from=self.date_from,
            date_to=self.date_to,
        )
