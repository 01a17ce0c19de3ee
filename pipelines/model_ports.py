"""Models, as small Protocols: for vectors, for answers, and for pictures. Errors as in ports.py."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.domain import answers

Vectors = NDArray[np.float32]

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Tokens of each text as the embedding model counts them, special tokens excluded. Picklable."""


class Embedder(Protocol):
    """Turns text into vectors. `model` is a stable id; vectors of different ids are not comparable."""

    @property
    def model(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...  # what the model reads of a text, special tokens included
    def token_counter(self) -> TokenCounter: ...
    async def embed_documents(self, texts: Sequence[str]) -> Vectors: ...  # (n, dimensions), L2-normalised, input order
    async def embed_query(self, text: str) -> Vectors: ...  # (dimensions,), L2-normalised


class Embedders(Protocol):
    """Every model that collections may be built with. `default` is the one of new collections."""

    @property
    def default(self) -> Embedder: ...
    def of(self, model: str) -> Embedder: ...  # by its id; ModelUnavailable when this installation cannot have it


class Message(NamedTuple):
    role: str  # system, user, assistant
    content: str


class ChatModel(Protocol):
    """A language model that answers in a stream. Who closes the stream stops the model."""

    @property
    def name(self) -> str: ...
    async def available(self) -> bool: ...  # within about two seconds; never raises
    def stream(
        self, messages: Sequence[Message]
    ) -> AsyncGenerator[str, None]: ...  # pieces of text; ModelUnavailable at any point

    """The first piece is empty where there was a wait: the model begins now."""


class PictureReader(Protocol):
    """A model that says in words what a picture shows. There is none unless the operator names one."""

    @property
    def name(self) -> str: ...
    async def describe(self, picture: bytes, caption: str) -> str: ...  # a PNG; ModelUnavailable


class Reranker(Protocol):
    """Orders passages by how well they answer, better than it is done without a model."""

    @property
    def name(self) -> str: ...  # another one may order otherwise
    async def rerank(
        self, question: str, passages: Sequence[answers.Passage]
    ) -> list[answers.Passage]: ...  # the same, best first, with scores.rerank; ModelUnavailable
