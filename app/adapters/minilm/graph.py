"""The ONNX graph of all-MiniLM-L6-v2, built once from its safetensors and kept in a cache folder.

BERT (Devlin et al. 2018; post-norm, exact GELU) with 6 layers of 12 heads and width 384; then the mean over the tokens
that are not padding and L2 normalisation, as sentence-transformers does (Reimers and Gurevych 2019).

Inputs: `ids` and `mask` (n, t) int32, 1 for a token and 0 for padding, which is on the right. Output: `vectors` (n, 384)
float32.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.adapters.minilm.weights import OFFICIAL_SHA256, WEIGHTS, verify

VERSION = 2
LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
OPSET = 20
FUSED = "com.microsoft"  # onnxruntime's own operators (docs/ContribOperators.md there): one for what is many in ONNX


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
    """Collects nodes and constants; every method adds some and gives the names of what it computes."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        self._tensors = tensors
        self._nodes: list[object] = []
        self._constants: dict[str, object] = {}

    def model(self) -> Any:
        helper = self._helper
        hidden, lengths = self._embeddings()
        for layer in range(LAYERS):
            hidden = self._layer(hidden, lengths, f"encoder.layer.{layer}")
        self._pooled(hidden)
        types = helper.np_dtype_to_tensor_dtype
        integer, real = types(np.dtype(np.int32)), types(np.dtype(np.float32))
        graph = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info(name, integer, ["n", "t"]) for name in ("ids", "mask")],
            [helper.make_tensor_value_info("vectors", real, ["n", WIDTH])],
            list(self._constants.values()),
        )
        operators = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=operators, ir_version=10)

    # --- parts ---

    def _embeddings(self) -> Sequence[str]:
        """Of word, position and segment 0, (n, t, 384); and how many tokens each text has, (n,)."""
        segment = self._tensors["embeddings.token_type_embeddings.weight"][0]
        places = self._constant("places", self._tensors["embeddings.position_embeddings.weight"] + segment)
        words, norm = self._weight("embeddings.word_embeddings.weight"), self._norm("embeddings.LayerNorm")
        inputs = ["ids", "", words, places, "", *norm, "mask"]  # those left empty are for segments other than 0
        return self._add("EmbedLayerNormalization", inputs, ["embedded", "lengths"], FUSED, epsilon=EPSILON)

    def _layer(self, hidden: str, lengths: str, name: str) -> str:
        weights, biases = self._stacked([f"{name}.attention.self.{part}" for part in ("query", "key", "value")])
        attended = self._fused("Attention", hidden, weights, biases, lengths, num_heads=HEADS)
        hidden = self._joined(attended, f"{name}.attention.output", hidden)
        weight, bias = self._stacked([f"{name}.intermediate.dense"])
        inner = self._fused("BiasGelu", self._op("MatMul", hidden, weight), bias)
        return self._joined(inner, f"{name}.output", hidden)

    def _joined(self, inner: str, name: str, hidden: str) -> str:
        """norm(linear(inner) + hidden), which ends either half of a layer."""
        weight, bias = self._stacked([f"{name}.dense"])
        product, norm = self._op("MatMul", inner, weight), self._norm(f"{name}.LayerNorm")
        return self._fused("SkipLayerNormalization", product, hidden, *norm, bias, epsilon=EPSILON)

    def _pooled(self, hidden: str) -> None:
        """The sum over tokens to unit length: the mean's divisor would fall out."""
        real = self._helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
        middle = self._constant("middle_axis", np.array([1], np.int64))
        mask = self._op("Unsqueeze", self._op("Cast", "mask", to=real), middle)
        total = self._op("Squeeze", self._op("MatMul", mask, hidden), middle)
        self._add("LpNormalization", [total], ["vectors"], axis=-1, p=2)

    # --- pieces ---

    def _op(self, kind: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        (output,) = self._add(kind, inputs, [f"{kind}_{len(self._nodes)}"], domain, **attributes)
        return output

    def _fused(self, kind: str, *inputs: str, **attributes: object) -> str:
        return self._op(kind, *inputs, domain=FUSED, **attributes)

    def _add(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: object
    ) -> Sequence[str]:
        self._nodes.append(self._helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs

    def _stacked(self, layers: Sequence[str]) -> tuple[str, str]:
        """Weights and biases of linear layers, side by side; torch keeps weights as (out, in)."""
        weights = np.concatenate([self._tensors[f"{layer}.weight"].T for layer in layers], axis=1)
        biases = np.concatenate([self._tensors[f"{layer}.bias"] for layer in layers])
        return self._constant(f"{layers[0]}.weight", weights), self._constant(f"{layers[0]}.bias", biases)

    def _norm(self, name: str) -> tuple[str, str]:
        return self._weight(f"{name}.weight"), self._weight(f"{name}.bias")

    def _weight(self, name: str) -> str:
        return self._constant(name, self._tensors[name])

    def _constant(self, name: str, value: NDArray[np.generic]) -> str:
        if name not in self._constants:
            self._constants[name] = self._numpy.from_array(np.ascontiguousarray(value), name)
        return name
