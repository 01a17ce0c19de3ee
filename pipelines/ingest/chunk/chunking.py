"""Documents to chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipelines.domain.chunks import Chunk
from pipelines.domain.documents import ParsedDocument, chunking_method
from pipelines.domain.errors import ConfigurationError
from pipelines.domain.ids import chunk_id
from pipelines.ingest.chunk.boundaries import Grouping, filled, layout_boundaries, least_cost
from pipelines.ingest.chunk.cohesion import topic_boundaries
from pipelines.ingest.chunk.pieces import SEPARATOR
from pipelines.llama_index_import import import_llama_index
from pipelines.ports import TokenCounter

CHUNKER = "topics-130-1"
"""Method, aimed-at tokens, revision: another name whenever the same document may be cut otherwise."""


@dataclass(frozen=True, slots=True)
class Method:
    target_tokens: int
    grouping: Grouping


CHUNKERS: Mapping[str, Method] = MappingProxyType(
    {
        CHUNKER: Method(130, least_cost(topic_boundaries)),
        "layout-120-1": Method(120, least_cost(layout_boundaries)),
        "layout-200-1": Method(200, least_cost(layout_boundaries)),
        "recursive-200-1": Method(200, filled),
    }
)
"""The chunkers of this release. Each aims at a number of tokens and never goes over what the embedder reads."""


def canonical_text(document: ParsedDocument) -> str:
    """The text that chunks and citations count characters in: the blocks' texts, a blank line between."""
    return SEPARATOR.join(block.text for block in document.blocks)


def chunk(document: ParsedDocument, *, version_id: str, chunker: str, count_tokens: TokenCounter) -> list[Chunk]:
    """The document in chunks, in reading order. Runs in a worker process; the same arguments give the same ids.

    Every character of the canonical text but white space is in exactly one chunk, and a chunk's `embedding_text` is
    within what the embedder reads, given a title of at most 32 tokens. ConfigurationError for a chunker unknown here.
    """
    method = CHUNKERS.get(chunking_method(chunker))
    if method is None:
        raise ConfigurationError(f"There is no chunker {chunker!r}; this release has {', '.join(CHUNKERS)}.")
    import_llama_index()
    from llama_index.core.schema import Document, TextNode

    from pipelines.ingest.chunk.node_parser import LayoutNodeParser

    text = canonical_text(document)
    parser = LayoutNodeParser(
        target_tokens=method.target_tokens,
        grouping=method.grouping,
        count_tokens=count_tokens,
        include_prev_next_rel=False,
    )
    parsed = parser.get_nodes_from_documents(
        [Document(id_=version_id, text=text, metadata={"blocks": document.blocks})]
    )
    nodes = [node for node in parsed if isinstance(node, TextNode)]
    counts = count_tokens([node.text for node in nodes])
    return [
        Chunk(
            id=chunk_id(version_id, chunker, ordinal, node.text),
            version_id=version_id,
            chunker=chunker,
            ordinal=ordinal,
            text=node.text,
            start=node.metadata["regions"][0].start,
            end=node.metadata["regions"][-1].end,
            heading_path=node.metadata["heading_path"],
            regions=node.metadata["regions"],
            token_count=tokens,
        )
        for ordinal, (node, tokens) in enumerate(zip(nodes, counts, strict=True))
    ]
