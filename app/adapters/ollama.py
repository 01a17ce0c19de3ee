"""Ollama, through LlamaIndex: answers and embeddings by a model on the organisation's own machines.

LlamaIndex (1 s, 90 MB) is imported when a model is first used. Proxies of the environment are never used: the address
is one the operator wrote down.
"""

from __future__ import annotations

import asyncio
import math
import re
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from app.adapters.llama_index import PostprocessorReranker
from app.observability.models import embedded, spent
from pipelines.domain.errors import ModelMissing, ModelUnavailable
from pipelines.llama_index_import import import_llama_index
from pipelines.ports import Message, TokenCounter, Vectors

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor
    from llama_index.embeddings.ollama import OllamaEmbedding
    from llama_index.llms.ollama import Ollama

_LOOK_TIMEOUT_S = 2.0
_LOOK_AGAIN_S = 5.0  # how long an answer about the server's state is believed
_CONNECT_TIMEOUT_S = 5.0
_CONTEXT_TOKENS = 8_192
_MOST_ANSWER_TOKENS = 1_024  # a model that repeats itself must end
_MOST_DESCRIPTION_TOKENS = 300
_RERANKED_AT_ONCE, _MOST_RERANKED = 8, 64  # passages in one prompt; of one question
_BEST_RELEVANCE = 10  # on the scale that LLMRerank's prompt gives
_LOOK_AT = (
    "Say in a few plain sentences what this figure of a document shows: what is compared, the axes and units, the largest and "
    "smallest values, and any text in it. Do not guess what cannot be seen."
)
_IMPORTING = threading.Lock()
_WORD = re.compile(r"\w+|[^\w\s]")


class OllamaChat:
    """ChatModel of pipelines/ports.py."""

    def __init__(self, url: str, model: str, *, timeout_s: float = 600, keep_alive: str = "5m") -> None:
        """`timeout_s`: of one silence, as the last resort; `keep_alive`: how long Ollama keeps the model loaded."""
        self._url = url
        self._model = model
        self._timeout_s = timeout_s
        self._keep_alive = keep_alive
        self._looked_at = -math.inf
        self._missing = "It was not looked for yet."
        self._digest = ""

    @property
    def name(self) -> str:
        return self._model

    @property
    def digest(self) -> str:
        """Ollama's name for the model's weights and settings, when it was last looked for; "" before."""
        return self._digest

    @property
    def missing(self) -> str:
        """What is, in words for an operator; "" while the model is there."""
        return self._missing

    async def available(self) -> bool:
        if time.monotonic() - self._looked_at > _LOOK_AGAIN_S:
            self._missing = await self._look()
            self._looked_at = time.monotonic()
        return not self._missing

    async def warm(self) -> None:
        """Has Ollama load the model, so that the first question does not wait for it. Raises ModelUnavailable."""
        body = {"model": self._model, "messages": [], "keep_alive": self._keep_alive}
        with _translated(self._model):
            async with httpx.AsyncClient(**_client_options(self._timeout_s)) as http:
                (await http.post(f"{self._url}/api/chat", json=body)).raise_for_status()
        await asyncio.to_thread(lambda: self._llm)

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        llm = await asyncio.to_thread(lambda: self._llm)
        chat = [_chat_message(message) for message in messages]
        try:
            with _translated(self._model):
                async for response in await llm.astream_chat(chat):
                    self._looked_at, self._missing = time.monotonic(), ""  # who speaks is there, however busy
                    if response.raw and response.raw.get("done"):
                        spent(self._model, response.raw)
                    if response.delta:
                        yield response.delta
        except ModelUnavailable:
            self._looked_at = -math.inf  # look again before the next question
            raise

    async def _look(self) -> str:
        """What is missing: the server, or the model; "" when it is there."""
        try:
            async with asyncio.timeout(_LOOK_TIMEOUT_S), httpx.AsyncClient(trust_env=False) as http:
                listed = (await http.get(f"{self._url}/api/tags")).raise_for_status().json()
            digests = {str(entry["name"]): str(entry.get("digest", "")) for entry in listed["models"]}
        except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError) as error:
            return f"Ollama does not answer at {self._url} ({type(error).__name__})."
        name = self._model if self._model in digests else f"{self._model}:latest"
        self._digest = digests.get(name, "")
        return "" if name in digests else f"Ollama at {self._url} does not have it: ollama pull {self._model}"

    @cached_property
    def _llm(self) -> Ollama:
        return _language_model(self._url, self._model, self._timeout_s, self._keep_alive)


def language_reranker(url: str, model: str, *, timeout_s: float = 600, keep_alive: str = "5m") -> PostprocessorReranker:
    """A Reranker that asks the language model which passages answer: LlamaIndex's LLMRerank."""

    def build() -> BaseNodePostprocessor:
        llm = _language_model(url, model, timeout_s, keep_alive)
        from llama_index.core.postprocessor import LLMRerank

        return LLMRerank(llm=llm, choice_batch_size=_RERANKED_AT_ONCE, top_n=_MOST_RERANKED)

    return PostprocessorReranker(f"{model} as a reranker", build, best=_BEST_RELEVANCE)


