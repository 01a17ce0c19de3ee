"""Identifiers. Derived ones are pure functions of what they name, so the same work gives the same id."""

from __future__ import annotations

import hashlib
import secrets

_DIGEST_HEX = 32  # 128 bits: enough that a collision in one installation is not a practical event


def new_id(prefix: str) -> str:
    """A fresh random id, e.g. "doc_5f0c..." (96 random bits)."""
    return f"{prefix}_{secrets.token_hex(12)}"


def derived_id(prefix: str, *parts: str | int) -> str:
    """An id determined by `parts`; each part is length-framed, so ("ab", "c") and ("a", "bc") differ."""
    digest = hashlib.sha256()
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return f"{prefix}_{digest.hexdigest()[:_DIGEST_HEX]}"


def version_id(document_id: str, content_sha256: str) -> str:
    """The same bytes under the same document are one version."""
    return derived_id("ver", document_id, content_sha256)


def chunk_id(version: str, chunker: str, ordinal: int, text: str) -> str:
    return derived_id("chk", version, chunker, ordinal, text)


def job_id(kind: str, subject: str) -> str:
    """One job per kind of work and subject (a version, a document); a retry is the same job again."""
    return derived_id("job", kind, subject)
