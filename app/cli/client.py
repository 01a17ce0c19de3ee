"""The command line's side of the HTTP API."""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from app.settings import Settings

FIRST_KEY_FILE = "first-key"
TIMEOUT = httpx.Timeout(30, read=600)


class Failure(Exception):
    """What went wrong, in words for the person at the terminal."""


class Event(NamedTuple):
    name: str
    data: dict[str, Any]


class Client:
    """Talks to one server as one key. Raises Failure."""

    def __init__(self, address: str, key: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.address = address
        self._http = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT, trust_env=False)

    def get(self, path: str, **parameters: object) -> dict[str, Any]:
        query = {name: str(value) for name, value in parameters.items() if value is not None}
        return self._answer(self._send("GET", path, params=query))

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        return self._answer(self._send("POST", path, json=body))

    def patch(self, path: str, body: object) -> dict[str, Any]:
        return self._answer(self._send("PATCH", path, json=body))

    def put(self, path: str, body: object) -> dict[str, Any]:
        return self._answer(self._send("PUT", path, json=body))

    def text(self, path: str) -> str:
        response = self._send("GET", path)
        if response.is_error:
            self._answer(response)
        return response.text

    def put_text(self, path: str, text: str) -> dict[str, Any]:
        return self._answer(self._send("PUT", path, content=text.encode()))

    def delete(self, path: str) -> dict[str, Any]:
        return self._answer(self._send("DELETE", path))

    def upload(
        self,
        files: Sequence[Path],
        collection: str,
        document_id: str | None = None,
        readers: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        fields = {"collection": collection, "readers": ",".join(readers or ()), "document_id": document_id or ""}
        documents: list[dict[str, Any]] = self._upload(files, fields)["documents"]
        return documents

    def upload_bundle(self, file: Path, collection: str, readers: Sequence[str] | None = None) -> dict[str, Any]:
        """What became of an archive, each of whose files is to be a document."""
        fields = {"collection": collection, "unpack": "true", "readers": ",".join(readers or ())}
        (bundle,) = self._upload([file], fields)["bundles"]
        return dict(bundle)

    def _upload(self, files: Sequence[Path], fields: dict[str, str]) -> dict[str, Any]:
        with ExitStack() as stack:
            parts = []
            for path in files:
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                parts.append(("file", (path.name, stack.enter_context(path.open("rb")), kind)))
            return self._answer(self._send("POST", "/v1/documents", data=fields, files=parts))

    def events(self, method: str, path: str, body: object = None) -> Iterator[Event]:
        """Server-sent events until the server ends them. An event named `error` is a Failure."""
        try:
            with self._http.stream(method, path, json=body) as response:
                if response.is_error:
                    response.read()
                    self._answer(response)
                name, data = "message", ""
                for line in response.iter_lines():
                    if line.startswith("event:"):
                        name = line[6:].strip()
                    elif line.startswith("data:"):
                        data += line[5:].removeprefix(" ")
                    elif not line and data:
                        event = Event(name, json.loads(data))
                        if event.name == "error":
                            raise Failure(f"{event.data['detail']} ({event.data['code']})")
                        yield event
                        name, data = "message", ""
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def lines(self, path: str, **parameters: object) -> Iterator[str]:
        """The lines of a text, as they come."""
        query = {name: str(value) for name, value in parameters.items()}
        try:
            with self._http.stream("GET", path, params=query) as response:
                if response.is_error:
                    response.read()
                    self._answer(response)
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job, once it has ended."""
        for _ in self.events("GET", f"/v1/jobs/{job_id}/events"):
            pass
        return self.get(f"/v1/jobs/{job_id}")

    def ready(self) -> bool:
        """Whether a server answers there and is ready."""
        try:
            return self._http.get("/readyz", timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> Failure:
        return Failure(f"No answer from {self.address} ({type(error).__name__}). Start it with: cairn serve")

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = {}
        if response.is_error:
            raise Failure(f"{body.get('detail', response.reason_phrase)} ({body.get('code', response.status_code)})")
        assert isinstance(body, dict)
        return body


def connect(settings: Settings) -> Client:
    """To `CAIRN_URL`, else the server of these settings; with `CAIRN_API_KEY`, else the first key. Raises Failure."""
    return Client(os.environ.get("CAIRN_URL", settings.address).rstrip("/"), api_key(settings))


def api_key(settings: Settings) -> str:
    if key := os.environ.get("CAIRN_API_KEY"):
        return key
    if settings.bootstrap_key is not None:
        return settings.bootstrap_key.get_secret_value()
    path = settings.data_dir / FIRST_KEY_FILE
    try:
        return path.read_text().strip()
    except OSError:
        raise Failure(f"No API key: set CAIRN_API_KEY, or start a server here first ({path} is not there).") from None
