"""Errors as people get them: RFC 9457 problem+json with a stable code. One table says which status an error has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.api.headers import rate_limit
from app.api.openai_errors import is_openai, shaped
from app.observability.metrics import ERRORS
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
    errors.ModelBusy: HTTPStatus.TOO_MANY_REQUESTS,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.DependencyUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
}
"""The nearest class in an error's ancestry decides; anything else is our fault: 500."""

# What the framework itself refuses: status -> our code.
_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed", 408: "request_too_slow", 413: "request_too_large"}

_CLIENT_LEFT = 499  # as nginx has it

Fields = Sequence[Mapping[str, str]]
Headers = Mapping[str, str] | None


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


def body_of(error: errors.CairnError, instance: str) -> dict[str, object]:
    """What a client of that path is told of an error."""
    return shaped(problem(status_of(error), error.code, error.detail, instance))


def unexpected(instance: str) -> dict[str, object]:
    detail = "Something went wrong on our side; the server's log has the details."
    return shaped(problem(500, errors.CairnError.code, detail, instance))


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem document, or what OpenAI's clients expect where they ask."""

    def respond(
        status: int, code: str, detail: str, request: Request, *, fields: Fields | None = None, headers: Headers = None
    ) -> JSONResponse:
        ERRORS.labels(code).inc()
        body = shaped(problem(status, code, detail, request.url.path, fields))
        media_type = "application/json" if "error" in body else "application/problem+json"
        return JSONResponse(body, status, dict(headers or {}), media_type=media_type)

    @app.exception_handler(errors.CairnError)
    async def cairn_error(request: Request, error: errors.CairnError) -> JSONResponse:
        status = status_of(error)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request.failed", path=request.url.path, code=error.code)
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, errors.Unauthenticated) else {}
        if isinstance(error, errors.RateLimited):
            headers |= rate_limit(error.standings)
        if error.retriable:
            headers["Retry-After"] = f"{math.ceil(error.retry_after_s)}"
        return respond(status, error.code, error.detail, request, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(each["type"] == "json_invalid" for each in found):
            return respond(400, "invalid_json", "The body is not valid JSON.", request)
        fields = [{"field": ".".join(str(part) for part in each["loc"]), "detail": str(each["msg"])} for each in found]
        detail = "; ".join(f"{each['field']}: {each['detail']}" for each in fields)
        status = 400 if is_openai(request.url.path) else 422
        return respond(status, errors.InvalidRequest.code, detail, request, fields=fields)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        code = _FRAMEWORK_CODES.get(error.status_code, errors.InvalidRequest.code)
        return respond(error.status_code, code, str(error.detail), request, headers=error.headers)

    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, error: ClientDisconnect) -> Response:  # noqa: ARG001 - the framework's signature
        return Response(status_code=_CLIENT_LEFT)  # for the metrics; nobody reads it

    @app.exception_handler(Exception)
    async def internal(request: Request, error: Exception) -> JSONResponse:
        log.error("request.failed", path=request.url.path, exc_info=error)
        ERRORS.labels(errors.CairnError.code).inc()
        return JSONResponse(unexpected(request.url.path), 500, media_type="application/problem+json")
