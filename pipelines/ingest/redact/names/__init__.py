"""Names of people, places and organisations: by the model that ships, or by one that the operator brings (docs/adr/0034)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipelines.domain.privacy import PiiSpan


class NameFinder(Protocol):
    def spans(self, text: str) -> Sequence[PiiSpan]: ...  # with labels of features.LABELS


def finder(folder: str | None) -> NameFinder:
    """Raises ConfigurationError when the folder holds no model that can be used."""
    if folder is None:
        from pipelines.ingest.redact.names.model import names_model

        return names_model()
    from pipelines.ingest.redact.names.brought import brought

    return brought(folder)
