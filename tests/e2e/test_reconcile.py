"""Whatever happened to indexes and files behind the catalog's back is found and mended, both ways, and counted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import chromadb
import httpx
import pytest
from chromadb.api import ClientAPI
from chromadb.config import Settings as ChromaSettings

from tests.e2e.server import Server, finished, upload

NAMES = ["amber", "birch", "cedar", "dahlia"]
STRANGER = "ver_00000000000000000000000000000000"
TWO_DAYS_S = 172_800


class Library:
    """Four documents on a server that is stopped, so that anything may happen to its folder."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder / "data").start()
        with self.server.client() as client:
            self.documents = {name: upload(client, _note(folder, name)) for name in NAMES}
            for document in self.documents.values():
                finished(client, document["job_id"])
        self.server.stop()
        self.files = self.server.data_dir / "files"
        self.sound = self.state()

    def version(self, name: str) -> str:
        return str(self.documents[name]["version_id"])

    def state(self) -> dict[str, Any]:
        """All that is derived, and all files."""
        with self.catalog() as catalog, self.chroma() as chroma:
            return {
                "chunks": set(catalog.execute("SELECT id FROM chunks").fetchall()),
                "keywords": set(catalog.execute("SELECT chunk_id, version_id FROM keyword_rows").fetchall()),
                "vectors": {each.name: set(each.get(include=[])["ids"]) for each in chroma.list_collections()},
                "files": {str(path.relative_to(self.files)) for path in self.files.rglob("*") if path.is_file()},
            }

    @contextmanager
    def catalog(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.server.data_dir / "catalog.sqlite3")) as connection, connection:
            yield connection

    @contextmanager
    def chroma(self) -> Iterator[ClientAPI]:
        settings = ChromaSettings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(path=str(self.server.data_dir / "chroma"), settings=settings)
        yield client
        client.close()  # type: ignore[attr-defined]  # of the client, not of the interface

    def reconcile(self) -> dict[str, int]:
        """Starts the server, reconciles, asks for every document, stops; what was found."""
        self.server.start()
        try:
            with self.server.client() as client:
                response = client.post("/v1/admin/reconcile")
                assert response.status_code == 202, response.text
                job = finished(client, response.json()["id"])
                for name in NAMES:
                    assert self._found(client, name) == {name}
        finally:
            self.server.stop()
        outputs = [step["output"] for step in job["steps"]]
        return {
            key: value for output in outputs for key, value in output.items() if value and key not in ("ms", "last")
        }

    def _found(self, client: httpx.Client, name: str) -> set[str]:
        body = {"query": f"Which room holds the lantern of {name}?", "top_k": 1}
        return {passage["title"] for passage in client.post("/v1/search", json=body).json()["passages"]}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def library(prepared: Library) -> Library:
    assert prepared.state() == prepared.sound, "the test before this one left drift"
    return prepared


def test_nothing_is_found_where_nothing_drifted(library: Library) -> None:
    assert library.reconcile() == {"collections": 1, "page_size": 1}
    assert library.state() == library.sound


def test_what_the_indexes_lost_is_made_again(library: Library) -> None:
    with library.catalog() as catalog, library.chroma() as chroma:
        (vectors,) = chroma.list_collections()
        some = vectors.get(where={"version_id": library.version("amber")}, include=[])["ids"]
        vectors.delete(ids=some[:1])
        catalog.execute(
            "DELETE FROM keyword_text WHERE rowid IN (SELECT id FROM keyword_rows WHERE version_id = ?)",
            (library.version("birch"),),
        )
        catalog.execute("DELETE FROM keyword_rows WHERE version_id = ?", (library.version("birch"),))
        catalog.execute("DELETE FROM chunks WHERE version_id = ? AND ordinal > 0", (library.version("cedar"),))
    assert library.reconcile()["incomplete_versions"] == 3
    assert library.state() == library.sound


def test_a_vector_store_that_is_gone_is_made_again(library: Library) -> None:
    shutil.rmtree(library.server.data_dir / "chroma")
    assert library.reconcile()["incomplete_versions"] == len(NAMES)
    assert library.state() == library.sound


def test_what_nobody_owns_is_removed(library: Library) -> None:
    with library.catalog() as catalog, library.chroma() as chroma:
        (vectors,) = chroma.list_collections()
        one = vectors.get(limit=1, include=["embeddings"])
        vectors.add(ids=["chk_stray"], embeddings=one["embeddings"], metadatas=[{"version_id": STRANGER}])
        unknown = chroma.create_collection("gen_unknown", metadata=vectors.metadata)
        unknown.add(ids=["chk_old"], embeddings=one["embeddings"], metadatas=[{"version_id": STRANGER}])
        for chunk, version in (("chk_other", f"{STRANGER[:-1]}1"), ("chk_tail", library.version("amber"))):
            catalog.execute(
                "INSERT INTO keyword_rows (chunk_id, version_id) VALUES (?, ?)",  # after the last: of its collection
                (chunk, version),
            )
            catalog.execute("INSERT INTO keyword_text (rowid, text) SELECT max(id), 'stray' FROM keyword_rows")
    found = library.reconcile()
    assert (found["orphan_versions"], found["unknown_generations"], found["incomplete_versions"]) == (2, 1, 1)
    assert library.state() == library.sound


def test_what_another_program_keeps_in_the_same_vector_store_is_left_alone(library: Library) -> None:
    with library.chroma() as chroma:
        chroma.create_collection("gen_of_somebody_else", metadata={"collection_id": "col_elsewhere"})
        chroma.create_collection("plain")
    assert "unknown_generations" not in library.reconcile()
    with library.chroma() as chroma:
        assert len(chroma.list_collections()) == 3
        chroma.delete_collection("gen_of_somebody_else")
        chroma.delete_collection("plain")


def test_files_nobody_needs_are_removed_once_they_are_old(library: Library) -> None:
    old = [f"originals/{STRANGER}", f"redacted/{STRANGER}/layout/policy"]
    left = f"parsed/{library.version('amber')}/x/000001"  # of work that is over: removed at the start, however young
    for key in (*old, left, f"originals/{STRANGER[:-1]}2"):
        (library.files / key).parent.mkdir(parents=True, exist_ok=True)
        (library.files / key).write_bytes(b"stray")
    for key in old:
        os.utime(library.files / key, (time.time() - TWO_DAYS_S,) * 2)
    assert library.reconcile()["orphan_files"] == len(old)
    young = library.files / "originals" / f"{STRANGER[:-1]}2"
    assert young.exists(), "its upload may be going on"
    young.unlink()
    assert library.state() == library.sound


def test_an_original_that_was_set_aside_too_early_comes_back_and_a_lost_one_is_told(library: Library) -> None:
    originals, aside = library.files / "originals", library.files / "set-aside"
    aside.mkdir(exist_ok=True)
    (originals / library.version("birch")).rename(aside / library.version("birch"))
    lost = originals / library.version("dahlia")
    content = lost.read_bytes()
    lost.unlink()
    found = library.reconcile()
    assert (found["restored_originals"], found["lost_originals"]) == (1, 1)
    lost.write_bytes(content)
    assert library.state() == library.sound


def _note(folder: Path, name: str) -> Path:
    path = folder / f"{name}.md"
    rooms = (f"## Room {n}\n\nThe lantern of {name} hangs in room {n}. " + "It is old. " * 60 for n in range(4))
    path.write_text(f"# {name}\n\n" + "\n\n".join(rooms))
    return path
