"""Opaque cursors: the id of the last row seen, in a form nobody is tempted to make up."""

from __future__ import annotations

import base64
import binascii

from pipelines.domain.errors import InvalidRequest


def encode(last_id: str) -> str:
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def decode(cursor: str | None) -> str | None:
    """Raises InvalidRequest."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidRequest("The cursor is not one that this server gave.") from None
