"""Errors as OpenAI's clients know them: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_PATHS = ("/v1/chat/", "/v1/models")

_TYPES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
_CODES: Mapping[str, str] = {"collection_not_found": "model_not_found"}  # a collection is a model there


def is_openai(path: str) -> bool:
    return path.startswith(_PATHS)


def shaped(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem document as it is, or for a path of OpenAI's as its clients expect it; the code stays stable."""
    if not is_openai(str(problem["instance"])):
        return problem
    status, code = int(problem["status"]), str(problem["code"])
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    fields = problem.get("errors") or [{}]
    error = {
        "message": problem["detail"],
        "type": _TYPES.get(status, kind),
        "param": str(fields[0].get("field", "")).removeprefix("body.") or None,
        "code": _CODES.get(code, code),
    }
    return {"error": error}
