"""/openapi.json says of every route what it answers, errors included."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.api import app as api
from app.api.sse import StreamLimits


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    @asynccontextmanager
    async def lifespan(_: object) -> Any:
        yield

    return api.build(lifespan, api.Edge(max_upload_bytes=1, max_files=1, streams=StreamLimits())).openapi()


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    named = set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(description)))
    assert named <= description["components"]["schemas"].keys()
    assert "#/$defs" not in str(description)


def test_every_refusal_has_the_shape_that_is_sent(description: dict[str, Any]) -> None:
    for path, operations in description["paths"].items():
        for operation in operations.values():
            refusals = {int(status): said for status, said in operation["responses"].items() if int(status) >= 400}
            assert {401, 403, 500, 503} <= refusals.keys() or "security" not in operation
            assert 404 in refusals or "{" not in path
            openai = path.startswith(("/v1/models", "/v1/chat"))
            assert not (openai and 422 in refusals)
            kind, shape = ("application/json", "ErrorBody") if openai else ("application/problem+json", "Problem")
            for status, said in refusals.items():
                if (path, status) != ("/readyz", 503):
                    assert said["content"] == {kind: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}, path


def test_a_full_line_and_streams_are_described(description: dict[str, Any]) -> None:
    for path in ("/v1/query", "/v1/chat/completions"):
        responses = description["paths"][path]["post"]["responses"]
        assert "429" in responses
        assert "text/event-stream" in responses["200"]["content"]
