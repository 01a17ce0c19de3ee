"""Values that were taken out of documents and may be shown again: encrypted, beside the version they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session, col, delete, select

from app.adapters.sql.documents import ERASED
from app.adapters.sql.models import SealedRow, VersionRow


@dataclass(frozen=True, slots=True)
class SqlSealed:
    """Sealed of pipelines/catalog_ports.py."""

    session: Session

    def replace(self, version_id: str, sealed: Mapping[str, str]) -> None:
        if self.session.get(VersionRow, version_id) is None:
            return
        gone = self.session.exec(delete(SealedRow).where(col(SealedRow.version_id) == version_id))
        if gone.rowcount:
            self.session.info[ERASED] = True
        self.session.add_all(
            [SealedRow(version_id=version_id, placeholder=each, sealed=value) for each, value in sealed.items()]
        )
        self.session.flush()

    def get(self, version_id: str, placeholder: str) -> str | None:
        query = select(SealedRow.sealed).where(SealedRow.version_id == version_id, SealedRow.placeholder == placeholder)
        return self.session.exec(query).first()
