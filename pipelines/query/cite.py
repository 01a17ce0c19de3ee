"""Pieces of passages to citations: the words quoted, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.domain.answers import Citation
from pipelines.domain.documents import PageBox
from pipelines.query.evidence import Evidence


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
    under = [region for region in chunk.regions if region.start < end and region.end > start]
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
