"""Shapes of OpenAI's chat completions, as far as they mean something here; what else a client sends is ignored.

Refused is what would change the meaning of the answer: several answers, forced tools, JSON instead of sentences, pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.api.answer_schemas import Citation
from pipelines.domain.answers import Answer
from pipelines.query.followup import Exchange, alone

LONGEST_QUESTION = 4_000
_COLLECTIONS = 20  # as in /v1/query
_EXCHANGES = 12  # of the conversation, that a question may lean on


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", from_attributes=True)


class TextPart(_Wire):
    type: Literal["text", "input_text"]
    text: str


class ChatMessage(_Wire):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or [])


class StreamOptions(_Wire):
    include_usage: bool = False


class ResponseFormat(_Wire):
    type: Literal["text"]


def named(model: str) -> tuple[str, ...]:
    """The collections that a model stands for, each once; no name of one has a comma in it."""
    return tuple(dict.fromkeys(name.strip() for name in model.split(",")))


class ChatRequest(_Wire):
    """`model` names a collection, or several with commas between. Sampling parameters and system messages are accepted and
    change nothing: what an answer
    may say is decided by the documents."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=1_000)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    response_format: ResponseFormat | None = None

    @property
    def collections(self) -> tuple[str, ...]:
        return named(self.model)

    @property
    def exchanges(self) -> list[Exchange]:
        """The questions before the last message, each standing alone, and their answers ("" where there was none)."""
        found: list[Exchange] = []
        for message in self.messages[:-1]:
            text = message.text.strip()
            if message.role == "user" and text:
                found.append(Exchange(alone(text[:LONGEST_QUESTION], found[-1].question if found else None), ""))
            elif message.role == "assistant" and found:
                found[-1] = Exchange(found[-1].question, f"{found[-1].answer} {text}".strip())
        return found[-_EXCHANGES:]

    @field_validator("model")
    @classmethod
    def _not_too_many(cls, model: str) -> str:
        if len(named(model)) > _COLLECTIONS:
            raise ValueError(f"{_COLLECTIONS} collections at most")
        return model

    @field_validator("messages")
    @classmethod
    def _ends_with_a_question(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        last = messages[-1]
        if last.role != "user" or not last.text.strip():
            raise ValueError("the last message must be the user's question, in words")
        if len(last.text) > LONGEST_QUESTION:
            raise ValueError(f"a question has {LONGEST_QUESTION:,} characters at most")
        return messages


class Usage(_Wire):
    """Tokens of the messages sent and of the answer, as the embedding model's tokenizer counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Facts(_Wire):
    """What Cairn knows of the answer and OpenAI's shape has no place for."""

    answer_id: str
    grounded: bool
    abstained: bool
    degraded: list[str]
    cache: str
    model: str = Field(description="what wrote the answer")
    timings_ms: Mapping[str, float]

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls(
            answer_id=answer.id, **{name: getattr(answer, name) for name in cls.model_fields if name != "answer_id"}
        )


class AssistantMessage(_Wire):
    role: Literal["assistant"] = "assistant"
    content: str


class Choice(_Wire):
    index: int = 0
    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class ChatCompletion(_Wire):
    """Sentences end with the numbers of their citations: "Leave is 28 days. [1]"; `citations` says what they stand for."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="seconds since 1970")
    model: str
    choices: list[Choice]
    usage: Usage
    citations: list[Citation]
    cairn: Facts


class Delta(_Wire):
    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(_Wire):
    index: int = 0
    delta: Delta
    finish_reason: Literal["stop"] | None = None
    logprobs: None = None


class ChatCompletionChunk(_Wire):
    """One event of a streamed answer: a sentence with the citations that are new in it; the last one has all of them."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    citations: list[Citation] = []
    cairn: Facts | None = None


class Model(_Wire):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "cairn"


class ModelList(_Wire):
    object: Literal["list"] = "list"
    data: list[Model]


class Error(_Wire):
    message: str
    type: str
    param: str | None
    code: str = Field(description="stable, as everywhere in this API")


class ErrorBody(_Wire):
    error: Error
