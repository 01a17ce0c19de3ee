"""What an operator sees of the server: traces, budgets, and figures that are looked at when Prometheus asks."""

from __future__ import annotations

import os
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.adapters import ollama_memory
from app.adapters.blobs import FolderBlobs
from app.bootstrap.engine import Engine
from app.bootstrap.stores import Stores
from app.observability.metrics import BUILD, CORES, MODEL_SLOTS
from app.observability.traces import OtelTracer
from app.services.gauges import Gauges
from app.services.health import Health
from app.services.sizes import Bytes, Sizes
from app.settings import Settings
from pipelines.ports import Clock

_SQLITE = ("", "-wal", "-shm")  # the files of one database


def tracer(settings: Settings) -> OtelTracer:
    return OtelTracer(settings.otlp_url, _release())


def gauges(settings: Settings, stores: Stores, engine: Engine, health: Health, clock: Clock) -> Gauges:
    """Also states what does not change while the process lives."""
    BUILD.labels(_release()).set(1)
    CORES.set(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    MODEL_SLOTS.set(settings.llm_concurrency)
    journal = engine.executor.contents if engine.executor else None
    sizes = Sizes(stores.catalog, stores.vectors.count, _bytes(settings, stores, engine), journal)
    loaded = partial(ollama_memory.loaded, settings.ollama_url) if settings.ollama_url else None
    return Gauges(health, stores.catalog, settings.data_dir, clock, sizes, loaded)


def _release() -> str:
    try:
        return version("cairn")
    except PackageNotFoundError:  # run from its folder
        return "unreleased"


def _bytes(settings: Settings, stores: Stores, engine: Engine) -> dict[str, Bytes]:
    """Of the stores that can be seen from here: those on this disk, and PostgreSQL, which says so."""
    folder = settings.data_dir.resolve()
    found: dict[str, Bytes] = {"catalog": stores.catalog.bytes}
    if settings.database_url is None:
        found["audit"] = partial(_database, folder / "audit.sqlite3")
    if settings.redis_url is None:
        found["cache"] = partial(_database, folder / "caches.sqlite3")
    if engine.executor is not None:
        found["journal"] = partial(_database, folder / "workflows.sqlite3")
    if stores.vectors.local:
        found["vectors"] = partial(_tree, folder / "chroma")
    if isinstance(stores.blobs, FolderBlobs):
        found["files"] = partial(_tree, folder / "files")
    return found


def _database(path: Path) -> int:
    files = (path.with_name(path.name + suffix) for suffix in _SQLITE)
    return sum(file.stat().st_size for file in files if file.exists())


def _tree(folder: Path) -> int:
    """Bytes of all files below, those left out that go while it looks."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except OSError:
                continue
    return total
