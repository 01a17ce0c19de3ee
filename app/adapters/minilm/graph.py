"""The ONNX graph of all-MiniLM-L6-v2, built once from its safetensors and kept in a cache folder.

BERT (Devlin et al. 2018; post-norm, exact GELU) with 6 layers of 12 heads and width 384; then the mean over the tokens
that are not padding and L2 normalisation, as sentence-transformers does (Reimers and Gurevych 2019).

Inputs: `ids` (n, t) int64; `mask` (n, t) float32, 1 for a token and 0 for padding. Output: `vectors` (n, 384) float32.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.adapters.minilm.weights import OFFICIAL_SHA256, WEIGHTS, verify

VERSION = 1
LAYERS, HEADS, WIDTH = 6, 12, 384
HEAD_WIDTH = WIDTH // HEADS
EPSILON = 1e-12
OPSET = 20


def cached(weights: Path, cache_dir: Path) -> Path:
    """The graph's file, built when it is absent or not what was written. Raises ModelFilesInvalid."""
    path = cache_dir / f"all-MiniLM-L6-v2-{OFFICIAL_SHA256[WEIGHTS][:12]}-{VERSION}.onnx"
    seal = path.with_suffix(".sha256")
    if path.is_file() and seal.is_file() and seal.read_text() == _digest(path):
        return path
    verify(weights)
    cache_dir.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=cache_dir, suffix=".new")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(build(weights))
            file.flush()
            os.fsync(file.fileno())
        seal.unlink(missing_ok=True)
        digest = _digest(temporary)
        temporary.replace(path)
        seal.write_text(digest)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(weights: Path) -> bytes:
    """The serialised model."""
    from safetensors.numpy import load_file

    return bytes(_Graph(load_file(weights)).model().SerializeToString())


class _Graph:
    """Collects nodes and constants; every method adds some and gives the name of what it computes."""

    def __init__(self, tensors: dict[str, NDArray[np.float32]]) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        self._tensors = tensors
        self._nodes: list[object] = []
        self._constants: dict[str, object] = {}

    def model(self) -> Any:
        helper = self._helper
        hidden = self._embeddings()
        blocked = self._blocked()
        for layer in range(LAYERS):
            hidden = self._layer(hidden, blocked, f"encoder.layer.{layer}")
        self._pooled(hidden)
        types = helper.np_dtype_to_tensor_dtype
        integer, real = types(np.dtype(np.int64)), types(np.dtype(np.float32))
        graph = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [
                helper.make_tensor_value_info("ids", integer, ["n", "t"]),
                helper.make_tensor_value_info("mask", real, ["n", "t"]),
            ],
            [helper.make_tensor_value_info("vectors", real, ["n", WIDTH])],
            list(self._constants.values()),
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)

    # --- parts ---

    def _embeddings(self) -> str:
        """Of the word, of the position, and of segment 0; (n, t, 384)."""
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), "ids")
        length = self._op("Gather", self._op("Shape", "ids"), self._constant("one", np.array(1, np.int64)))
        zero, one = self._constant("zero", np.array(0, np.int64)), self._constant("one", np.array(1, np.int64))
        places = self._op("Range", zero, length, one)
        positions = self._op("Gather", self._weight("embeddings.position_embeddings.weight"), places)
        segment = self._constant("segment", self._tensors["embeddings.token_type_embeddings.weight"][0])
        return self._norm(self._op("Add", self._op("Add", words, positions), segment), "embeddings.LayerNorm")

    def _blocked(self) -> str:
        """0 for a token, a very negative number for padding; (n, 1, 1, t), added to attention scores."""
        away = self._op("Sub", "mask", self._constant("one_real", np.array(1, np.float32)))
        scaled = self._op("Mul", away, self._constant("very_large", np.array(3e38, np.float32)))
        return self._op("Unsqueeze", scaled, self._constant("middle_axes", np.array([1, 2], np.int64)))

    def _layer(self, hidden: str, blocked: str, name: str) -> str:
        attended = self._attention(hidden, blocked, f"{name}.attention.self")
        attended = self._linear(attended, f"{name}.attention.output.dense")
        hidden = self._norm(self._op("Add", attended, hidden), f"{name}.attention.output.LayerNorm")
        inner = self._op("Gelu", self._linear(hidden, f"{name}.intermediate.dense"))
        return self._norm(
            self._op("Add", self._linear(inner, f"{name}.output.dense"), hidden), f"{name}.output.LayerNorm"
        )

    def _attention(self, hidden: str, blocked: str, name: str) -> str:
        """softmax(Q K^T / sqrt(d)) V for each head; the scale is folded into Q's weights."""
        scale = 1 / HEAD_WIDTH**0.5
        query = self._heads(self._linear(hidden, f"{name}.query", scale), (0, 2, 1, 3))
        key = self._heads(self._linear(hidden, f"{name}.key"), (0, 2, 3, 1))
        value = self._heads(self._linear(hidden, f"{name}.value"), (0, 2, 1, 3))
        scores = self._op("Add", self._op("MatMul", query, key), blocked)
        mixed = self._op("MatMul", self._op("Softmax", scores, axis=-1), value)
        joined = self._op("Transpose", mixed, perm=[0, 2, 1, 3])
        return self._op("Reshape", joined, self._constant("joined", np.array([0, 0, WIDTH], np.int64)))

    def _heads(self, hidden: str, order: tuple[int, ...]) -> str:
        shape = self._constant("split", np.array([0, 0, HEADS, HEAD_WIDTH], np.int64))
        return self._op("Transpose", self._op("Reshape", hidden, shape), perm=list(order))

    def _linear(self, hidden: str, name: str, scale: float = 1.0) -> str:
        weight = self._constant(
            f"{name}.weight", np.ascontiguousarray(self._tensors[f"{name}.weight"].T * np.float32(scale))
        )
        bias = self._constant(f"{name}.bias", self._tensors[f"{name}.bias"] * np.float32(scale))
        return self._op("Add", self._op("MatMul", hidden, weight), bias)

    def _norm(self, hidden: str, name: str) -> str:
        scale, bias = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._op("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=EPSILON)

    def _pooled(self, hidden: str) -> None:
        """Mean over tokens, then unit length. The mean's divisor falls out of the second."""
        last = self._constant("last_axis", np.array([-1], np.int64))
        middle = self._constant("token_axis", np.array([1], np.int64))
        kept = self._op("Mul", hidden, self._op("Unsqueeze", "mask", last))
        total = self._op("ReduceSum", kept, middle, keepdims=0)
        self._op("LpNormalization", total, axis=-1, p=2, output="vectors")

    # --- pieces ---

    def _op(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        name = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def _weight(self, name: str) -> str:
        return self._constant(name, self._tensors[name])

    def _constant(self, name: str, value: NDArray[np.generic]) -> str:
        if name not in self._constants:
            self._constants[name] = self._numpy.from_array(np.asarray(value), name)
        return name
