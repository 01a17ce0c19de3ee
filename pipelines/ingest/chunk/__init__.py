"""A document's text in passages that an embedder reads whole and a citation can point at (docs/adr/chunking.md)."""

from pipelines.ingest.chunk.chunking import CHUNKER, canonical_text, chunk

__all__ = ["CHUNKER", "canonical_text", "chunk"]
