"""Layout chunking as a LlamaIndex node parser. Imports llama_index.core: import this module inside functions only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, Document, NodeRelationship, RelatedNodeInfo, TextNode

from pipelines.domain.chunks import Region
from pipelines.domain.documents import Block
from pipelines.ingest.chunk.boundaries import Grouping
from pipelines.ingest.chunk.layout import layout_groups, regions_of
from pipelines.ingest.chunk.pieces import block_spans
from pipelines.ports import TokenCounter


class LayoutNodeParser(NodeParser):
    """Nodes whose text is a slice of the document's, under `metadata`: heading_path, regions.

    Takes Documents whose text is the canonical text of the blocks in `metadata["blocks"]`. Counts tokens only by the
    counter it is given: LlamaIndex's own tokeniser, which is fetched, is never asked for.
    """

    target_tokens: int
    count_tokens: Any  # TokenCounter; pydantic cannot check a callable's types
    grouping: Any  # Grouping
    include_metadata: bool = False  # the blocks of a document are not those of a node

    def _parse_nodes(self, nodes: Sequence[BaseNode], *_: Any, **__: Any) -> list[BaseNode]:
        return [part for node in nodes for part in self._parse(node)]

    def _parse(self, node: BaseNode) -> list[TextNode]:
        text = node.get_content()
        blocks: Sequence[Block] = node.metadata["blocks"]
        count_tokens: TokenCounter = self.count_tokens
        grouping: Grouping = self.grouping
        spans = block_spans(blocks)
        source = RelatedNodeInfo(node_id=node.node_id)  # without the metadata, which holds all blocks
        parts: list[TextNode] = []
        for ordinal, (pieces, path) in enumerate(
            layout_groups(blocks, text, self.target_tokens, count_tokens, grouping)
        ):
            start, end = pieces[0].start, pieces[-1].end
            regions: tuple[Region, ...] = regions_of(pieces, blocks, spans)
            parts.append(
                TextNode(
                    id_=self.id_func(ordinal, node),
                    text=text[start:end],
                    start_char_idx=start,
                    end_char_idx=end,
                    metadata={"heading_path": path, "regions": regions},
                    relationships={NodeRelationship.SOURCE: source},
                )
            )
        return parts

    def _postprocess_parsed_nodes(self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]) -> list[BaseNode]:
        # LlamaIndex searches for each node's text and takes the first place it stands at, which may be another.
        spans = [(node.start_char_idx, node.end_char_idx) for node in nodes if isinstance(node, TextNode)]
        done = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for node, (start, end) in zip(done, spans, strict=True):
            if isinstance(node, TextNode):
                node.start_char_idx, node.end_char_idx = start, end
        return done
