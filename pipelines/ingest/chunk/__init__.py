"""A document's text in passages that an embedder reads whole and a citation can point at (docs/adr/0004)."""

from pipelines.ingest.chunk.chunking import CHUNKER, CHUNKERS, canonical_text, chunk

__all__ = ["CHUNKER", "CHUNKERS", "canonical_text", "chunk"]
