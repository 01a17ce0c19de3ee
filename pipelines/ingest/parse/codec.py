"""A ParsedDocument as bytes and back: JSON, checked as it is read."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter

from pipelines.domain.documents import ParsedDocument


@cache
def _adapter() -> TypeAdapter[ParsedDocument]:
    return TypeAdapter(ParsedDocument)


def dump(document: ParsedDocument) -> bytes:
    return _adapter().dump_json(document)


def load(data: bytes) -> ParsedDocument:
    return _adapter().validate_json(data)
