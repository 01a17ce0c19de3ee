"""Calls of models."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from app.observability.metrics import (
    EMBEDDING_SECONDS,
    MODEL_CALL_SECONDS,
    MODEL_CALLS,
    MODEL_FIRST_TOKEN_SECONDS,
)
from pipelines.domain.answers import Passage
from pipelines.ports import ChatModel, Embedder, Embedders, Message, Reranker, TokenCounter, Vectors
from pipelines.trace_ports import Facts, Tracer


@dataclass(frozen=True, slots=True)
class WatchedChat:
    """A ChatModel around another: each time that the model itself is asked."""

    model: ChatModel
    tracer: Tracer

    @property
    def name(self) -> str:
        return self.model.name

    async def available(self) -> bool:
        return await self.model.available()

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        facts: Facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": self.name,
            "gen_ai.provider.name": "ollama",
        }
        span, began, pieces = self.tracer.begin(f"chat {self.name}", facts), time.perf_counter(), 0
        outcome: str = "left"
        failure: Exception | None = None
        try:
            async with aclosing(self.model.stream(messages)) as stream:
                async for piece in stream:
                    if piece and not pieces:
                        MODEL_FIRST_TOKEN_SECONDS.labels(self.name).observe(time.perf_counter() - began)
                    pieces += bool(piece)
                    yield piece
            outcome = "answered"
        except Exception as error:
            outcome, failure = "failed", error
            raise
        finally:
            MODEL_CALLS.labels(self.name, outcome).inc()
            MODEL_CALL_SECONDS.labels(self.name).observe(time.perf_counter() - began)
            span.note({"cairn.outcome": outcome, "cairn.pieces": pieces})
            span.end(failure)


@dataclass(frozen=True, slots=True)
class WatchedEmbedder:
    """An Embedder around another."""

    embedder: Embedder
    tracer: Tracer

    @property
    def model(self) -> str:
        return self.embedder.model

    @property
    def dimensions(self) -> int:
        return self.embedder.dimensions

    @property
    def max_tokens(self) -> int:
        return self.embedder.max_tokens

    def token_counter(self) -> TokenCounter:
        return self.embedder.token_counter()

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        with self._call("documents", len(texts)):
            return await self.embedder.embed_documents(texts)

    async def embed_query(self, text: str) -> Vectors:
        with self._call("query", 1):
            return await self.embedder.embed_query(text)

    @contextmanager
    def _call(self, kind: str, texts: int) -> Iterator[None]:
        facts: Facts = {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": self.model, "cairn.texts": texts}
        with self.tracer.span(f"embeddings {self.model}", facts), EMBEDDING_SECONDS.labels(self.model, kind).time():
            yield


@dataclass(frozen=True, slots=True)
class WatchedEmbedders:
    """Embedders around others."""

    embedders: Embedders
    tracer: Tracer

    @property
    def default(self) -> WatchedEmbedder:
        return WatchedEmbedder(self.embedders.default, self.tracer)

    def of(self, model: str) -> WatchedEmbedder:
        """Raises ModelUnavailable."""
        return WatchedEmbedder(self.embedders.of(model), self.tracer)


@dataclass(frozen=True, slots=True)
class WatchedReranker:
    """A Reranker around another."""

    reranker: Reranker
    tracer: Tracer

    @property
    def name(self) -> str:
        return self.reranker.name

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        facts: Facts = {"gen_ai.request.model": self.name, "cairn.passages": len(passages)}
        with self.tracer.span(f"rerank {self.name}", facts):
            return await self.reranker.rerank(question, passages)
