"""Connections that must say what they want: uvicorn waits for a request's head for ever, and keeps all of it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S = 15.0
_LARGEST_HEAD = 64 * 1024


class TimedHeads(HttpToolsProtocol):
    """Closes a connection whose first head, or one that it has begun, is not there in time or is too large."""

    head_timeout_s = HEAD_TIMEOUT_S
    _due: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._expect()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        self._arrived()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._due is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _LARGEST_HEAD:
                self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._arrived()
        self._due = self.loop.call_later(self.head_timeout_s, self._close)

    def _arrived(self) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due, self._head_bytes = None, 0

    def _close(self) -> None:
        self._arrived()
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
