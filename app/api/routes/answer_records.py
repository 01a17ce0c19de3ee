"""/v1/answers: what was answered, and whether it would be found again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from app.api.answer_schemas import Answer
from app.api.auth import Use, Viewer
from app.api.responses import problems
from app.api.schemas import Schema
from pipelines.domain.manifests import DriftCause

router = APIRouter(prefix="/v1/answers", tags=["answers"])


class Source(Schema):
    chunk_id: str
    document_id: str
    version_id: str
    sha256: str = Field(description="of the passage's text")
    given: bool = Field(description="whether the answer could be made from it")


class Searched(Schema):
    name: str
    collection_id: str
    generation_id: str
    revision: int


class Manifest(Schema):
    """What the answer was made from and by."""

    collection_id: str
    generation_id: str
    revision: int
    embedding_model: str
    chunker: str
    top_k: int
    sources: list[Source]
    model: str
    model_digest: str = Field(description="the model's own name for its weights; empty for an extracted answer")
    template: str
    prompt_sha256: str = Field(description="of all that the model was given; empty for an extracted answer")
    degraded: list[str]
    settings: Mapping[str, str]
    also: list[Searched] = Field(description="further collections that were searched")


class AnswerRecord(Schema):
    id: str
    collection: str
    created_at: datetime
    question: str
    answer: Answer
    manifest: Manifest


class Drift(Schema):
    cause: DriftCause
    document_id: str | None


class Replay(Schema):
    same: bool = Field(description="the same passages in the same order")
    drift: list[Drift] = Field(description="why it is not the same, or would not be answered by the same model")
    sources: list[Source] = Field(description="what is found today")


@router.get("/{answer_id}", responses=problems(404))
def get_answer(answer_id: str, principal: Viewer, services: Use) -> AnswerRecord:
    """For who asked; as long as all of its documents are there and theirs to read."""
    record, answer = services.answers.get(principal, answer_id)
    return AnswerRecord(
        id=record.id,
        collection=record.collection,
        created_at=record.created_at,
        question=record.question or "",
        answer=Answer.model_validate(answer),
        manifest=Manifest.model_validate(record.manifest),
    )


@router.post("/{answer_id}/replay", responses=problems(404))
async def replay_answer(answer_id: str, principal: Viewer, services: Use) -> Replay:
    """Searches again as for the answer, and says what is different and why. No model is asked."""
    return Replay.model_validate(await services.answers.replay(principal, answer_id))
