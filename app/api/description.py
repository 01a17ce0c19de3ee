"""The description at /openapi.json, with every status that a route answers and the shape that it has then."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.api.openai.schemas import ChatCompletionChunk, ErrorBody
from app.api.openai_errors import is_openai
from app.api.responses import openai_error, problem
from app.api.schemas import Problem

_METHODS = {"get", "put", "post", "delete", "patch"}
_WITH_A_KEY = ("401", "403", "429", "503")  # whoever asks is looked up in the catalog, and held to limits
_INVALID = "422"


def install(app: FastAPI) -> None:
    generate = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = generate()
            _, shapes = models_json_schema(
                [(model, "serialization") for model in (Problem, ErrorBody, ChatCompletionChunk)],
                ref_template="#/components/schemas/{model}",
            )
            description["components"]["schemas"] |= shapes["$defs"]
            for path, operations in description["paths"].items():
                for method in _METHODS & operations.keys():
                    _complete(operations[method], path)
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _complete(operation: dict[str, Any], path: str) -> None:
    responses, openai = operation["responses"], is_openai(path)
    error = openai_error if openai else problem
    statuses = {"500", *(_WITH_A_KEY if "security" in operation else ()), *(["404"] if "{" in path else ())}
    if "requestBody" in operation:
        statuses |= {"408", "413"}
    if responses.pop(_INVALID, None) is not None:
        statuses |= {"400"} if openai else {"400", _INVALID}
    for status in sorted(statuses):
        responses.setdefault(status, error(int(status)))
