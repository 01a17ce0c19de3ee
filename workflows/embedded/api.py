"""The executor's HTTP surface: what the SDK calls, and what a person or a test asks."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workflows.embedded import reading
from workflows.embedded.canonical import JSON, canonical_object, parse
from workflows.embedded.engine import Engine
from workflows.embedded.errors import ConfigRefused, EventRefused, JournalUnavailable, RunNotFound
from workflows.embedded.transport import App, bearer

_ANY = ["GET", "POST", "PUT"]


class Surface(Protocol):
    """What the routes need of the executor."""

    event_key: str | None
    signing_key: str | None

    def engine(self) -> Engine:
        """JournalUnavailable while it is not serving."""
        ...

    def app_at(self, url: str) -> App: ...

    def now(self) -> float: ...


def create_api(surface: Surface) -> Starlette:
    routes = _Routes(surface)
    return Starlette(
        routes=[
            Route("/e/{key}", routes.send, methods=["POST"]),
            Route("/fn/register", routes.register, methods=["POST", "PUT"]),
            Route("/v0/runs/{run_id}/actions", routes.actions),
            Route("/v0/runs/{run_id}/batch", routes.batch),
            Route("/v0/runs/{run_id}/steps", routes.steps),
            Route("/v0/runs/{run_id}", routes.run, methods=["GET"]),
            Route("/v0/runs/{run_id}", routes.cancel, methods=["DELETE"]),
            Route("/v0/events/{event_id}/runs", routes.runs_of_event),
            Route("/health", routes.health),
            Route(
                "/v0/connect/{path:path}", _refuse("Connect is not supported: serve the app over HTTP"), methods=_ANY
            ),
            Route("/v1/realtime/{path:path}", _refuse("realtime is not supported"), methods=_ANY),
        ],
        exception_handlers={
            HTTPException: _answer(lambda error: error.status_code),  # type: ignore[attr-defined]
            EventRefused: _answer(lambda _: 400),
            ConfigRefused: _answer(lambda _: 400),
            RunNotFound: _answer(lambda _: 404),
            JournalUnavailable: _answer(lambda _: 503),
        },
    )


def _refuse(reason: str) -> Callable[[Request], Response]:
    return lambda _: JSONResponse({"error": reason, "status": 501}, 501)


def _answer(status: Callable[[Exception], int]) -> Callable[[Request, Exception], Response]:
    def handle(_: Request, error: Exception) -> Response:
        message = error.detail if isinstance(error, HTTPException) else str(error)
        return JSONResponse({"error": message, "ids": [], "status": status(error)}, status(error))

    return handle


class _Routes:
    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    async def send(self, request: Request) -> Response:
        key = self._surface.event_key
        if key is not None and not hmac.compare_digest(request.path_params["key"].encode(), key.encode()):
            raise HTTPException(401, "unknown event key")
        seed_ms, seed = _seed(request.headers.get("x-inngest-event-id-seed"), int(self._surface.now() * 1000))
        ids = await self._surface.engine().send(await _body(request), seed, seed_ms)
        return JSONResponse({"ids": ids, "status": 200})

    async def register(self, request: Request) -> Response:
        self._authorise(request)
        body = await _body(request)
        try:
            app_id, url, functions = str(body["appname"]), str(body["url"]), list(body["functions"])
        except (KeyError, TypeError) as error:
            raise HTTPException(400, "not a registration") from error
        app = self._surface.app_at(urlunsplit(urlsplit(url)._replace(query="", fragment="")))
        modified = await self._surface.engine().register(app_id, app, functions)
        return JSONResponse({"ok": True, "modified": modified})

    async def actions(self, request: Request) -> Response:
        memos = await self._of_run(request).memos(request.path_params["run_id"])
        return Response(canonical_object(memos), media_type="application/json")

    async def batch(self, request: Request) -> Response:
        return JSONResponse(list((await self._run(request)).events))

    async def run(self, request: Request) -> Response:
        run = await self._run(request)
        return JSONResponse(_run_json(run))

    async def cancel(self, request: Request) -> Response:
        cancelled = await self._of_run(request).cancel(request.path_params["run_id"])
        return JSONResponse({"cancelled": cancelled})

    async def steps(self, request: Request) -> Response:
        await self._run(request)
        run_id = request.path_params["run_id"]
        steps = await self._of_run(request).read(lambda sql: reading.read_steps(sql, run_id))
        return JSONResponse(
            [
                {
                    "id": step.id,
                    "name": step.name,
                    "op": step.op,
                    "status": step.status.upper(),
                    "output": step.output,
                    "error": step.error,
                    "attempts": step.attempts,
                    "next_attempt_at": step.next_attempt_at,
                }
                for step in steps
            ]
        )

    async def runs_of_event(self, request: Request) -> Response:
        event_id = request.path_params["event_id"]
        found = await self._of_run(request).read(lambda sql: reading.read_runs_of_event(sql, event_id))
        return JSONResponse([_run_json(run) for run in found])

    async def health(self, _: Request) -> Response:
        self._surface.engine()
        return JSONResponse({"status": 200, "message": "OK"})

    async def _run(self, request: Request) -> reading.RunRecord:
        run_id = request.path_params["run_id"]
        return await self._of_run(request).read(lambda sql: reading.read_run(sql, run_id))

    def _of_run(self, request: Request) -> Engine:
        self._authorise(request)
        return self._surface.engine()

    def _authorise(self, request: Request) -> None:
        key = self._surface.signing_key
        given = request.headers.get("authorization", "")
        if key is not None and not hmac.compare_digest(given.encode(), bearer(key).encode()):
            raise HTTPException(401, "unauthorised")


def _run_json(run: reading.RunRecord) -> JSON:
    return {
        "id": run.id,
        "function_id": run.function_id,
        "status": run.status,
        "output": run.output,
        "events": list(run.events),
        "error": run.error,
        "attempts": run.attempts,
        "next_attempt_at": run.next_attempt_at,
    }


async def _body(request: Request) -> JSON:
    try:
        return parse(await request.body())
    except ValueError as error:
        raise HTTPException(400, "the body is not JSON") from error


def _seed(header: str | None, now_ms: int) -> tuple[int, bytes]:
    """(ms, entropy) of "{millis},{base64}", as the SDK sends it; random for a client that sends none."""
    try:
        ms, _, entropy = (header or "").partition(",")
        return int(ms), base64.b64decode(entropy, validate=True)
    except (ValueError, binascii.Error):
        return now_ms, secrets.token_bytes(10)
