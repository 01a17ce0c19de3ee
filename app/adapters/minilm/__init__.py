"""The built-in embedding model."""

from app.adapters.minilm.embedder import MiniLmEmbedder

__all__ = ["MiniLmEmbedder"]
