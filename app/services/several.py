"""One question to several collections, each as it is searched alone: by its own model, for its own readers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.services.retrieval import Retrieved, Search
from app.services.timings import Timings
from pipelines.domain.access import Principal
from pipelines.domain.filters import EVERYTHING, Filters
from pipelines.query.merge import merge


async def search(
    retrieval: Search,
    principal: Principal,
    collections: Sequence[str],
    query: str,
    top_k: int = 8,
    filters: Filters = EVERYTHING,
) -> Retrieved:
    """The best passages of all; the first collection is the one that the question is put to, the others are `also`.

    Raises CollectionNotFound, IndexUnavailable.
    """
    timings = Timings()
    first, *others = await asyncio.gather(
        *(retrieval.search(principal, name, query, top_k, filters) for name in dict.fromkeys(collections))
    )
    if not others:
        return first
    found = (first, *others)
    timings.mark("retrieve")
    return replace(
        first,
        passages=tuple(merge([(each.embedding_model, each.passages) for each in found], top_k)),
        degraded=tuple(dict.fromkeys(name for each in found for name in each.degraded)),
        timings_ms=timings,
        cache="retrieval" if all(each.cache == "retrieval" for each in found) else "none",
        also=tuple(replace(each, passages=(), timings_ms={}) for each in others),
    )
