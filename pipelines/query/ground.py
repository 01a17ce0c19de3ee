"""Claims to the words they rest on. What nothing supports is not shown, whatever it points at."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.query.claims import Claim
from pipelines.query.evidence import Evidence
from pipelines.query.terms import denied, figures, stems

NAMED = 0.5  # share of a claim's telling words that passages it points at must hold
FOUND = 0.6  # the same, of a passage that it does not point at
_MOST = 3  # quotes of one claim


def support(claim: Claim, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The fewest pieces that together hold what the claim says, from the passages it names or else from one other.

    Every figure of the claim must stand in these very pieces or in the headings above them, and no piece may deny what
    the claim says. Empty: unsupported.
    """
    named = [piece for piece in evidence if piece.rank + 1 in claim.markers]
    if covering := _cover(claim, named, NAMED):
        return covering
    for rank in dict.fromkeys(piece.rank for piece in evidence):
        if covering := _cover(claim, [piece for piece in evidence if piece.rank == rank], FOUND):
            return covering
    return []


def _cover(claim: Claim, evidence: Sequence[Evidence], share: float) -> list[Evidence]:
    """Greedily: the piece with most of the figures, then of the words, that are still missing."""
    said = frozenset(word for word in stems(claim.text) if not word[0].isdigit())
    missing_figures, missing_words = figures(claim.text), said
    # A number that is shared says nothing of what it counts: some word must be shared with it.
    pool = [piece for piece in evidence if said & piece.words and not _denies(claim, piece)]
    chosen: list[Evidence] = []
    while pool and len(chosen) < _MOST:
        best = max(pool, key=lambda each: (len(missing_figures & each.figures), len(missing_words & each.words)))
        pool.remove(best)
        chosen.append(best)
        missing_figures -= best.figures | figures(best.heading)
        missing_words -= best.words | stems(best.heading)
        if not missing_figures and len(missing_words) <= (1 - share) * len(said):
            return chosen
    return []


def _denies(claim: Claim, piece: Evidence) -> bool:
    """Whether one of them says "not" of a word that the other says plainly."""
    ours = denied(claim.text)
    return bool((ours & piece.words) - piece.denied or (piece.denied & stems(claim.text)) - ours)
