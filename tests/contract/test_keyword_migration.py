"""Keyword rows of before lie by collection afterwards, with their words."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command

from app.adapters.sql import SqlCatalog, SqlKeywordIndex
from pipelines.domain.documents import Generation
from tests.contract.samples import CHUNKER


async def test_rows_of_before_are_found_by_collection_and_chunker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = command.upgrade
    catalog = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    with monkeypatch.context() as earlier:
        earlier.setattr(command, "upgrade", lambda config, _: upgrade(config, "0014"))
        catalog.open()
    with catalog.connection() as connection:
        for number, (scope, chunker, word) in enumerate(
            [
                ("col_a", CHUNKER, "refunds"),
                ("col_b", CHUNKER, "refunds"),
                ("col_a", "other", "refunds"),
                ("col_a", CHUNKER, "rain"),
            ],
            1,
        ):
            connection.exec_driver_sql(
                "INSERT INTO keyword_rows (id, chunk_id, version_id, collection_id, chunker) VALUES (?, ?, ?, ?, ?)",
                (number * 7, f"chk_{number}", f"ver_{number}", scope, chunker),
            )
            connection.exec_driver_sql("INSERT INTO keyword_text (rowid, text) VALUES (?, ?)", (number * 7, word))
    catalog.close()
    catalog.open()
    keywords = SqlKeywordIndex(catalog)
    for scope, chunker, expected in (
        ("col_a", CHUNKER, "chk_1"),
        ("col_b", CHUNKER, "chk_2"),
        ("col_a", "other", "chk_3"),
    ):
        hits = await keywords.query(Generation("gen", scope, "model", 384, chunker), "refund", 9)
        assert [hit.chunk_id for hit in hits] == [expected]
    assert await keywords.version_ids("col_a") == {"ver_1", "ver_3", "ver_4"}
    catalog.close()
