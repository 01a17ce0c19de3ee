"""Filters of a search: the same documents in the catalog, in its guard on passages, and in both indexes' proposals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from app.adapters.sql import SqlCatalog
from pipelines.domain.filters import EVERYTHING, Filters
from tests.contract.samples import ANNA, BEN, EVE, PAPERS, document, ready, set_up

DETAILS = {
    "doc_plain": {},
    "doc_rules": {"department": "hr", "tags": "rules, leave", "date": "2025-12-31"},
    "doc_draft": {"department": "hr", "tags": "draft,leave 2", "date": "2026-01-15"},
    "doc_legal": {"department": "legal", "it's": "100%", "tags": "50% off"},
}
ALL = set(DETAILS)


def _with(**metadata: set[str]) -> Filters:
    return Filters(metadata=frozenset((key, frozenset(values)) for key, values in metadata.items()))


CASES = [
    (EVERYTHING, ALL),
    (Filters(document_ids=frozenset({"doc_rules", "doc_other"})), {"doc_rules"}),
    (Filters(document_ids=frozenset()), set()),
    (_with(department={"hr"}), {"doc_rules", "doc_draft"}),
    (_with(department={"hr", "legal"}), {"doc_rules", "doc_draft", "doc_legal"}),
    (_with(department={"hr"}, date={"2026-01-15"}), {"doc_draft"}),
    (_with(**{"it's": {"100%"}}), {"doc_legal"}),
    (_with(absent={""}), set()),
    (Filters(tags=frozenset({"leave"})), {"doc_rules"}),  # and not "leave 2"
    (Filters(tags=frozenset({"draft", "rules"})), {"doc_rules", "doc_draft"}),
    (Filters(tags=frozenset({"50% off"})), {"doc_legal"}),
    (Filters(tags=frozenset({"5_% off"})), set()),
    (Filters(date_to=date(2025, 12, 31)), {"doc_rules"}),
    (Filters(date_from=date(2026, 1, 1), date_to=date(2026, 1, 31)), {"doc_draft"}),
    (Filters(date_from=date(2026, 3, 1)), {"doc_plain", "doc_legal"}),  # on the day of their upload
]


@pytest.mark.parametrize(("where", "expected"), CASES)
def test_the_catalog_keeps_to_the_filters(catalog: SqlCatalog, where: Filters, expected: set[str]) -> None:
    set_up(catalog)
    with catalog.begin() as uow:
        rows = {id_: ready(uow, replace(document(id_), metadata=details)) for id_, details in DETAILS.items()}
        hidden = ready(uow, replace(document("doc_hidden", readers=frozenset({"group:finance"})), metadata={}))
    ids = [row.id for each in (*rows.values(), hidden) for row in each]
    with catalog.read() as uow:
        seen = uow.chunks.visible(BEN, PAPERS.id, ids, where)
        assert {found.document_id for found in seen.values()} == expected
        titles = uow.documents.titles(BEN, PAPERS.id, where)
        assert set(titles) == {document(id_).latest.id for id_ in expected}
        assert uow.documents.titles(EVE, PAPERS.id, where) == {}
        if where is EVERYTHING:
            assert len(uow.documents.titles(ANNA, PAPERS.id, where)) == len(ALL) + 1
