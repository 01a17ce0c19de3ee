"""Embedders of pipelines/ports.py with one model."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.domain.errors import ModelUnavailable
from pipelines.ports import Embedder


@dataclass(frozen=True, slots=True)
class OneEmbedder:
    default: Embedder

    def of(self, model: str) -> Embedder:
        if model != self.default.model:
            raise ModelUnavailable(f"There is only {self.default.model}.")
        return self.default
