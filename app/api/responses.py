"""What a route says of its refusals and streams, for the description at /openapi.json."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

Responses = dict[int | str, dict[str, Any]]

PROBLEM = "Problem"
_EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}, "id": {"type": "string"}},
    "required": ["data"],
}
OPENAI_ERROR = "ErrorBody"


def problems(*statuses: int, stream: str | None = None) -> Responses:
    """Problem documents with these statuses, besides those that every route may answer with (app/api/description.py).
    `stream`: in words, what the events are."""
    described: Responses = {status: problem(status) for status in statuses}
    if stream is not None:
        described[200] = {"content": {"text/event-stream": {"schema": {**_EVENT, "description": stream}}}}
    return described


def problem(status: int) -> dict[str, Any]:
    return _response(status, "application/problem+json", PROBLEM)


def openai_error(status: int) -> dict[str, Any]:
    return _response(status, "application/json", OPENAI_ERROR)


def _response(status: int, media_type: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": HTTPStatus(status).phrase, "content": {media_type: {"schema": reference}}}
