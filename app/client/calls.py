"""Requests as values: what is asked, and how its answer is read. Whoever sends them, now or later, is elsewhere."""

from __future__ import annotations

import json
import mimetypes
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from pydantic import BaseModel

from app.client import models

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_REPEATABLE = ("GET", "PUT")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """`read` makes the result of the answer's body. `repeatable`: doing it twice is as good as once."""

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    text: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Path] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False

    def __post_init__(self) -> None:
        if "?" in self.path:  # httpx would drop it without a word
            raise ValueError("what is asked of a path goes into `query`")

    @property
    def may_repeat(self) -> bool:
        return self.repeatable or self.method in _REPEATABLE or "Idempotency-Key" in self.headers

    @contextmanager
    def content(self) -> Iterator[dict[str, Any]]:
        """What an HTTP client is to send; files are open, from their beginning, for as long as this is. Raises OSError."""
        query = {name: value for name, value in self.query.items() if value is not None}
        shared: dict[str, Any] = {"params": query, "headers": dict(self.headers)}
        if not self.files:
            sent = {"json": self.body} if self.text is None else {"content": self.text.encode()}
            yield shared | sent
            return
        with ExitStack() as stack:
            parts = [
                ("file", (path.name, stack.enter_context(path.open("rb")), _media_type(path))) for path in self.files
            ]
            yield shared | {"data": dict(self.fields), "files": parts}


def raw(method: str, path: str, body: object = None, **query: object) -> Call[dict[str, Any]]:
    """Of any route: its JSON as it is."""
    return Call(method, path, _object, query, body)


class Searched(TypedDict, total=False):
    """What a question may say besides its words; `filters` as in /v1/search."""

    collection: str
    collections: Sequence[str] | None
    filters: Mapping[str, Any]
    top_k: int


class Asked(Searched, total=False):
    task: str | None
    conversation_id: str | None


class Told(TypedDict, total=False):
    """What may be said of files that are sent. `document_id`: the document that these bytes replace."""

    document_id: str | None
    readers: Sequence[str] | None
    title: str | None
    metadata: Mapping[str, str] | None


class Narrowed(TypedDict, total=False):
    """`sha256`: those whose newest version is one of these files; 100 at most."""

    status: models.DocumentStatus | None
    sha256: Sequence[str]


def me() -> Call[models.Me]:
    return Call("GET", "/v1/me", _as(models.Me))


def search(query: str, **asked: Unpack[Searched]) -> Call[models.Passages]:
    """Passages; no model is asked."""
    return Call("POST", "/v1/search", _as(models.Passages), body=_asked(query, asked), repeatable=True)


def answer(query: str, **asked: Unpack[Asked]) -> Call[models.Answer]:
    """The whole answer."""
    return Call("POST", "/v1/query", _as(models.Answer), body=_asked(query, asked) | {"stream": False})


def ask(query: str, **asked: Unpack[Asked]) -> Call[None]:
    """The same, to be streamed."""
    return Call("POST", "/v1/query", _nothing, body=_asked(query, asked))


def upload(
    files: Sequence[Path],
    collection: str,
    *,
    unpack: bool = False,
    **told: Unpack[Told],
) -> Call[models.Uploaded]:
    """With an Idempotency-Key of its own: sent again after a lost answer, it is answered as the first time."""
    fields = {
        "collection": collection,
        "document_id": told.get("document_id"),
        "readers": ",".join(told.get("readers") or ()),
        "title": told.get("title"),
        "metadata": json.dumps(metadata) if (metadata := told.get("metadata")) else None,
        "unpack": "true" if unpack else None,
    }
    return Call(
        "POST",
        "/v1/documents",
        _as(models.Uploaded),
        fields={name: value for name, value in fields.items() if value},
        files=files,
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )


def documents(
    collection: str | None = None,
    *,
    cursor: str | None = None,
    limit: int = 50,
    **narrowed: Unpack[Narrowed],
) -> Call[models.DocumentPage]:
    """Newest first."""
    query = {"collection": collection, **narrowed, "cursor": cursor, "limit": limit}
    return Call("GET", "/v1/documents", _as(models.DocumentPage), query)


def document(document_id: str) -> Call[models.Document]:
    return Call("GET", f"/v1/documents/{part(document_id)}", _as(models.Document))


def change_document(document_id: str, **change: Any) -> Call[models.Document]:
    """`change`: title, readers."""
    return Call("PATCH", f"/v1/documents/{part(document_id)}", _as(models.Document), body=change)


def delete_document(document_id: str) -> Call[models.Deleted]:
    return Call("DELETE", f"/v1/documents/{part(document_id)}", _as(models.Deleted))


def chunks(document_id: str, cursor: str | None = None, limit: int = 200) -> Call[models.ChunkPage]:
    """What was indexed, in reading order."""
    query = {"cursor": cursor, "limit": limit}
    return Call("GET", f"/v1/documents/{part(document_id)}/chunks", _as(models.ChunkPage), query)


def collections() -> Call[models.CollectionList]:
    return Call("GET", "/v1/collections", _as(models.CollectionList))


def create_collection(name: str, **wanted: Any) -> Call[models.Collection]:
    """`wanted`: chunker, readers."""
    return Call("POST", "/v1/collections", _as(models.Collection), body={"name": name, **wanted})


def job(job_id: str) -> Call[models.Job]:
    return Call("GET", f"/v1/jobs/{part(job_id)}", _as(models.Job))


def jobs(
    status: str | None = None, document_id: str | None = None, cursor: str | None = None, limit: int = 50
) -> Call[models.JobPage]:
    """Newest first."""
    query = {"status": status, "document_id": document_id, "cursor": cursor, "limit": limit}
    return Call("GET", "/v1/jobs", _as(models.JobPage), query)


def retry_job(job_id: str) -> Call[models.Job]:
    return Call("POST", f"/v1/jobs/{part(job_id)}/retry", _as(models.Job))


def job_events(job_id: str) -> Call[None]:
    """To be streamed: its history, then what happens."""
    return Call("GET", f"/v1/jobs/{part(job_id)}/events", _nothing)


def begin_conversation() -> Call[models.Conversation]:
    return Call("POST", "/v1/conversations", _as(models.Conversation))


def part(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def _asked(query: str, asked: Mapping[str, object]) -> dict[str, Any]:
    return {"query": query} | {name: value for name, value in asked.items() if value not in (None, {})}


def _as(model: type[M]) -> Callable[[bytes], M]:
    return model.model_validate_json


def _object(body: bytes) -> dict[str, Any]:
    found = json.loads(body or b"{}")
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _nothing(body: bytes) -> None:  # noqa: ARG001 - nothing of it is read
    return None


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
