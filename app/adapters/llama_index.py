"""LlamaIndex's parts as ports. It is imported when one is first used (1 s, 90 MB)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.domain.answers import Passage
from pipelines.domain.errors import DependencyUnavailable, ModelUnavailable

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor


class PostprocessorReranker:
    """A node postprocessor as a Reranker of pipelines/ports.py.

    It orders, and neither adds nor takes away: what it leaves out follows, in the order in which it came.
    """

    def __init__(self, name: str, build: Callable[[], BaseNodePostprocessor], *, best: float = 1.0) -> None:
        """`build` may import LlamaIndex: it is called from a thread, once. `best`: the score of what answers perfectly."""
        self.name = name
        self._build = build
        self._best = best

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """Raises ModelUnavailable, also when it says nothing about any passage."""
        postprocessor = await asyncio.to_thread(lambda: self._postprocessor)
        from llama_index.core.schema import NodeWithScore, TextNode

        nodes = [
            NodeWithScore(
                node=TextNode(id_=str(at), text=passage.source.chunk.embedding_text(passage.source.title)),
                score=passage.score,
            )
            for at, passage in enumerate(passages)
        ]
        try:
            found = await postprocessor.apostprocess_nodes(nodes, query_str=question)
        except DependencyUnavailable:
            raise
        except Exception as error:  # whatever it is built on fails in its own way
            raise ModelUnavailable(f"{self.name} does not answer ({type(error).__name__}).") from error
        if passages and not found:
            raise ModelUnavailable(f"{self.name} did not say which passages are the better ones.")
        scores = {int(each.node.node_id): each.score for each in reversed(found)}
        chosen = dict.fromkeys(int(each.node.node_id) for each in found)
        rest = [passage for at, passage in enumerate(passages) if at not in chosen]
        return [*(_rated(passages[at], scores[at], self._best) for at in chosen), *rest]

    @cached_property
    def _postprocessor(self) -> BaseNodePostprocessor:
        return self._build()


def _rated(passage: Passage, score: float | None, best: float) -> Passage:
    if score is None:
        return passage
    share = min(max(score / best, 0.0), 1.0)
    return replace(passage, score=share, scores=replace(passage.scores, rerank=share))
