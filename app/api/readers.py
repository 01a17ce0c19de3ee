"""Who may read, as a request names them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.domain.access import EVERYONE
from pipelines.domain.errors import InvalidRequest

_SUBJECT = re.compile(r"(?:user|group):[^\s,][^,\x00-\x1f\x7f]{0,254}")
_MOST = 500


def readers_of(given: Sequence[str] | None) -> frozenset[str] | None:
    """Names separated by commas or sent as several; nothing at all is everyone of the tenant. Raises InvalidRequest."""
    names = {name.strip() for field in given or [] for name in field.split(",")} - {""}
    for name in names:
        if name != EVERYONE and not _SUBJECT.fullmatch(name):
            raise InvalidRequest(f"readers: {name[:255]!r} is neither user:NAME nor group:NAME nor {EVERYONE}.")
    if len(names) > _MOST:
        raise InvalidRequest(f"readers: at most {_MOST} are named; make a group of them.")
    return frozenset(names) or None


def named_readers(given: Sequence[str]) -> frozenset[str]:
    """The same, where nothing at all is a mistake. Raises InvalidRequest."""
    names = readers_of(given)
    if names is None:
        raise InvalidRequest(f"readers: name somebody; {EVERYONE} is everyone of the tenant.")
    return names
