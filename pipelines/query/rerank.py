"""The order of what was found, without a model: documents that the question names first, passages that others around them
support, and not one page alone (measured in docs/adr/0025-found-by-name-meaning-and-words.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import nlargest

from pipelines.domain.answers import Place, Scores
from pipelines.query.fuse import BEST

_NAMED = 2.0  # how much more a passage of a document counts that the question surely names
_NEIGHBOUR = 0.1  # of its score, for each of the two chunks beside it
_PAGE = 0.1  # of its score, for each of the best others on its page
_MOST_OF_PAGE = 3
_SAME_PAGE = 0.3  # of its score, for each better passage of the same page
_SURELY = 0.3  # named, from which a document is meant rather than mentioned
_AGAINST_NAMES = 1.5  # times the fused score of the best that is named: a word of a title may be no name
_AMONG_FIRST = 5  # then it stands there whatever is named
_CEILING = BEST * (1 + _NAMED) * (1 + 2 * _NEIGHBOUR + _MOST_OF_PAGE * _PAGE)


def rerank(
    fused: Sequence[tuple[str, Scores]], places: Mapping[str, Place], named: Mapping[str, float], limit: int
) -> list[tuple[str, Scores]]:
    """The best `limit` of fused chunks, by id, best first. `places` of each; `named`: version ids, and how surely (0..1)
    the question names them.

    `rerank`, 0..1, is what puts them in this order; so it depends on the chunks before them.
    """
    at = [places[chunk_id] for chunk_id, _ in fused]
    own = {
        (place.version_id, place.ordinal): (scores.fused or 0.0) * (1 + _NAMED * named.get(place.version_id, 0.0))
        for place, (_, scores) in zip(at, fused, strict=True)
    }
    pages = _pages(at)
    together: defaultdict[object, list[float]] = defaultdict(list)
    for place, page in zip(at, pages, strict=True):
        together[page].append(own[place.version_id, place.ordinal])
    supported = [_supported(own, place, together[page]) for place, page in zip(at, pages, strict=True)]
    chosen = _kept_in_sight(_outstanding(fused, at, named), _spread(pages, supported, limit), supported)
    return [(fused[index][0], replace(fused[index][1], rerank=score / _CEILING)) for index, score in chosen]


def _supported(own: Mapping[tuple[str, int], float], place: Place, page: Sequence[float]) -> float:
    """`page`: the scores of all that was found on its page, its own among them."""
    before, itself, after = (own.get((place.version_id, place.ordinal + step), 0.0) for step in (-1, 0, 1))
    best = nlargest(_MOST_OF_PAGE + 1, page)
    others = sum(best) - (itself if itself in best else best[-1])
    return itself + _NEIGHBOUR * (before + after) + _PAGE * others


def _pages(places: Sequence[Place]) -> list[object]:
    """The same for two places on one page. Where all of a document stands on its first page, it has no pages to speak of."""
    paged = {place.version_id for place in places if place.page > 1}
    return [(place.version_id, place.page) if place.version_id in paged else place for place in places]


def _spread(pages: Sequence[object], scores: Sequence[float], limit: int) -> list[tuple[int, float]]:
    """(index, score), best first: whoever reads several passages wants several places."""
    left = dict(enumerate(scores))
    chosen: list[tuple[int, float]] = []
    while left and len(chosen) < limit:
        best = max(left, key=lambda index: (left[index], -index))
        chosen.append((best, left.pop(best)))
        for index in left:
            if pages[index] == pages[best]:
                left[index] *= _SAME_PAGE
    return chosen


def _outstanding(
    fused: Sequence[tuple[str, Scores]], places: Sequence[Place], named: Mapping[str, float]
) -> int | None:
    """The index of the best passage by itself, where it is far better than any of a document that is named."""
    scores = [each.fused or 0.0 for _, each in fused]
    meant = [score for score, place in zip(scores, places, strict=True) if named.get(place.version_id, 0.0) >= _SURELY]
    best = max(range(len(scores)), key=lambda index: (scores[index], -index), default=None)
    return best if best is not None and meant and scores[best] >= _AGAINST_NAMES * max(meant) else None


def _kept_in_sight(
    index: int | None, chosen: list[tuple[int, float]], scores: Sequence[float]
) -> list[tuple[int, float]]:
    if index is None or any(index == each for each, _ in chosen[:_AMONG_FIRST]):
        return chosen
    others = [each for each in chosen if each[0] != index]
    at = min(_AMONG_FIRST, len(chosen)) - 1
    above = others[at - 1][1] if at > 0 else scores[index]
    return [*others[: max(at, 0)], (index, above), *others[max(at, 0) :]][: len(chosen)]
