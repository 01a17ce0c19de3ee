"""What models read, write and take, as they say it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.observability.metrics import MODEL_COMPUTE, TOKENS

_PHASES = {"load_duration": "load", "prompt_eval_duration": "prompt", "eval_duration": "completion"}
_KINDS = {"prompt_eval_count": "prompt", "eval_count": "completion"}


def spent(model: str, said: Mapping[str, Any]) -> None:
    """The end of an answer of Ollama (docs/api.md of Ollama): counts of tokens, durations in nanoseconds; any may be absent."""
    for member, kind in _KINDS.items():
        TOKENS.labels(kind, model).inc(max(0, said.get(member) or 0))
    for member, phase in _PHASES.items():
        MODEL_COMPUTE.labels(model, phase).inc(max(0, said.get(member) or 0) / 1e9)


def embedded(model: str, tokens: int) -> None:
    TOKENS.labels("embedded", model).inc(tokens)
