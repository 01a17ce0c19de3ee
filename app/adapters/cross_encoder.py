"""A cross-encoder as a Reranker: reads question and passage together (Nogueira and Cho, 2019). onnxruntime, no network.

The folder is the operator's and holds what Hugging Face's `optimum` exports: `model.onnx`, or `onnx/model.onnx`, with
`input_ids`, `attention_mask` and perhaps `token_type_ids`, and one logit, or two of which the second is for relevance; and
`tokenizer.json`.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.answers import Passage
from pipelines.domain.errors import ModelFilesInvalid, ModelUnavailable

_MAX_TOKENS = 512
_BATCH = 8
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


class CrossEncoder:
    """Reranker of pipelines/ports.py: scores.rerank is the model's own, as a probability."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Reads nothing before it is first used."""
        self._folder = folder
        self._threads = threads
        self._thread = ThreadPoolExecutor(1, "cross-encoder")

    @functools.cached_property
    def name(self) -> str:
        """Other files have another: what they say of themselves is read, not their gigabytes."""
        facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._files() if path.is_file()]
        return f"{self._folder.name} {facts}"

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """Raises ModelUnavailable."""
        try:
            scores = await asyncio.get_running_loop().run_in_executor(
                self._thread,
                self._scores,
                question,
                [each.source.chunk.embedding_text(each.source.title) for each in passages],
            )
        except ModelFilesInvalid as error:
            raise ModelUnavailable(error.detail) from error
        rated = [
            replace(each, score=score, scores=replace(each.scores, rerank=score))
            for each, score in zip(passages, scores.tolist(), strict=True)
        ]
        return sorted(rated, key=lambda each: -each.score)

    async def ping(self) -> None:
        """Loads the model if nothing did so yet. Raises ModelFilesInvalid."""
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._loaded)

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    def _scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        batches = [texts[first : first + _BATCH] for first in range(0, len(texts), _BATCH)]
        return np.concatenate([self._loaded.scores(question, batch) for batch in batches]) if texts else np.zeros(0)

    def _files(self) -> tuple[Path, Path]:
        weights = self._folder / "model.onnx"
        return weights if weights.is_file() else self._folder / "onnx" / "model.onnx", self._folder / "tokenizer.json"

    @functools.cached_property
    def _loaded(self) -> _Loaded:
        return _Loaded.of(*self._files(), self._threads)


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Any
    tokenizer: Any
    inputs: frozenset[str]

    @classmethod
    def of(cls, weights: Path, tokenizer_file: Path, threads: int) -> _Loaded:
        for path in (weights, tokenizer_file):
            if not path.is_file():
                raise ModelFilesInvalid(
                    f"{path} is not there: a reranker's folder holds model.onnx and tokenizer.json."
                )
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # as app/__init__.py does for all of the process
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leaves the cores to others
        try:
            session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
            tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # neither library has a class of its own for a file that is none
            raise ModelFilesInvalid(f"{weights.parent} holds no cross-encoder ({type(error).__name__}).") from error
        inputs = frozenset(each.name for each in session.get_inputs())
        if not {"input_ids", "attention_mask"} <= inputs <= _INPUTS:
            raise ModelFilesInvalid(f"{weights} wants {', '.join(sorted(inputs))}: it is no cross-encoder.")
        tokenizer.enable_truncation(_MAX_TOKENS, strategy="only_second")  # the question is read whole
        padding = tokenizer.padding or {}
        tokenizer.enable_padding(pad_id=padding.get("pad_id", 0), pad_token=padding.get("pad_token", "[PAD]"))
        return cls(session, tokenizer, inputs)

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """(n,) probabilities of relevance. Raises ModelFilesInvalid, ModelUnavailable."""
        try:
            encoded = self.tokenizer.encode_batch([(question, text) for text in texts])
            given = {
                "input_ids": np.array([each.ids for each in encoded], np.int64),
                "attention_mask": np.array([each.attention_mask for each in encoded], np.int64),
                "token_type_ids": np.array([each.type_ids for each in encoded], np.int64),
            }
            (logits, *_) = self.session.run(None, {name: given[name] for name in self.inputs})
        except Exception as error:  # a question as long as the model reads, or a model that fails on its inputs
            raise ModelUnavailable(f"The reranker does not read this ({type(error).__name__}).") from error
        rows = np.asarray(logits, np.float64).reshape(len(texts), -1)
        if rows.shape[1] > 2 or not np.isfinite(rows).all():
            raise ModelFilesInvalid(f"It gives {rows.shape[1]} figures for a passage, or none that is a number.")
        margin = rows[:, -1] - (rows[:, 0] if rows.shape[1] > 1 else 0.0)
        return np.asarray(1 / (1 + np.exp(-np.clip(margin, -50, 50))))
