"""What a tenant keeps is counted whoever adds to it (on SQLite and on PostgreSQL)."""

from __future__ import annotations

import pytest

from app.adapters.sql import SqlCatalog
from app.services.quotas import Quotas
from pipelines.domain.documents import Held
from pipelines.domain.errors import QuotaReached
from tests.contract.samples import BEN, EVE, at, document, set_up, version

FINANCE = frozenset({"group:finance"})


@pytest.fixture(autouse=True)
def _documents(catalog: SqlCatalog) -> None:
    set_up(catalog)
    with catalog.begin() as uow:
        uow.documents.add(document("doc_a", "ten bytes!"))
        uow.documents.add(document("doc_b", "five5", readers=FINANCE))
        uow.documents.add(document("doc_gone", "thousands"))
        uow.documents.tombstone("doc_gone", at(1))


def test_documents_that_others_read_and_older_versions_count_and_deleted_ones_do_not(catalog: SqlCatalog) -> None:
    with catalog.begin(BEN) as uow:
        assert uow.documents.held("acme") == Held(2, 15)
        uow.documents.add_version(version("doc_a", "a newer one", 5))
        assert uow.documents.held("acme") == Held(2, 26), "what the same transaction adds counts too"
    with catalog.begin(EVE) as uow:
        assert uow.documents.held("rival") == Held(0, 0)


@pytest.mark.parametrize(
    ("quotas", "fits"), [(Quotas(2, 15), True), (Quotas(1, None), False), (Quotas(None, 14), False)]
)
def test_what_is_over_is_refused(catalog: SqlCatalog, quotas: Quotas, fits: bool) -> None:
    with catalog.begin(BEN) as uow:
        if fits:
            quotas.check(uow, "acme")
            return
        with pytest.raises(QuotaReached):
            quotas.check(uow, "acme")
