"""all-MiniLM-L6-v2 as an Embedder: onnxruntime, no torch, no network."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from app.adapters.minilm import graph
from app.adapters.minilm.weights import ModelFiles, locate, verify
from app.observability.models import embedded
from pipelines.ports import TokenCounter, Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

T = TypeVar("T")

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
MAX_TOKENS = 256  # what the model was trained on; longer texts are cut, as the reference does
_TOKENS_PER_BATCH = 1_024  # with padding: larger batches are no faster and take more memory


class MiniLmEmbedder:
    """One session and two threads that use it, one for documents and one for questions, which so wait for no document."""

    def __init__(self, cache_dir: Path, model_dir: Path | None = None, threads: int = 0) -> None:
        self._cache_dir = cache_dir
        self._model_dir = model_dir
        self._threads = threads
        self._documents = ThreadPoolExecutor(1, "minilm-documents")
        self._questions = ThreadPoolExecutor(1, "minilm-questions")
        self._loading = threading.Lock()

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
        await _run(self._questions, self._load)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        encoded = await _run(self._documents, lambda: self._load().encode(texts))
        embedded(MODEL, sum(map(len, encoded)))
        for batch in _batches([len(ids) for ids in encoded]):
            part = [encoded[index] for index in batch]
            vectors[batch] = await _run(self._documents, functools.partial(self._load().embed, part))
        self._documents.submit(_trim)  # nobody waits for it
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        return await _run(self._questions, functools.partial(self._embed_one, text))

    async def close(self) -> None:
        """Waits for the batch under way; what waits behind it is cancelled."""
        for thread in (self._documents, self._questions):
            await asyncio.to_thread(thread.shutdown, cancel_futures=True)

    def _embed_one(self, text: str) -> Vectors:
        loaded = self._load()
        encoded = loaded.encode([text])
        embedded(MODEL, len(encoded[0]))
        (vector,) = loaded.embed(encoded)
        return np.asarray(vector, np.float32)

    def _load(self) -> _Loaded:
        with self._loading:
            return self._loaded

    @functools.cached_property
    def _loaded(self) -> _Loaded:
        return _Loaded.from_files(locate(self._model_dir), self._cache_dir, self._threads)


async def _run(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def _trim() -> None:
    """Gives freed memory back to the system, which glibc's allocator keeps: 200 MiB after a job otherwise."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Any
    options: Any
    tokenizer: Tokenizer

    @classmethod
    def from_files(cls, files: ModelFiles, cache_dir: Path, threads: int) -> _Loaded:
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # as app/__init__.py does for all of the process
        from tokenizers import Tokenizer

        verify(files.tokenizer)
        path = graph.cached(files.weights, cache_dir)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leaves the cores to others
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        # The arena would keep the largest batch's memory for ever.
        each_run = onnxruntime.RunOptions()
        each_run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        return cls(session, each_run, tokenizer)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]

    def embed(self, encoded: Sequence[Sequence[int]]) -> Vectors:
        """(n, 384) float32, L2-normalised."""
        shape = len(encoded), max(map(len, encoded))
        ids, mask = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for row, tokens in enumerate(encoded):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        (vectors,) = self.session.run(["vectors"], {"ids": ids, "mask": mask}, self.options)
        return np.asarray(vectors, np.float32)


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
