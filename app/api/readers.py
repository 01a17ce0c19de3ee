"""Who may read, as a request names them."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.domain.access import EVERYONE
from pipelines.domain.errors import InvalidRequest


def readers_of(given: Sequence[str] | None) -> frozenset[str] | None:
    """Names separated by commas or sent as several; nothing at all is everyone of the tenant. Raises InvalidRequest."""
    names = {name.strip() for field in given or [] for name in field.split(",")} - {""}
    for name in names:
        if name != EVERYONE and not name.startswith(("user:", "group:")):
            raise InvalidRequest(f"readers: {name!r} is neither user:NAME nor group:NAME nor {EVERYONE}.")
    return frozenset(names) or None
