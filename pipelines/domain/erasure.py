"""The proof that a document was erased."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pipelines.domain.ids import derived_id

ALGORITHM = "Ed25519"


class ErasureStatus(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"  # something of the document could not be removed, or was found; its job says more


@dataclass(frozen=True, slots=True)
class Canaries:
    """What only one document holds: words and phrases in small letters, bytes of its file, the start of some vectors,
    and all its other rare words, which count where they stand alone."""

    words: tuple[str, ...]
    windows: tuple[bytes, ...]
    vectors: tuple[tuple[float, ...], ...]
    others: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words) + len(self.windows) + len(self.vectors) + len(self.others)


class ErasedVersion(NamedTuple):
    id: str
    sha256: str  # of the original


class Searched(NamedTuple):
    """A place that was searched, how much of it, and how many of the canaries were found there."""

    store: str
    amount: int
    unit: str  # bytes, rows
    canaries: int
    found: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is signed. Nothing in it tells what the document said."""

    id: str
    tenant_id: str
    document_id: str
    requested_at: datetime
    verified_at: datetime
    versions: tuple[ErasedVersion, ...]
    searched: tuple[Searched, ...]
    limits: tuple[str, ...]  # what the search could not see, in words

    def statement(self) -> dict[str, Any]:
        """As JSON says it; times are RFC 3339 in UTC."""
        times = {name: getattr(self, name).astimezone(UTC).isoformat() for name in ("requested_at", "verified_at")}
        return {
            **asdict(self),
            **times,
            "versions": [each._asdict() for each in self.versions],
            "searched": [each._asdict() for each in self.searched],
            "limits": list(self.limits),
        }


class Signature(NamedTuple):
    """Over the statement's canonical JSON (RFC 8785). `value` is base64."""

    algorithm: str
    key_id: str
    value: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was asked for, and, once nothing is left, its receipt."""

    id: str
    tenant_id: str
    document_id: str
    status: ErasureStatus
    requested_at: datetime
    statement: Mapping[str, Any] | None
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class ErasureOrder:
    """That everything of a person is to be erased; `user_id` None: of the tenant. `removed` at once: rows, by what they were."""

    id: str
    tenant_id: str
    user_id: str | None
    asked_by: str
    requested_at: datetime
    removed: Mapping[str, int]


def erasure_id(document_id: str) -> str:
    return derived_id("era", document_id)


def canonical(statement: Mapping[str, Any]) -> bytes:
    """The one way to write it that is signed: members sorted, nothing between them, UTF-8 (RFC 8785)."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_id(public_key: str) -> str:
    """Short name of a public key, given in base64."""
    return hashlib.sha256(public_key.encode()).hexdigest()[:16]
