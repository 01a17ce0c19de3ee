"""The models: for embedding, for answers, and for reading pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.adapters import tesseract
from app.adapters.cross_encoder import CrossEncoder
from app.adapters.minilm import MiniLmEmbedder
from app.adapters.ollama import OllamaChat, OllamaEmbedder, OllamaVision, language_reranker
from app.services.chat import BreakingChat, PacedChat, QueuedChat, RetryingChat
from app.services.watched import WatchedChat
from app.settings import BUILT_IN_MODEL, Settings
from pipelines.domain.errors import ModelUnavailable
from pipelines.ingest.parse import Ocr
from pipelines.model_ports import PictureReader
from pipelines.ports import ChatModel, Reranker, Tracer

_OLLAMA = "ollama/"


class InstalledEmbedders:
    """Embedders of pipelines/ports.py: the built-in one, and each of Ollama's under `ollama/NAME`."""

    def __init__(self, settings: Settings) -> None:
        """Raises ModelUnavailable when the default cannot be had."""
        self._settings = settings
        self._known: dict[str, MiniLmEmbedder | OllamaEmbedder] = {}
        name = settings.embedding_model
        self.default = self.of(name if name == BUILT_IN_MODEL else f"{_OLLAMA}{name}")

    def of(self, model: str) -> MiniLmEmbedder | OllamaEmbedder:
        if model not in self._known:
            self._known.setdefault(model, self._build(model))
        return self._known[model]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """A TokenCounter: as the default one counts. Reads files at first; call it from a thread."""
        return self.default.token_counter()(texts)

    def _build(self, model: str) -> MiniLmEmbedder | OllamaEmbedder:
        settings = self._settings
        if model == BUILT_IN_MODEL:
            return MiniLmEmbedder(settings.data_dir.resolve() / "models", settings.embedding_model_dir)
        if not model.startswith(_OLLAMA):
            raise ModelUnavailable(f"There is no embedding model {model!r}: name {BUILT_IN_MODEL} or {_OLLAMA}NAME.")
        if not settings.ollama_url:
            raise ModelUnavailable(f"{model} is a model of Ollama, and CAIRN_OLLAMA_URL is empty.")
        return OllamaEmbedder(settings.ollama_url, model.removeprefix(_OLLAMA))


@dataclass(frozen=True, slots=True)
class Models:
    embedders: InstalledEmbedders
    chat: ChatModel | None

    ollama: OllamaChat | None
    vision: PictureReader | None = None
    reranker: Reranker | None = None

    @classmethod
    def of(cls, settings: Settings, tracer: Tracer) -> Models:
        embedders, reranker = InstalledEmbedders(settings), _reranker(settings)
        if not settings.ollama_url:
            return cls(embedders, None, None, reranker=reranker)
        longest_s = max(settings.llm_first_token_timeout_s, settings.llm_token_timeout_s) + 5  # the pace is kept above
        ollama = OllamaChat(
            settings.ollama_url, settings.llm_model, timeout_s=longest_s, keep_alive=settings.llm_keep_alive
        )
        vision = OllamaVision(settings.ollama_url, settings.vision_model) if settings.vision_model else None
        return cls(embedders, _guarded(WatchedChat(ollama, tracer), settings), ollama, vision, reranker)

    def digest(self) -> str:
        """Of the language model's weights, as far as is known."""
        return self.ollama.digest if self.ollama else ""

    async def warm(self) -> None:
        """Loads what the first question needs, where it is there."""
        if self.ollama is not None and await self.ollama.available():
            with suppress(ModelUnavailable):
                await self.ollama.warm()


def _reranker(settings: Settings) -> Reranker | None:
    """A model made for it comes before one that is asked to."""
    if settings.reranker_dir is not None:
        return CrossEncoder(settings.reranker_dir)
    if settings.llm_rerank and settings.ollama_url:
        return language_reranker(
            settings.ollama_url,
            settings.llm_model,
            timeout_s=settings.rerank_timeout_s,
            keep_alive=settings.llm_keep_alive,
        )
    return None


def _guarded(model: ChatModel, settings: Settings) -> ChatModel:
    """In the order in which a question passes: its turn, whether to ask at all, again if need be, and not forever."""
    paced = PacedChat(
        model,
        first_token_timeout_s=settings.llm_first_token_timeout_s,
        token_timeout_s=settings.llm_token_timeout_s,
    )
    breaking = BreakingChat(
        RetryingChat(paced), failures=settings.llm_breaker_failures, rest_s=settings.llm_breaker_rest_s
    )
    return QueuedChat(
        breaking,
        at_once=settings.llm_concurrency,
        waiting=settings.llm_queue,
        wait_timeout_s=settings.llm_queue_timeout_s,
    )


def find_ocr(settings: Settings) -> Ocr | None:
    """What reads pictures; None when it is switched off or its language data is not installed."""
    return tesseract.find(settings.ocr_languages, settings.tessdata_dir) if settings.ocr else None
