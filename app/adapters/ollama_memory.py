"""What Ollama holds in memory: `GET /api/ps` (docs/api.md of Ollama)."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from pipelines.domain.errors import ModelUnavailable

_TIMEOUT_S = 2.0


class Loaded(NamedTuple):
    """Bytes of all loaded models together: on the GPU, and beside it."""

    models: int
    vram_bytes: int
    ram_bytes: int


async def loaded(url: str) -> Loaded:
    """Raises ModelUnavailable."""
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as http:
            models = (await http.get(f"{url}/api/ps")).raise_for_status().json()["models"]
        sizes = [(int(each["size"]), int(each.get("size_vram") or 0)) for each in models]
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise ModelUnavailable(f"Ollama does not say what it holds ({type(error).__name__}).") from error
    return Loaded(len(sizes), sum(vram for _, vram in sizes), sum(size - vram for size, vram in sizes))
