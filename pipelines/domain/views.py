"""What a principal sees of a collection, as something that can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.domain.documents import Collection


@dataclass(frozen=True, slots=True)
class View:
    """A collection as one principal sees it at one moment.

    `seen` is equal for two principals, or at two moments, only where every document that is readable there is the same, in
    the same version and under the same names. What happens to documents that the principal may not read never changes it.
    """

    collection: Collection
    seen: str
