"""Cairn's client for Python: `Cairn` (and `AsyncCairn`), typed results, errors with stable codes.

with Cairn("http://127.0.0.1:8000", key) as cairn:
    (document,) = cairn.upload([Path("handbook.pdf")])
    cairn.ended(document.job_id)
    answer = cairn.answer("How long is parental leave?")
    print(answer.text, [(citation.title, citation.page, citation.quote) for citation in answer.citations])

It knows nothing of the server's code: the routes and their shapes are all they share.
"""

from __future__ import annotations

from app.client.asynchronous import AsyncCairn
from app.client.errors import ClientError, NoCredentials, Problem, Unreachable
from app.client.sync import Cairn
from app.client.wire import Event, Retries

__all__ = ["AsyncCairn", "Cairn", "ClientError", "Event", "NoCredentials", "Problem", "Retries", "Unreachable"]
