"""The client that programs use: typed, one object for one server and one key, safe to share between threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack

import httpx

from app.client import calls, models, wire
from app.client.calls import Asked, Call, Narrowed, Searched, Told
from app.client.errors import ClientError
from app.client.wire import Decoder, Event, Retries

T = TypeVar("T")


class Cairn:
    """Each method raises Problem, Unreachable, and OSError of files that cannot be read."""

    def __init__(
        self,
        address: str,
        key: str | None,
        *,
        retries: Retries | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.address = address
        self._retries = retries or Retries()
        self._sleep = sleep
        self._http = httpx.Client(**wire.options(address, key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def me(self) -> models.Me:
        return self.send(calls.me())

    # --- questions ---

    def search(self, query: str, **asked: Unpack[Searched]) -> models.Passages:
        """Passages; no model is asked."""
        return self.send(calls.search(query, **asked))

    def answer(self, query: str, **asked: Unpack[Asked]) -> models.Answer:
        """The whole answer."""
        return self.send(calls.answer(query, **asked))

    def ask(self, query: str, **asked: Unpack[Asked]) -> Iterator[Event]:
        """The same as it is made: events `passages`, `citation`, `delta`, and `answer`, whole, last."""
        return self.stream(calls.ask(query, **asked))

    def begin_conversation(self) -> models.Conversation:
        return self.send(calls.begin_conversation())

    # --- documents ---

    def upload(
        self, files: Sequence[Path], collection: str = "default", **told: Unpack[Told]
    ) -> list[models.UploadedDocument]:
        """Durable when this returns; a job for each has begun."""
        return self.send(calls.upload(files, collection, **told)).documents

    def upload_bundle(self, file: Path, collection: str, readers: Sequence[str] | None = None) -> models.UploadedBundle:
        """What became of an archive, each of whose files is to be a document."""
        (bundle,) = self.send(calls.upload([file], collection, readers=readers, unpack=True)).bundles
        return bundle

    def documents(self, collection: str | None = None, **narrowed: Unpack[Narrowed]) -> Iterator[models.Document]:
        """All of them, newest first, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.send(calls.documents(collection, cursor=cursor or None, limit=200, **narrowed))
            yield from page.documents
            cursor = page.next_cursor

    def document(self, document_id: str) -> models.Document:
        return self.send(calls.document(document_id))

    def chunks(self, document_id: str) -> Iterator[models.Chunk]:
        """What was indexed, in reading order."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.send(calls.chunks(document_id, cursor or None))
            yield from page.chunks
            cursor = page.next_cursor

    def delete_document(self, document_id: str) -> models.Deleted:
        return self.send(calls.delete_document(document_id))

    def collections(self) -> list[models.Collection]:
        return self.send(calls.collections()).collections

    def create_collection(self, name: str, **wanted: Any) -> models.Collection:
        """`wanted`: chunker, readers."""
        return self.send(calls.create_collection(name, **wanted))

    # --- jobs ---

    def job(self, job_id: str) -> models.Job:
        return self.send(calls.job(job_id))

    def jobs(self, **narrowed: Any) -> models.JobPage:
        """`narrowed`: status, document_id, cursor, limit."""
        return self.send(calls.jobs(**narrowed))

    def retry_job(self, job_id: str) -> models.Job:
        return self.send(calls.retry_job(job_id))

    def follow(self, job_id: str) -> Iterator[Event]:
        """Its history, then what happens, to its end; a stream that breaks off is taken up where it was."""
        after = ""
        while True:
            for event in self.stream(calls.job_events(job_id), after):
                after = event.id
                yield event
            if self.job(job_id).ended:
                return
            self._sleep(1)  # the server is going down, and will be back

    def ended(self, job_id: str) -> models.Job:
        """The job, once it has ended."""
        for _ in self.follow(job_id):
            pass
        return self.job(job_id)

    # --- any route ---

    def send(self, call: Call[T]) -> T:
        for attempt in count(1):
            try:
                return self._once(call)
            except ClientError as error:
                pause = self._retries.pause(attempt, call, error)
                if pause is None:
                    raise
            self._sleep(pause)
        raise AssertionError

    def stream(self, call: Call[None], after: str = "") -> Iterator[Event]:
        """The events, from after the one of this id on; taken up again where the call may be repeated."""
        attempt = 0
        while True:
            decoder = Decoder()
            decoder.last_id = after
            try:
                for line in self.lines(call, {"Last-Event-ID": after} if after else {}):
                    for event in decoder.events(line):
                        after, attempt = event.id, 0
                        yield event
                return
            except ClientError as error:
                attempt += 1
                pause = self._retries.pause(attempt, call, error)
                if pause is None:
                    raise
            self._sleep(pause)

    def lines(self, call: Call[Any], headers: Mapping[str, str] | None = None) -> Iterator[str]:
        """The lines of a text, as they come."""
        try:
            with call.content() as content:
                sent = {**content, "headers": content["headers"] | (headers or {})}
                with self._http.stream(call.method, call.path, **sent) as response:
                    if not response.is_success:
                        response.read()
                        raise wire.problem(response)
                    yield from response.iter_lines()
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise wire.unreachable(self.address, error) from error

    def get(self, path: str, **query: object) -> dict[str, Any]:
        return self.send(calls.raw("GET", path, **query))

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        return self.send(calls.raw("POST", path, body))

    def patch(self, path: str, body: object) -> dict[str, Any]:
        return self.send(calls.raw("PATCH", path, body))

    def put(self, path: str, body: object) -> dict[str, Any]:
        return self.send(calls.raw("PUT", path, body))

    def delete(self, path: str, **query: object) -> dict[str, Any]:
        return self.send(calls.raw("DELETE", path, **query))

    def text(self, path: str) -> str:
        return self.send(Call("GET", path, bytes.decode))

    def put_text(self, path: str, text: str) -> dict[str, Any]:
        return self.send(Call("PUT", path, calls.raw("PUT", path).read, text=text))

    def ready(self) -> bool:
        """Whether a server answers there and is ready."""
        try:
            return self._http.get("/readyz", timeout=5).is_success
        except (httpx.RequestError, httpx.InvalidURL):
            return False

    def _once(self, call: Call[T]) -> T:
        try:
            with call.content() as content:
                response = self._http.request(call.method, call.path, **content)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise wire.unreachable(self.address, error) from error
        return wire.result(call, response)
