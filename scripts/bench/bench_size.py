"""What documents take: bytes for each chunk and page in catalog, vectors, files and memory. For docs/sizing.md.

One embedded server, empty and then with the documents that are named (default: the sample handbook). JSON on standard output.

    .venv/bin/python -m scripts.bench.bench_size [FILE...]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.handbook import write
from scripts.bench.bench_server import memory
from tests.e2e.server import Server, finished, running, upload

_PARTS = {
    "catalog": "catalog.sqlite3",
    "audit": "audit.sqlite3",
    "caches": "caches.sqlite3",
    "journal": "workflows.sqlite3",
    "vectors": "chroma",
    "files": "files",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not files:
            write(folder / "handbook.pdf")
            files = [folder / "handbook.pdf"]
        print(json.dumps(measured(folder / "data", files), indent=1))


def measured(data: Path, files: list[Path]) -> dict[str, Any]:
    with running(data) as server, server.client() as client:
        server.stop()  # everything is on the disk then
        empty = _bytes(data)
        server.start()
        resting = _at_rest(server)
        began = time.perf_counter()
        documents = [upload(client, path) for path in files]
        for document in documents:
            finished(client, document["job_id"])
        took_s = time.perf_counter() - began
        seen = [client.get(f"/v1/documents/{each['document_id']}").json()["latest_version"] for each in documents]
        client.post("/v1/search", json={"query": "What is written here?"}).raise_for_status()
        filled = memory(server)
        server.stop()
        full = _bytes(data)
    chunks, pages = sum(each["chunks"] for each in seen), sum(each["pages"] or 1 for each in seen)
    grown = {part: full.get(part, 0) - empty.get(part, 0) for part in full}
    return {
        "documents": len(files),
        "pages": pages,
        "chunks": chunks,
        "megabytes_of_originals": round(sum(path.stat().st_size for path in files) / 1e6, 2),
        "taken_in_s": round(took_s, 1),
        "disk_bytes": grown,
        "bytes_per_chunk": {part: round(size / chunks) for part, size in grown.items()},
        "bytes_per_page": {part: round(size / pages) for part, size in grown.items()},
        "memory_mb": {"empty": round(resting / 1e6), "after": round(filled / 1e6)},
        "load_average": round(os.getloadavg()[0], 1),
    }


def _at_rest(server: Server) -> int:
    time.sleep(2)  # what a start reads
    return memory(server)


def _bytes(data: Path) -> Mapping[str, int]:
    """By part; what is none of them is `other`."""
    found: dict[str, int] = {}
    for path in data.rglob("*"):
        if path.is_file():
            top = path.relative_to(data).parts[0]
            part = next((name for name, first in _PARTS.items() if top.startswith(first)), "other")
            if top in ("server.log", "models"):
                continue
            if part == "files":
                part = "originals" if "originals" in path.relative_to(data).parts else "work files"
            found[part] = found.get(part, 0) + path.stat().st_size
    return found


if __name__ == "__main__":
    main()
