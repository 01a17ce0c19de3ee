"""`cairn ingest --unpack`: archives, each of whose files becomes a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.cli import show
from app.client import Cairn
from app.client.models import JobError, UploadedBundle


def run(
    client: Cairn,
    paths: Sequence[Path],
    collection: str,
    readers: Sequence[str] | None,
    *,
    wait: bool,
    as_json: bool,
) -> bool:
    """Uploads them and follows what becomes of their files; whether every one can be searched."""
    bundles = [client.upload_bundle(path, collection, readers) for path in paths]
    if not wait:
        if as_json:
            show.as_json(bundles)
        else:
            show.out.print("\n".join(f"{bundle.filename}: job {bundle.job_id}" for bundle in bundles))
        return True
    unpacked = [client.ended(bundle.job_id) for bundle in bundles] if as_json else show.follow_jobs(client, bundles)
    files = [file for bundle in bundles for file in _files(client, bundle)]
    taken = [file for file in files if file["job_id"]]
    ended = [client.ended(file["job_id"]) for file in taken]
    problems = [(file["path"], JobError(**file["error"])) for file in files if file["error"]]
    problems += [(file["path"], job.error) for file, job in zip(taken, ended, strict=True) if job.error]
    problems += [("", job.error) for job in unpacked if job.error]
    if as_json:
        show.as_json({"jobs": unpacked, "files": files, "document_jobs": ended})
    else:
        show.out.print(f"{len(files) - len(problems)} of {len(files)} files can be searched.", highlight=False)
        for path, error in problems:
            show.err.print(f"{path}: {error.detail} ({error.code})", markup=False, highlight=False)
    return not problems


def _files(client: Cairn, bundle: UploadedBundle) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = client.get(f"/v1/bundles/{bundle.bundle_id}", cursor=cursor)
        yield from page["files"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
