"""What an answer was made from and by, so that it can be asked for again and any difference has a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pipelines.domain.filters import EVERYTHING, Filters


class Source(NamedTuple):
    """A passage that was found. `sha256` of its text; `given`: whether the answer could be made from it."""

    chunk_id: str
    document_id: str
    version_id: str
    sha256: str
    given: bool


class Searched(NamedTuple):
    """A further collection that passages were looked for in, as it was."""

    name: str
    collection_id: str
    generation_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`sources` best first. `model_digest` is the model's own name for its weights ("" for an extracted answer).

    `prompt_sha256` is of every character that the model was given; "" for an extracted answer. `revision` is that of
    what the asker sees of the collection.
    """

    collection_id: str
    generation_id: str
    revision: int
    embedding_model: str
    chunker: str
    top_k: int
    sources: tuple[Source, ...]
    model: str
    model_digest: str = ""
    template: str = ""
    prompt_sha256: str = ""
    degraded: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    filters: Filters = EVERYTHING
    also: tuple[Searched, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer as it was given to one person. `question` and `said` are None once a document it was made from is gone.

    `said`: the answer's fields, as the API gives them.
    """

    id: str
    tenant_id: str
    user_id: str
    collection: str  # its name
    created_at: datetime
    question: str | None
    said: Mapping[str, Any] | None
    manifest: Manifest
    leans_on: frozenset[str] = frozenset()  # documents that no passage is from, and the question may have words of


class SourceStanding(NamedTuple):
    """What a document is today to the person who was answered."""

    readable: bool
    active_version_id: str | None


class DriftCause(StrEnum):
    DOCUMENT_CHANGED = "document_changed"
    DOCUMENT_DELETED = "document_deleted"
    ACCESS_CHANGED = "access_changed"
    GENERATION_CHANGED = "generation_changed"
    COLLECTION_CHANGED = "collection_changed"  # documents came to it, or others of it changed
    MODEL_CHANGED = "model_changed"
    PROMPT_CHANGED = "prompt_changed"
    SETTINGS_CHANGED = "settings_changed"
    INDEX_UNAVAILABLE = "index_unavailable"
    SEARCH_CHANGED = "search_changed"  # the same collection, another ranking: this release searches otherwise


class Drift(NamedTuple):
    cause: DriftCause
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """`same`: the same passages in the same order. `sources` are today's; none where nothing could be asked again."""

    same: bool
    drift: tuple[Drift, ...]
    sources: tuple[Source, ...]
