"""/v1/documents"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Form, Header, Query, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import StringConstraints
from starlette.background import BackgroundTask

from app.api import boxes, cursors
from app.api.auth import Editor, Reader, Use, Viewer
from app.api.readers import named_readers, readers_of
from app.api.responses import problems
from app.api.schemas import (
    Chunk,
    ChunkPage,
    Deleted,
    Document,
    DocumentChange,
    DocumentPage,
    Uploaded,
    UploadedBundle,
    UploadedDocument,
    Version,
    VersionList,
    job_links,
)
from app.services.collections import DEFAULT_COLLECTION
from app.services.documents import Upload
from app.services.staging import IncomingFile
from pipelines.domain.documents import DocumentStatus
from pipelines.domain.erasure import erasure_id
from pipelines.domain.errors import InvalidRequest, MissingFile

router = APIRouter(prefix="/v1/documents", tags=["documents"])

Limit = Annotated[int, Query(ge=1, le=200)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
IdempotencyKey = Annotated[str | None, Header(max_length=255)]


_CONTENT = "those whose newest version is such a file: what need not be sent again; repeatable"
_UPLOADED = {200: {"description": "All files were here already"}, **problems(404, 409, 413, 415, 507)}


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=_UPLOADED)
async def upload_documents(
    principal: Editor,
    services: Use,
    response: Response,
    file: Annotated[list[UploadFile] | None, File(description="repeatable")] = None,
    collection: Annotated[str, Form()] = DEFAULT_COLLECTION,
    title: Annotated[str | None, Form(max_length=500)] = None,
    readers: Annotated[list[str] | None, Form(description="user:NAME, group:NAME or everyone; repeatable")] = None,
    metadata: Annotated[str | None, Form(description="a JSON object of strings")] = None,
    document_id: Annotated[str | None, Form(description="the document that this file replaces")] = None,
    unpack: Annotated[bool, Form(description="the files are ZIP archives: each file in them is a document")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Uploaded:
    """Takes files in and starts a job for each. They are durable when this answers."""
    if not file:
        raise MissingFile
    upload = Upload(
        collection, title or None, readers_of(readers), _metadata(metadata), document_id or None, idempotency_key
    )
    incoming = [IncomingFile(each.filename or "", each.file) for each in file]
    if unpack:
        bundles = await services.bundles.upload(principal, upload, incoming)
        response.headers["Location"] = f"/v1/jobs/{bundles[0].job_id}"
        return Uploaded(bundles=[UploadedBundle.of(bundle) for bundle in bundles])
    receipts = await services.documents.upload(principal, upload, incoming)
    if all(receipt.duplicate for receipt in receipts):
        response.status_code = HTTPStatus.OK
    response.headers["Location"] = f"/v1/jobs/{receipts[0].job_id}"
    return Uploaded(documents=[UploadedDocument.of(receipt) for receipt in receipts])


@router.get("", responses=problems(404))
def list_documents(
    principal: Reader,
    services: Use,
    collection: str | None = None,
    status: DocumentStatus | None = None,
    sha256: Annotated[list[Sha256] | None, Query(max_length=100, description=_CONTENT)] = None,
    q: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="a part of its title or file name")
    ] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> DocumentPage:
    """Newest first."""
    found = services.documents.page(
        principal, collection, status, cursors.decode(cursor), limit, sha256=sha256 or (), named=q or None
    )
    following = cursors.encode(found[-1].id) if len(found) == limit else None
    return DocumentPage(documents=Document.each(found), next_cursor=following)


@router.get("/{document_id}")
def get_document(document_id: str, principal: Reader, services: Use) -> Document:
    return Document.model_validate(services.documents.get(principal, document_id))


@router.get("/{document_id}/versions")
def list_versions(document_id: str, principal: Reader, services: Use) -> VersionList:
    """Every content that it had, newest first. One of them answers: the document's `active_version_id`."""
    return VersionList(versions=Version.each(services.documents.versions(principal, document_id)))


@router.patch("/{document_id}", responses=problems(403, 404))
async def change_document(document_id: str, body: DocumentChange, principal: Editor, services: Use) -> Document:
    """Who may read it, and its title. It holds from this answer on: for searches, answers, and what is kept of earlier ones."""
    readers = None if body.readers is None else named_readers(body.readers)
    return Document.model_validate(await services.sharing.change(principal, document_id, body.title, readers))


@router.delete("/{document_id}", status_code=HTTPStatus.ACCEPTED)
async def delete_document(document_id: str, principal: Editor, services: Use) -> Deleted:
    """Invisible from now on; the job removes what is left of it, and ends in a signed receipt."""
    job = await services.documents.delete(principal, document_id)
    erasure = erasure_id(document_id)
    links = {**job_links(job.id), "erasure": f"/v1/erasures/{erasure}"}
    return Deleted(document_id=document_id, job_id=job.id, erasure_id=erasure, links=links)


@router.get("/{document_id}/content", response_class=FileResponse)
async def get_content(
    document_id: str, principal: Viewer, services: Use, version_id: str | None = None
) -> FileResponse:
    """The file as it was uploaded: of the version named, else of the one that answers, else of the latest."""
    version = await asyncio.to_thread(services.documents.version, principal, document_id, version_id)
    stack = AsyncExitStack()
    path = await stack.enter_async_context(services.documents.content(version))
    return FileResponse(
        path,
        media_type=version.media_type,
        filename=version.filename,
        headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"},
        background=BackgroundTask(stack.aclose),
    )


@router.get(
    "/{document_id}/pages/{number}.png", response_class=Response, responses={200: {"content": {"image/png": {}}}}
)
async def get_page(
    document_id: str,
    number: int,
    principal: Reader,
    services: Use,
    version_id: str | None = None,
    highlight: Annotated[list[str] | None, Query(max_length=100, description="x0,y0,x1,y1; repeatable")] = None,
    area: Annotated[str | None, Query(description="x0,y0,x1,y1: this part alone, such as a figure")] = None,
) -> Response:
    """A page as it looks, with places marked such as the boxes of a citation. Boxes are in points from the top left."""
    marked, part = [boxes.decode(each) for each in highlight or ()], boxes.decode(area) if area else None
    version = await asyncio.to_thread(services.documents.version, principal, document_id, version_id)
    png = await services.pages.png(version, number, marked, part)
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, no-store"})


@router.get("/{document_id}/chunks")
def get_chunks(
    document_id: str, principal: Viewer, services: Use, cursor: str | None = None, limit: Limit = 50
) -> ChunkPage:
    """What was indexed, in reading order."""
    first = _position(cursor)
    found = services.documents.chunks(principal, document_id, first, limit)
    following = cursors.encode(str(first + limit)) if len(found) == limit else None
    return ChunkPage(chunks=Chunk.each(found), next_cursor=following)


def _position(cursor: str | None) -> int:
    decoded = cursors.decode(cursor) or "0"
    if not decoded.isdecimal():
        raise InvalidRequest("The cursor is not one that this server gave.")
    return int(decoded)


def _metadata(given: str | None) -> dict[str, str] | None:
    if not given:
        return None
    try:
        found = json.loads(given)
    except ValueError:
        raise InvalidRequest("metadata: expected a JSON object of strings.") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidRequest("metadata: expected a JSON object of strings.")
    return found
