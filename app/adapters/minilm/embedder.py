"""all-MiniLM-L6-v2 as an Embedder: onnxruntime, no torch, no network."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.adapters.minilm import graph
from app.adapters.minilm.weights import ModelFiles, locate, verify
from pipelines.ports import TokenCounter, Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained on; longer texts are cut, as the reference does
_TOKENS_PER_BATCH = 2_048  # tokens with padding of one call: small enough that a question does not wait long


class MiniLmEmbedder:
    """One session, one thread that uses it; a question goes before the batches of documents that are waiting."""

    def __init__(self, cache_dir: Path, model_dir: Path | None = None, threads: int = 0) -> None:
        self._cache_dir = cache_dir
        self._model_dir = model_dir
        self._threads = threads
        self._thread = ThreadPoolExecutor(1, "minilm")
        self._questions = 0

    @property
    def model(self) -> str:
        return MODEL

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    @property
    def max_tokens(self) -> int:
        return MAX_TOKENS

    def token_counter(self) -> TokenCounter:
        return MiniLmTokenCounter(str(locate(self._model_dir).tokenizer))

    async def ping(self) -> None:
        """Loads the model if no text did so yet. Raises ModelFilesInvalid."""
        await self._run(lambda: self._loaded and None)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        encoded = await self._run(lambda: self._loaded.encode(texts))
        for batch in _batches([len(ids) for ids in encoded]):
            vectors[batch] = await self._run(functools.partial(self._embed, [encoded[index] for index in batch]))
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        vectors: Vectors = await self._run(lambda: self._embed(self._loaded.encode([text])))
        return np.asarray(vectors[0], np.float32)

    async def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _embed(self, encoded: Sequence[Sequence[int]]) -> Vectors:
        width = max(map(len, encoded))
        ids, mask = np.zeros((len(encoded), width), np.int64), np.zeros((len(encoded), width), np.float32)
        for row, tokens in enumerate(encoded):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return np.asarray(self._loaded.session.run(["vectors"], {"ids": ids, "mask": mask})[0], np.float32)

    @functools.cached_property
    def _loaded(self) -> _Loaded:
        return _Loaded.from_files(locate(self._model_dir), self._cache_dir, self._threads)


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Any
    tokenizer: Tokenizer

    @classmethod
    def from_files(cls, files: ModelFiles, cache_dir: Path, threads: int) -> _Loaded:
        import onnxruntime
        from tokenizers import Tokenizer

        verify(files.tokenizer)
        path = graph.cached(files.weights, cache_dir)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.enable_cpu_mem_arena = False  # the arena keeps the largest batch's memory for ever
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leaves the cores to others
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        return cls(session, tokenizer)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]


@dataclass(frozen=True, slots=True)
class MiniLmTokenCounter:
    """A TokenCounter that travels to worker processes; each loads the tokenizer once."""

    tokenizer_file: str

    def __call__(self, texts: Sequence[str]) -> list[int]:
        encodings = _tokenizer(self.tokenizer_file).encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]


@functools.cache
def _tokenizer(path: str) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes, longest texts first and with their like, so that little of a batch is padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > _TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
