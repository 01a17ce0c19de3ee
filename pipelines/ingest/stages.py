"""The stages as a worker process runs them: files and bytes in, bytes and small values out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.domain.chunks import Chunk
from pipelines.domain.privacy import PiiPolicy, RedactionReport
from pipelines.ingest import chunk, parse, redact
from pipelines.ingest.normalise import normalise
from pipelines.ingest.parse import codec
from pipelines.ports import TokenCounter


def parse_range(path: Path, media_type: str, pages: parse.PageRange, ocr: parse.Ocr | None = None) -> bytes:
    """The blocks of some pages, encoded. Raises UnreadableFile and its kinds."""
    return codec.dump(parse.parse_range(path, media_type, pages, ocr))


def redact_parts(
    parts: Sequence[bytes], policy: PiiPolicy, key: bytes, place: redact.Place | None = None
) -> tuple[bytes, RedactionReport]:
    """Ranges of pages, in order, to one document without personal data, encoded."""
    document, report = redact.redact(normalise([codec.load(part) for part in parts]), policy, key, place)
    return codec.dump(document), report


def chunk_document(document: bytes, version_id: str, chunker: str, count_tokens: TokenCounter) -> list[Chunk]:
    return chunk.chunk(codec.load(document), version_id=version_id, chunker=chunker, count_tokens=count_tokens)
