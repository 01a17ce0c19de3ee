"""Errors as people get them: RFC 9457 problem+json with a stable code. One table says which status an error has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipelines.domain import errors

log = structlog.get_logger()

STATUS: Mapping[type[errors.CairnError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.BAD_REQUEST,
    errors.FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.UnreadableFile: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.DependencyUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The nearest class in an error's ancestry decides; anything else is our fault: 500."""

# What the framework itself refuses: status -> our code.
_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}

Fields = Sequence[Mapping[str, str]]


def status_of(error: errors.CairnError) -> HTTPStatus:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(status: int, code: str, detail: str, instance: str, fields: Fields | None = None) -> dict[str, object]:
    """The members of a problem document; `errors` says which fields are wrong, where that is known."""
    body: dict[str, object] = {
        "type": f"urn:cairn:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "instance": instance,
    }
    return body | ({"errors": list(fields)} if fields else {})


def problem_of(error: errors.CairnError, instance: str) -> dict[str, object]:
    return problem(status_of(error), error.code, error.detail, instance)


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem document."""

    def respond(body: dict[str, object], headers: Mapping[str, str] | None = None) -> JSONResponse:
        status = body["status"]
        assert isinstance(status, int)
        return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")

    @app.exception_handler(errors.CairnError)
    async def cairn_error(request: Request, error: errors.CairnError) -> JSONResponse:
        body = problem_of(error, request.url.path)
        if body["status"] == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request.failed", path=request.url.path, code=error.code)
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, errors.Unauthenticated) else {}
        return respond(body, headers | ({"Retry-After": "5"} if error.retriable else {}))

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(each["type"] == "json_invalid" for each in found):
            return respond(problem(400, "invalid_json", "The body is not valid JSON.", request.url.path))
        fields = [{"field": ".".join(str(part) for part in each["loc"]), "detail": str(each["msg"])} for each in found]
        detail = "; ".join(f"{each['field']}: {each['detail']}" for each in fields)
        return respond(problem(422, errors.InvalidRequest.code, detail, request.url.path, fields))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        code = _FRAMEWORK_CODES.get(error.status_code, errors.InvalidRequest.code)
        return respond(problem(error.status_code, code, str(error.detail), request.url.path), error.headers)

    @app.exception_handler(Exception)
    async def internal(request: Request, error: Exception) -> JSONResponse:
        log.error("request.failed", path=request.url.path, exc_info=error)
        detail = "Something went wrong on our side; the server's log has the details."
        return respond(problem(500, errors.CairnError.code, detail, request.url.path))
