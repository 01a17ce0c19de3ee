"""Backups: everything that cannot be made again, in one folder, and back into an empty system of either kind.

    manifest.json            what is in it, with the SHA-256 of every file, signed
    rows/TABLE.jsonl.gz      catalog and audit log
    files/KEY                originals, and what was read of them, without redacted data
    vectors/GENERATION.parquet   where the index could be read
    secrets/                 keys that lie in the data folder; those that are settings stay with their keeper

A backup carries the public key that it is signed with, which shows that it is whole, and not whose it is. Whose it is shows the
key that is a setting, or that is named at the restore. A key that lies in the data folder is in the backup: who can
change the backup can sign it.

Keyword rows are made again from the catalog; vectors that are missing too, by the reconcile job that a restore leaves behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from app.services.documents import start_event
from app.services.signatures import signed
from app.services.upkeep.requests import ask_for
from pipelines.domain.documents import Generation
from pipelines.domain.erasure import key_id
from pipelines.domain.errors import CairnError
from pipelines.ports import Blobs, Catalog, Clock, KeywordIndex, Signer, VectorIndex, Vectors

_FORMAT = 1
_KINDS = ("originals", "redacted")
_TRIES = 5  # a document that is deleted while it is copied is left out by the next
_PAGE = 500

Report = Callable[[str, int], None]
"""What is being done, and how much of it is done."""


class BackupUnusable(CairnError):
    """The backup is not whole, or not for this system."""

    code = "backup_unusable"


class Records(Protocol):
    def revision(self) -> str: ...  # of the schema
    def empty(self) -> bool: ...
    def write(self, folder: Path) -> dict[str, int]: ...  # rows by table
    def read(self, folder: Path) -> dict[str, int]: ...


class VectorFiles(Protocol):
    def write(self, path: Path, parts: Iterator[tuple[list[str], Vectors]]) -> int: ...  # how many
    def read(self, path: Path) -> Iterator[tuple[list[str], Vectors]]: ...


@dataclass(frozen=True, slots=True)
class Restored:
    rows: Mapping[str, int]  # by table
    signed_by: str  # the id of the key
    vouched: bool  # whether that key was known here, or only from the backup itself


@dataclass(frozen=True, slots=True)
class Recovery:
    records: Records
    catalog: Catalog
    blobs: Blobs
    vectors: VectorIndex | None  # None: another process has it
    keywords: KeywordIndex
    vector_files: VectorFiles
    signer: Signer
    secrets: Sequence[Path]  # those that are there
    clock: Clock
    signing_key: str | None = None  # public (base64): the operator's own, where it is a setting

    async def backup(self, parent: Path, report: Report) -> Path:
        """Makes a folder in `parent` and returns it. The server may go on. A backup that fails leaves nothing."""
        at = self.clock()
        done = parent / f"cairn-{at:%Y%m%dT%H%M%SZ}"
        folder = done.with_suffix(".part")
        folder.mkdir(mode=0o700, parents=True)
        try:
            rows = await self._copy_rows_and_files(folder, report)
            vectors = await self._copy_vectors(folder, report)
            (folder / "secrets").mkdir(mode=0o700)
            for secret in self.secrets:
                if secret.is_file():
                    shutil.copy2(secret, folder / "secrets" / secret.name)
            sums = await asyncio.to_thread(_sums, folder)
            statement = {
                "format": _FORMAT,
                "made_at": at.isoformat(),
                "schema": await asyncio.to_thread(self.records.revision),
                "rows": rows,
                "vectors": vectors,
                "sha256": sums,
            }
            manifest = {
                **statement,
                "public_key": self.signer.public_key,
                "signature": self.signer.sign(statement)._asdict(),
            }
            (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
            folder.rename(done)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return done

    async def restore(self, folder: Path, report: Report, key: str | None = None) -> Restored:
        """`key`: who must have signed it, as its id or in base64; default: the operator's own key, where it is a setting.

        Raises BackupUnusable, before anything is changed.
        """
        manifest = await asyncio.to_thread(_checked, folder)
        signed_by, trusted = key_id(manifest["public_key"]), key or self.signing_key
        if trusted and trusted not in (signed_by, manifest["public_key"]):
            wanted = key or key_id(trusted)
            raise BackupUnusable(f"The backup is signed by the key {signed_by}, and not by {wanted}.")
        if manifest["schema"] != (schema := await asyncio.to_thread(self.records.revision)):
            raise BackupUnusable(
                f"The backup has schema {manifest['schema']} and this release {schema}: restore it with its own release first."
            )
        if not await asyncio.to_thread(self.records.empty):
            raise BackupUnusable("This system is not empty: a backup is restored into a new one.")
        for secret in self.secrets:
            if (kept := folder / "secrets" / secret.name).is_file():
                shutil.copy2(kept, secret)
        files = sorted(path for path in (folder / "files").rglob("*") if path.is_file())
        for number, path in enumerate(files, 1):
            await self.blobs.put(
                path.relative_to(folder / "files").as_posix(), await asyncio.to_thread(path.read_bytes)
            )
            report("files", number)
        rows = await asyncio.to_thread(self.records.read, folder / "rows")
        report("rows", sum(rows.values()))
        await self._fill_indexes(folder, report)
        await asyncio.to_thread(self._leave_work)
        return Restored(rows, signed_by, vouched=trusted is not None)

    async def _copy_rows_and_files(self, folder: Path, report: Report) -> dict[str, int]:
        (folder / "rows").mkdir()
        for _ in range(_TRIES):
            rows = await asyncio.to_thread(self.records.write, folder / "rows")
            wanted = {f"originals/{version}" for version in await asyncio.to_thread(self._versions)}
            copied: set[str] = set()
            for kind in _KINDS:
                for key in await self.blobs.keys(kind):
                    target = folder / "files" / key
                    if target.exists() or await self._copy(key, target):
                        copied.add(key)
                        report("files", len(copied))
            if wanted <= copied:
                return rows
        raise BackupUnusable("Files that the catalog names are not there: `cairn index reconcile` says which.")

    async def _copy(self, key: str, target: Path) -> bool:
        try:
            async with self.blobs.local(key) as path:
                target.parent.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(shutil.copyfile, path, target)
        except (KeyError, FileNotFoundError):  # deleted meanwhile
            return False
        return True

    async def _copy_vectors(self, folder: Path, report: Report) -> dict[str, int]:
        if self.vectors is None:
            return {}
        (folder / "vectors").mkdir()
        counts = {}
        for generation in await asyncio.to_thread(self._generations):
            parts = [
                await self.vectors.stored(generation, version)
                for version in sorted(await self.vectors.version_ids(generation))
            ]
            path = folder / "vectors" / f"{generation.id}.parquet"
            counts[generation.id] = await asyncio.to_thread(self.vector_files.write, path, iter(parts))
            report("vectors", sum(counts.values()))
        return counts

    async def _fill_indexes(self, folder: Path, report: Report) -> None:
        filled = 0
        for generation in await asyncio.to_thread(self._generations):
            known: dict[str, Any] = {}
            for version in await asyncio.to_thread(self._complete, generation):
                rows = await asyncio.to_thread(self._chunks, generation, version)
                known |= {row.id: row for row in rows}
                await self.keywords.upsert(generation.collection_id, rows)
                filled += len(rows)
                report("keyword rows", filled)
            path = folder / "vectors" / f"{generation.id}.parquet"
            if self.vectors is None or not path.is_file():
                continue
            for ids, vectors in self.vector_files.read(path):
                kept = [at for at, chunk_id in enumerate(ids) if chunk_id in known]
                await self.vectors.upsert(generation, [known[ids[at]] for at in kept], vectors[kept])

    def _leave_work(self) -> None:
        """Jobs that had not ended begin again when the server starts, and the indexes are compared with the catalog."""
        at = self.clock()
        with self.catalog.begin() as uow:
            for unfinished in uow.upkeep.silent(None, at + timedelta(days=1)):
                uow.outbox.add(start_event(uow.jobs.start_again(unfinished, at)), at)
            for tenant_id in uow.keys.tenants():
                ask_for(uow, tenant_id, at)

    # --- the catalog, from a thread ---

    def _versions(self) -> list[str]:
        with self.catalog.read() as uow:
            return list(_paged(lambda after: uow.upkeep.versions(after, _PAGE)))

    def _generations(self) -> list[Generation]:
        with self.catalog.read() as uow:
            collections = _paged(lambda after: uow.upkeep.collection_ids(None, after, _PAGE))
            return [each for one in collections for each in uow.generations.of_collection(one)]

    def _complete(self, generation: Generation) -> list[str]:
        with self.catalog.read() as uow:
            answering = _paged(lambda after: uow.upkeep.answering(generation.collection_id, after, _PAGE))
            return list(answering)

    def _chunks(self, generation: Generation, version_id: str) -> list[Any]:
        with self.catalog.read() as uow:
            return uow.chunks.of_version(version_id, generation.chunker)


def _paged(page: Callable[[str], list[str]]) -> Iterator[str]:
    after = ""
    while found := page(after):
        yield from found
        after = found[-1]


def _sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(folder: Path) -> dict[str, Any]:
    """The manifest of a backup that is whole. Raises BackupUnusable, naming what is not."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
        statement = {name: value for name, value in manifest.items() if name not in ("public_key", "signature")}
        whole = signed(statement, manifest["signature"], manifest["public_key"])
        wanted, kind = dict(manifest["sha256"]), manifest["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupUnusable(f"{folder} is not a backup: its manifest.json cannot be read.") from error
    if kind != _FORMAT:
        raise BackupUnusable(f"The backup has format {kind}; this release reads {_FORMAT}.")
    if not whole:
        raise BackupUnusable("The manifest is not what was signed.")
    found = _sums(folder)
    if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        raise BackupUnusable(f"{len(wrong)} files are not as they were written, {wrong[0]} first.")
    return manifest
