"""What the catalog looks at, to say what of an index's proposals may be seen: those, and not all there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.adapters.sql import SqlCatalog
from tests.contract.samples import ANNA, PAPERS, document, ready, set_up


@pytest.mark.parametrize("proposals", [1, 8, 50, 200])
@pytest.mark.parametrize("asked", ["visible", "places", "seen"])
def test_sqlite_begins_with_what_is_proposed(tmp_path: Path, asked: str, proposals: int) -> None:
    catalog = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    catalog.open()
    set_up(catalog)
    with catalog.begin() as uow:
        ids = [row.id for row in ready(uow, document("doc_1"), [f"text {number}" for number in range(proposals)])]
    asked_for: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked_for.append((statement, parameters))

    with catalog.read() as uow:
        event.listen(uow.chunks.session.connection(), "before_cursor_execute", note)
        assert len(getattr(uow.chunks, asked)(ANNA, PAPERS.id, ids)) == proposals
    ((statement, parameters),) = asked_for
    with catalog.snapshot() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "SEARCH chunks USING INDEX sqlite_autoindex_chunks_1 (id=?)" in [row[3] for row in plan][:2]
    catalog.close()
