"""Claims to the words they rest on. What nothing supports is not shown, whatever it points at.

Words alone take "Employees get free lunch" for a saying of "Employees get 28 days of leave", and meaning alone takes "at
nine" for "at ten": a claim needs both, its figures to the letter, and no denial between them (measured in
docs/adr/0011-answers-are-bound-before-shown.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.ports import Vectors
from pipelines.query.claims import Claim
from pipelines.query.evidence import Evidence
from pipelines.query.terms import Clause, clauses, coverage, figures, limits, measures, stems

_MOST = 3  # quotes of one claim
_STITCHED = 0.1  # how much more each further quote must bring: enough scraps would support anything
_OPPOSED = 0.5  # share of words from which a denial speaks of the same thing


class Bar(NamedTuple):
    """What supports a claim: the share of its words alone, or half that share and the cosine together."""

    words: float
    both: float


NAMED = Bar(words=0.65, both=1.0)
UNNAMED = Bar(words=0.75, both=1.1)  # in a passage that the claim does not point at


def support(claim: Claim, evidence: Sequence[Evidence], closeness: Vectors | None) -> list[Evidence]:
    """The fewest pieces that hold what the claim says, of the passages it names together, else of one that it does not.

    Every figure of the claim must stand in these very pieces or in the headings above them. Empty: unsupported.
    `closeness` (n,): the cosine of the claim to each piece; None: words alone decide.
    """
    cosines = [None] * len(evidence) if closeness is None else [float(cosine) for cosine in closeness]
    pool = [(piece, cosine) for piece, cosine in zip(evidence, cosines, strict=True) if not _opposed(claim, piece)]
    ranks = sorted({piece.rank for piece in evidence})
    named = _cover(claim, _of(pool, *(rank for rank in ranks if rank + 1 in claim.markers)), NAMED)
    return named or next(filter(None, (_cover(claim, _of(pool, rank), UNNAMED) for rank in ranks)), [])


def _of(pool: list[tuple[Evidence, float | None]], *ranks: int) -> list[tuple[Evidence, float | None]]:
    return [(piece, cosine) for piece, cosine in pool if piece.rank in ranks]


def _cover(claim: Claim, pool: list[tuple[Evidence, float | None]], bar: Bar) -> list[Evidence]:
    """Greedily: the piece with most of the figures, then of the words, that are still missing; then the closest."""
    said = frozenset(word for word in stems(claim.text) if not word[0].isdigit())
    missing_figures, missing_words = figures(claim.text), said
    # A number that is shared says nothing of what it counts: some word must be shared with it.
    pool = [each for each in pool if said & each[0].words]
    chosen: list[Evidence] = []
    closest: float | None = None
    while pool and len(chosen) < _MOST:
        best = max(
            pool,
            key=lambda each: (len(missing_figures & each[0].figures), len(missing_words & each[0].words), each[1] or 0),
        )
        pool.remove(best)
        piece, cosine = best
        chosen.append(piece)
        closest = cosine if closest is None else max(closest, cosine or closest)
        missing_figures -= piece.figures | figures(piece.heading)
        missing_words -= piece.words | stems(piece.heading)
        held = coverage(said, said - missing_words)
        stitched = _STITCHED * (len(chosen) - 1)
        enough = held >= bar.words + stitched if closest is None else closest + held / 2 >= bar.both + stitched
        if enough and not missing_figures and _denials_are_held(claim, chosen):
            return chosen
    return []


def _opposed(claim: Claim, piece: Evidence) -> bool:
    """Whether one denies what the other says, or they give the same number another unit or bound."""
    units = {number: {unit for other, unit in piece.measures if other == number} for number, _ in measures(claim.text)}
    if any(units[number] and unit not in units[number] for number, unit in measures(claim.text)):
        return True
    if any(word in piece.words for word in limits(claim.text) - limits(piece.text)):
        return True
    return any(_denies(ours, piece.clauses) for ours in clauses(claim.text)) or any(
        theirs.denied and not _echoed(theirs, claim) for theirs in piece.clauses
    )


def _denials_are_held(claim: Claim, chosen: Sequence[Evidence]) -> bool:
    """Whether what the claim denies is denied there: that nothing speaks against it is not enough."""
    held = [theirs for piece in chosen for theirs in piece.clauses if theirs.denied]
    return all(any(_shared(ours, theirs) >= _OPPOSED for theirs in held) for ours in clauses(claim.text) if ours.denied)


def _denies(ours: Clause, others: Sequence[Clause]) -> bool:
    """Whether the clause that says most of the same says the opposite."""
    best = max(others, key=lambda theirs: (_shared(ours, theirs), theirs.denied == ours.denied), default=None)
    if best is None or _shared(ours, best) < _OPPOSED:
        every = frozenset[str]().union(*(theirs.words for theirs in others))
        said = coverage(ours.words, every) >= _OPPOSED
        return ours.denied and said and not any(theirs.denied for theirs in others)
    return best.denied != ours.denied


def _shared(ours: Clause, theirs: Clause) -> float:
    return coverage(ours.words, theirs.words)


def _echoed(theirs: Clause, claim: Claim) -> bool:
    """Whether the claim leaves alone what is denied, or denies it too."""
    ours = clauses(claim.text)
    return coverage(stems(claim.text), theirs.words) < _OPPOSED or any(clause.denied for clause in ours)
