"""`cairn ingest FOLDER` as a person runs it, on many small files: how fast they are sent and can be searched, and that Ctrl-C in
the middle and the same command again leave each of them there once. JSON on standard output.

    .venv/bin/python -m scripts.bench.bench_bulk [--files 500] [--parallel 4] [--sending] [--url URL --key KEY]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.client import Cairn
from tests.e2e.server import KEY, ROOT, running

_SENTENCES = 12
_WORDS = (
    "pump",
    "valve",
    "pressure",
    "hall",
    "inspection",
    "seal",
    "contract",
    "invoice",
    "delivery",
    "holiday",
    "limit",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--sending", action="store_true", help="do not wait until they can be searched")
    parser.add_argument("--url", help="a server that runs already; default: one of its own")
    parser.add_argument("--key", default=KEY)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder), arguments.url) as url:
        documents = Path(folder) / "documents"
        documents.mkdir()
        size = _write(documents, arguments.files)
        at = {
            **{"CAIRN_URL": url, "CAIRN_API_KEY": arguments.key, "PYTHONPATH": str(ROOT)},
            **{f"XDG_{kind}_HOME": str(Path(folder) / kind) for kind in ("CONFIG", "STATE")},
        }
        with Cairn(url, arguments.key) as client:
            collection = client.create_collection(f"bulk-{int(time.time())}").name
            words = ["ingest", str(documents), "-c", collection, "-j", str(arguments.parallel)]
            interrupted = _interrupted(client, collection, [*words, "--json", "--no-wait"], at, arguments.files // 3)
            sent, shown = _told([*words, "--no-wait"], at)
            again = _json([*words, "--json", "--no-wait"], at)
            titles = Counter(each.title for each in client.documents(collection))
        whole = None if arguments.sending else _fresh(url, arguments.key, [*words, "--json"], at)
    rest = arguments.files - interrupted["counts"]["sent"]
    report = {
        "files": arguments.files,
        "megabytes": round(size / 1e6, 2),
        "parallel": arguments.parallel,
        "interrupted_after": interrupted["counts"]["sent"],
        "left": interrupted["left"],
        "second_run": {"files": rest, "seconds": round(sent, 2), "files_per_s": round(rest / sent, 1), "said": shown},
        "third_run": {"counts": again["counts"], "seconds": again["seconds"]},
        "documents": len(titles),
        "repeats": sum(count - 1 for count in titles.values()),
        "uninterrupted": whole,
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(report, indent=2))


@contextmanager
def _server(folder: Path, url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with running(folder / "data") as server:
        yield server.url


def _write(folder: Path, count: int) -> int:
    """Bytes."""
    made = random.Random(7)
    for number in range(count):
        sentences = [" ".join(made.choices(_WORDS, k=12)).capitalize() + "." for _ in range(_SENTENCES)]
        (folder / f"note-{number:04}.md").write_text(f"# Note {number}\n\n{' '.join(sentences)}\n")
    return sum(path.stat().st_size for path in folder.iterdir())


def _started(words: list[str], at: Mapping[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "app.cli", *words]
    return subprocess.Popen(
        command, env={**os.environ, **at}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _interrupted(client: Cairn, collection: str, words: list[str], at: Mapping[str, str], after: int) -> dict[str, Any]:
    """Ctrl-C once so many documents are there."""
    process = _started(words, at)
    while sum(1 for _ in client.documents(collection)) < after:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    return dict(json.loads(out))


def _told(words: list[str], at: Mapping[str, str]) -> tuple[float, str]:
    """Seconds, and the last line that it said."""
    began = time.perf_counter()
    process = _started(words, at)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return time.perf_counter() - began, out.splitlines()[-1]


def _json(words: list[str], at: Mapping[str, str]) -> dict[str, Any]:
    process = _started(words, at)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return dict(json.loads(out))


def _fresh(url: str, key: str, words: list[str], at: Mapping[str, str]) -> dict[str, Any]:
    """All files in a collection of their own, from the command to the last one that can be searched."""
    with Cairn(url, key) as client:
        while any(client.jobs(status=status, limit=1).jobs for status in ("queued", "running")):
            time.sleep(1)  # those of the runs before would stand in line with these
        collection = client.create_collection(f"bulk-{int(time.time())}-whole").name
        words = [collection if before == "-c" else word for before, word in zip(["", *words], words, strict=False)]
        told = _json(words, at)
        first, last = ([each.created_at for each in client.documents(collection)][position] for position in (-1, 0))
    sending = (last - first).total_seconds()
    return {
        "counts": told["counts"],
        "sent_files_per_s": round((len(told["files"]) - 1) / sending, 1),
        "searchable_s": told["seconds"],
        "searchable_files_per_s": round(len(told["files"]) / told["seconds"], 1),
    }


if __name__ == "__main__":
    main()
