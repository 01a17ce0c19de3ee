"""Calling an app, signed, in process or over HTTP; and letting an SDK client reach the executor in process."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

from workflows.embedded.canonical import JSON, canonical, parse
from workflows.embedded.errors import ConfigRefused
from workflows.embedded.protocol import Reply

_LONGEST_STEP_S = 7_200.0
_CONNECT_S = 10.0
_IN_PROCESS = "http://localhost"


def _secret(signing_key: str) -> str:
    return re.sub(r"^signkey-\w+-", "", signing_key)


def bearer(signing_key: str) -> str:
    """The Authorization header that the SDK sends with this key."""
    return f"Bearer {hashlib.sha256(bytes.fromhex(_secret(signing_key))).hexdigest()}"


def signature(signing_key: str, body: str, unix_s: int) -> str:
    """The header `x-inngest-signature` over a canonical body."""
    mac = hmac.new(_secret(signing_key).encode(), f"{body}{unix_s}".encode(), hashlib.sha256)
    return f"t={unix_s}&s={mac.hexdigest()}"


@dataclass(frozen=True)
class App:
    """An app that serves functions."""

    url: str
    client: httpx.AsyncClient
    signing_key: str | None
    now: Callable[[], float]

    @staticmethod
    def in_process(asgi: ASGIApp, path: str, signing_key: str | None, now: Callable[[], float]) -> App:
        transport = httpx.ASGITransport(app=asgi, raise_app_exceptions=False)
        return App(f"{_IN_PROCESS}{path}", httpx.AsyncClient(transport=transport), signing_key, now)

    @staticmethod
    def over_http(url: str, client: httpx.AsyncClient, signing_key: str | None, now: Callable[[], float]) -> App:
        return App(url, client, signing_key, now)

    async def functions(self) -> tuple[str, list[JSON]]:
        """(app id, function configurations), learnt by a signed in-band sync; ConfigRefused if the app refuses."""
        response = await self._send("PUT", self.url, canonical({"url": self.url}), {"x-inngest-sync-kind": "in_band"})
        if response.status_code != 200 or response.headers.get("x-inngest-sync-kind") != "in_band":
            raise ConfigRefused(f"the app answered {response.status_code} to the registration at {self.url}")
        answer = parse(response.content)
        return str(answer["app_id"]), answer["functions"]

    async def call(self, function_id: str, step_id: str, body: str, *, job_id: str) -> Reply:
        """Call a function. An app that can't be reached, or gives no answer in two hours, is an unanswered call."""
        url = f"{self.url}?fnId={quote(function_id, safe='')}&stepId={quote(step_id, safe='')}"
        headers = {"x-inngest-job-id": job_id, **({"x-inngest-server-kind": "cloud"} if self.signing_key else {})}
        try:
            response = await self._send("POST", url, body, headers)
            return Reply.of(response.status_code, response.headers, response.content)
        except httpx.HTTPError as error:
            return Reply.unanswered("AppUnreachable", f"the app could not be called: {type(error).__name__}")
        except (ValueError, KeyError, TypeError):
            return Reply.unanswered("InvalidReply", "the app's streamed answer was not understood")

    async def _send(self, method: str, url: str, body: str, headers: dict[str, str]) -> httpx.Response:
        headers = {"content-type": "application/json", "x-inngest-req-version": "1", **headers}
        if self.signing_key:
            headers["x-inngest-signature"] = signature(self.signing_key, body, int(self.now()))
        timeout = httpx.Timeout(_LONGEST_STEP_S, connect=_CONNECT_S)
        return await self.client.request(method, url, content=body.encode(), headers=headers, timeout=timeout)

    async def aclose(self) -> None:
        await self.client.aclose()


class ThreadTransport(httpx.BaseTransport):
    """A synchronous client's way to an ASGI app, each request on a loop of its own: it blocks the caller alone, and
    never waits for the loop of the server, on whose thread the caller may be."""

    def __init__(self, asgi: ASGIApp) -> None:
        self._asgi = asgi

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        outcome: list[Any] = []
        request.read()

        def perform() -> None:
            try:
                outcome.append(asyncio.run(self._perform(request)))
            except httpx.HTTPError as error:
                outcome.append(error)

        thread = threading.Thread(target=perform, name="embedded-send")
        thread.start()
        thread.join()
        if not outcome or isinstance(outcome[0], httpx.HTTPError):
            raise outcome[0] if outcome else httpx.ReadError("the executor gave no answer", request=request)
        response: httpx.Response = outcome[0]
        return response

    async def _perform(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._asgi, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.request(
                request.method, request.url, headers=request.headers, content=request.content, timeout=None
            )
            return httpx.Response(response.status_code, headers=response.headers, content=response.content)
