"""Archives of files that are taken in one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipelines.domain.jobs import JobError


@dataclass(frozen=True, slots=True)
class Bundle:
    """An archive as it was uploaded, and what is to be said of each document that comes of it.

    `readers` None: everyone of the tenant. `user_id` is who sent it.
    """

    id: str
    tenant_id: str
    collection_id: str
    user_id: str
    readers: frozenset[str] | None
    metadata: Mapping[str, str]
    filename: str
    sha256: str
    size_bytes: int
    created_at: datetime

    @property
    def blob_key(self) -> str:
        return f"bundles/{self.id}"


@dataclass(frozen=True, slots=True)
class BundleFile:
    """What became of a file of a bundle: a document, or a problem. `position` counts from 0.

    The path is empty once the document is erased.
    """

    bundle_id: str
    position: int
    path: str
    document_id: str | None = None
    version_id: str | None = None
    duplicate: bool = False
    problem: JobError | None = None
