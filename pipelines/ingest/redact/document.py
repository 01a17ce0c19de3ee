"""A parsed document without the personal data that a policy names."""

from __future__ import annotations

from dataclasses import replace

from pipelines.domain.documents import Block, ParsedDocument
from pipelines.domain.privacy import PiiPolicy, RedactionReport
from pipelines.ingest.redact.seal import Place
from pipelines.ingest.redact.text import TextRedactor

_BETWEEN_CELLS = "\n\n\x1f\n\n"  # no entity crosses a blank line


def redact(
    document: ParsedDocument, policy: PiiPolicy, key: bytes, place: Place | None = None
) -> tuple[ParsedDocument, RedactionReport]:
    """The document with title, blocks and table cells redacted, and the counts by entity. Runs in a worker process.

    A value has the same placeholder everywhere in the document. Raises SensitiveContent when the policy refuses the
    document, and RedactionFailed when the detector fails: nothing comes out unredacted.
    """
    redactor = TextRedactor(policy, key, place)
    title = redactor.redact(document.title) if document.title else document.title
    blocks = [_redact_block(block, redactor) for block in document.blocks]
    title = redactor.elsewhere(title) if title else title  # of what was found further down
    blocks = [_elsewhere(block, redactor) for block in blocks]
    return replace(document, title=title, blocks=tuple(blocks)), redactor.report()


def _elsewhere(block: Block, redactor: TextRedactor) -> Block:
    text = redactor.elsewhere(block.text)
    if block.cells is None:
        return block if text == block.text else replace(block, text=text)
    cells = tuple(tuple(redactor.elsewhere(cell, counted=False) for cell in row) for row in block.cells)
    return replace(block, text=text, cells=cells)


def _redact_block(block: Block, redactor: TextRedactor) -> Block:
    text = redactor.redact(block.text)
    if block.cells is None:
        return block if text == block.text else replace(block, text=text)
    found = dict(redactor.replaced)
    joined = _BETWEEN_CELLS.join(cell.replace("\x1f", " ") for row in block.cells for cell in row)
    flat = redactor.redact(joined, counted=False)
    found |= redactor.replaced
    # The context of a value differs between Markdown and cells: what either shows is taken out of both.
    for value, placeholder in sorted(found.items(), key=lambda item: -len(item[0])):
        text, flat = text.replace(value, placeholder), flat.replace(value, placeholder)
    cells = iter(flat.split(_BETWEEN_CELLS))
    return replace(block, text=text, cells=tuple(tuple(next(cells) for _ in row) for row in block.cells))