def _language_model(url: str, model: str, timeout_s: float, keep_alive: str) -> Ollama:
    _import_llama_index()
    from llama_index.llms.ollama import Ollama
    from ollama import AsyncClient

    return Ollama(
        model=model,
        base_url=url,
        temperature=0.0,
        context_window=_CONTEXT_TOKENS,
        keep_alive=keep_alive,
        additional_kwargs={"num_predict": _MOST_ANSWER_TOKENS},
        thinking=False,  # thoughts are not shown, and take longer than the answer
        request_timeout=timeout_s,
        async_client=AsyncClient(host=url, **_client_options(timeout_s)),
    )


def _chat_message(message: Message) -> Any:
    from llama_index.core.llms import ChatMessage

    return ChatMessage(role=message.role, content=message.content)


_INSTRUCTIONS: Mapping[str, tuple[str, str]] = {
    "nomic-embed-text": ("search_query:", "search_document:"),
    "embeddinggemma": ("task: search result | query:", "title: none | text:"),
    "mxbai-embed-large": ("Represent this sentence for searching relevant passages:", ""),
    "qwen3-embedding": (
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
        "",
    ),
}
"""What a model wants before the text of a question and of a document (from its model card)."""


class OllamaEmbedder:
    """Embedder of pipelines/ports.py. `max_tokens` is what the chunker may count on, not what the model could read."""

    def __init__(self, url: str, model: str, *, timeout_s: float = 120, batch: int = 32) -> None:
        self._url = url
        self._model = model
        self._timeout_s = timeout_s
        self._batch = batch

    @property
    def model(self) -> str:
        return f"ollama/{self._model}"

    @cached_property
    def dimensions(self) -> int:
        """Asks the model once: call it from a thread. Raises ModelUnavailable."""
        with _translated(self._model):
            return len(self._embedding.get_text_embedding("dimensions"))

    @property
    def max_tokens(self) -> int:
        return 512

    def token_counter(self) -> TokenCounter:
        return estimated_tokens

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, await asyncio.to_thread(lambda: self.dimensions)), np.float32)
        embedding = await asyncio.to_thread(lambda: self._embedding)
        embedded(self.model, sum(estimated_tokens(texts)))
        with _translated(self._model):
            return _normalised(await embedding.aget_text_embedding_batch(list(texts)), len(texts))

    async def embed_query(self, text: str) -> Vectors:
        embedding = await asyncio.to_thread(lambda: self._embedding)
        embedded(self.model, sum(estimated_tokens([text])))
        with _translated(self._model):
            return np.asarray(_normalised([await embedding.aget_query_embedding(text)], 1)[0], np.float32)

    async def ping(self) -> None:
        """Raises ModelUnavailable."""
        await self.embed_query("ping")

    @cached_property
    def _embedding(self) -> OllamaEmbedding:
        _import_llama_index()
        from llama_index.embeddings.ollama import OllamaEmbedding

        query, document = _INSTRUCTIONS.get(self._model.rpartition("/")[2].partition(":")[0], ("", ""))
        return OllamaEmbedding(
            model_name=self._model,
            base_url=self._url,
            embed_batch_size=self._batch,
            query_instruction=query or None,
            text_instruction=document or None,
            client_kwargs=_client_options(self._timeout_s),
        )


class OllamaVision:
    """PictureReader of pipelines/model_ports.py."""

    def __init__(self, url: str, model: str, *, timeout_s: float = 300) -> None:
        self._url = url
        self._model = model
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        return self._model

    async def describe(self, picture: bytes, caption: str) -> str:
        from ollama import AsyncClient

        asked = f"{_LOOK_AT}\nIts caption: {caption}" if caption else _LOOK_AT
        with _translated(self._model):
            found = await AsyncClient(host=self._url, **_client_options(self._timeout_s)).chat(
                model=self._model,
                messages=[{"role": "user", "content": asked, "images": [picture]}],
                options={"temperature": 0.0, "num_predict": _MOST_DESCRIPTION_TOKENS},
            )
        return found.message.content or ""


def _client_options(timeout_s: float) -> dict[str, Any]:
    """No proxy, and no connection kept: a call takes far longer than connecting, and nothing is left to be closed."""
    return {
        "timeout": httpx.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S),
        "trust_env": False,
        "limits": httpx.Limits(max_keepalive_connections=0),
    }


def estimated_tokens(texts: Sequence[str]) -> list[int]:
    """A TokenCounter for models whose tokenizer is elsewhere: words and signs, long words counted as several."""
    return [sum(1 + len(word) // 6 for word in _WORD.findall(text)) for text in texts]


def _normalised(found: Sequence[Sequence[float]], wanted: int) -> Vectors:
    vectors = np.asarray(found, np.float32)
    if vectors.ndim != 2 or len(vectors) != wanted or not np.isfinite(vectors).all():
        raise ValueError(f"{wanted} vectors were asked for")
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)


def _import_llama_index() -> None:
    with _IMPORTING:  # chat and embeddings may want it at the same moment
        import_llama_index()


@contextmanager
def _translated(model: str) -> Iterator[None]:
    """What the transport raises, what the server says, and what an answer of the wrong shape comes to."""
    from ollama import ResponseError

    try:
        yield
    except ResponseError as error:
        if error.status_code == httpx.codes.NOT_FOUND:
            raise ModelMissing(f"Ollama does not have {model}: ollama pull {model}") from error
        raise ModelUnavailable(f"{model} does not answer (status {error.status_code}).") from error
    except (httpx.HTTPError, ConnectionError, ValueError, LookupError, TypeError) as error:
        raise ModelUnavailable(f"{model} does not answer ({type(error).__name__}).") from error
