"""What a principal sees of a collection, as something that can be compared, and searched within."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.domain.documents import Collection


@dataclass(frozen=True, slots=True)
class View:
    """A collection as one principal sees it at one moment.

    `seen` is equal for two principals, or at two moments, only where every document that is readable there is the same, in
    the same version and under the same names. What happens to documents that the principal may not read never changes it,
    nor `revision`, which grows with everything else.
    """

    collection: Collection
    seen: str
    revision: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The versions that a search is about. It finds what it would if an index held nothing else (docs/adr/0031).

    `version_ids` in an order of which ties are decided: oldest document first. `key` is equal only where they are.
    """

    version_ids: tuple[str, ...]
    key: str

    @classmethod
    def of(cls, version_ids: Iterable[str]) -> Selection:
        ids = tuple(version_ids)
        return cls(ids, hashlib.sha256("\n".join(ids).encode()).hexdigest())
