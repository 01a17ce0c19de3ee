"""Sentences to the words they rest on. A sentence that nothing supports has no citation, whatever it claims."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.domain.answers import Citation
from pipelines.domain.documents import PageBox
from pipelines.query.evidence import Evidence
from pipelines.query.terms import coverage, numbers, stems

SUPPORT = 0.5  # share of a sentence's telling words that the evidence must hold
_SUPPORT_UNASKED = 0.6  # the same, of evidence that the model did not point at
_MARKERS = re.compile(r"\s*\[\s*(\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\s*\]")
_MOST = 3  # citations of one sentence


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence without its markers, and the passages (numbers from 1) that its markers name."""

    text: str
    markers: tuple[int, ...]

    @classmethod
    def of(cls, sentence: str) -> Claim:
        """Reads [1], [2][3], [1, 2]."""
        named = [int(number) for group in _MARKERS.findall(sentence) for number in re.split(r"\s*[,;]\s*", group)]
        bare = re.sub(r"\s+([.,;:!?])", r"\1", _MARKERS.sub("", sentence))
        return cls(" ".join(bare.split()), tuple(dict.fromkeys(named)))


def support(claim: Claim, evidence: Sequence[Evidence], question: str) -> list[Evidence]:
    """The pieces that support the claim, best first; those of passages it names before others. Empty: unsupported.

    Numbers are held to the letter: each of the claim's must stand in the passage, its headings or the question.
    """
    wanted = stems(claim.text)
    best: dict[int, tuple[float, Evidence]] = {}
    for piece in evidence:
        share = coverage(wanted, stems(piece.text))
        if share > best.get(piece.rank, (0.0, piece))[0]:
            best[piece.rank] = (share, piece)
    supported = []
    for rank, (share, piece) in best.items():
        asked = rank + 1 in claim.markers
        chunk = piece.passage.source.chunk
        context = " ".join((piece.passage.source.title, *chunk.heading_path, chunk.text))
        whole = coverage(wanted, stems(context))
        known = numbers(context) | numbers(question)
        if numbers(claim.text) <= known and (whole if asked else share) >= (SUPPORT if asked else _SUPPORT_UNASKED):
            supported.append((not asked, -share, rank, piece))
    named = [piece for unasked, _, _, piece in sorted(supported, key=lambda each: each[:3]) if not unasked]
    others = [piece for unasked, _, _, piece in sorted(supported, key=lambda each: each[:3]) if unasked]
    return (named or others[:1])[:_MOST]


@dataclass(slots=True)
class Citations:
    """The citations of one answer, numbered as they come; the same words are cited under the same number."""

    found: list[Citation] = field(default_factory=list)
    _numbers: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def cite(self, piece: Evidence) -> tuple[Citation, bool]:
        """The citation of a piece, and whether it is new."""
        key = (piece.passage.source.chunk.id, piece.start, piece.end)
        if key in self._numbers:
            return self.found[self._numbers[key] - 1], False
        citation = _citation(len(self.found) + 1, piece)
        self.found.append(citation)
        self._numbers[key] = citation.number
        return citation, True


def _citation(number: int, piece: Evidence) -> Citation:
    source = piece.passage.source
    chunk = source.chunk
    start, end = chunk.start + piece.start, chunk.start + piece.end
    under = [region for region in chunk.regions if region.start < end and region.end > start] or list(chunk.regions[:1])
    return Citation(
        number=number,
        document_id=source.document_id,
        version_id=chunk.version_id,
        chunk_id=chunk.id,
        title=source.title,
        filename=source.filename,
        page=under[0].page,
        boxes=tuple(dict.fromkeys(PageBox(region.page, region.box) for region in under)),
        quote=piece.quote,
        start=start,
        end=end,
    )
