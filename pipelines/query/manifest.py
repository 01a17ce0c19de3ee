"""What an answer is made from, in hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from pipelines.domain.answers import Passage
from pipelines.domain.manifests import Source
from pipelines.ports import Message


def sources(found: Sequence[Passage], given: Sequence[Passage]) -> tuple[Source, ...]:
    """Of the passages found, best first; `given` are those that the answer could be made from."""
    ids = {passage.source.chunk.id for passage in given}
    return tuple(
        Source(
            passage.source.chunk.id,
            passage.source.document_id,
            passage.source.chunk.version_id,
            _sha256(passage.source.chunk.text),
            passage.source.chunk.id in ids,
        )
        for passage in found
    )


def prompt_sha256(messages: Sequence[Message]) -> str:
    return _sha256(json.dumps([list(message) for message in messages]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
