"""What a principal sees of a collection is comparable: equal only while every readable document is as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.adapters.sql import SqlCatalog
from pipelines.domain.access import EVERYONE, Principal
from pipelines.ports import UnitOfWork
from tests.contract.samples import ANNA, BEN, EVE, PAPERS, at, chunks, collection, document, ready, set_up, version

CARL = Principal("acme", "carl")
FINANCE, ONLY_BEN = frozenset({"group:finance"}), frozenset({"user:ben"})
Change = Callable[[UnitOfWork], object]


def seen(catalog: SqlCatalog, who: Principal, name: str = "papers") -> str:
    with catalog.read() as uow:
        view = uow.collections.view(who, name)
    assert view is not None
    return view.seen


@pytest.fixture
def filled(catalog: SqlCatalog) -> SqlCatalog:
    set_up(catalog, PAPERS, collection("rival"))
    with catalog.begin() as uow:
        ready(uow, document("doc_all"))
        ready(uow, document("doc_finance", readers=FINANCE))
    return catalog


def test_who_may_read_the_same_sees_the_same(filled: SqlCatalog) -> None:
    assert seen(filled, BEN) == seen(filled, CARL)
    assert seen(filled, BEN) != seen(filled, ANNA)
    assert seen(filled, EVE) != seen(filled, ANNA), "the other tenant's collection of that name is empty"
    with filled.read() as uow:
        assert uow.collections.view(ANNA, "nothing") is None
        view = uow.collections.view(ANNA, "papers")
        assert view is not None
        assert view.collection == uow.collections.by_name("acme", "papers")


def _replaced(uow: UnitOfWork) -> None:
    newer = version("doc_finance", "newer", seconds=5)
    uow.documents.add_version(newer)
    uow.chunks.replace(newer.id, PAPERS.active_generation.chunker, chunks(newer, ["New."]))
    uow.documents.activate(newer.id, at(6))


CHANGES: dict[str, Change] = {
    "a new document": lambda uow: ready(uow, document("doc_new", readers=FINANCE)),
    "a new version": _replaced,
    "a new name": lambda uow: uow.documents.rename("doc_finance", "b.pdf", "B", {}, at(7)),
    "a deletion": lambda uow: uow.documents.tombstone("doc_finance", at(7)),
    "other readers": lambda uow: uow.documents.share("doc_finance", frozenset({"group:finance", "user:dora"}), at(7)),
    "taken from finance": lambda uow: uow.documents.share("doc_finance", frozenset({"user:dora"}), at(7)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen_by_those_who_may_read_it_and_by_nobody_else(filled: SqlCatalog, change: Change) -> None:
    anna, ben = seen(filled, ANNA), seen(filled, BEN)
    with filled.begin() as uow:
        change(uow)
    assert seen(filled, ANNA) != anna
    assert seen(filled, BEN) == ben, "that a document is there which he may not read must not show"


def test_what_is_shared_with_somebody_is_seen_by_them(filled: SqlCatalog) -> None:
    ben, carl = seen(filled, BEN), seen(filled, CARL)
    with filled.begin() as uow:
        uow.documents.share("doc_finance", ONLY_BEN, at(7))
    assert seen(filled, BEN) not in (ben, carl)
    assert seen(filled, CARL) == carl
    with filled.begin() as uow:
        uow.documents.share("doc_finance", frozenset({EVERYONE}), at(8))
        assert uow.documents.get(CARL, "doc_finance") is not None
    assert seen(filled, CARL) != carl


def test_what_comes_back_is_not_what_was(filled: SqlCatalog) -> None:
    """A document that was shared and is hidden again leaves no moment at which an old view holds once more."""
    views = [seen(filled, BEN)]
    for readers in (ONLY_BEN, FINANCE, ONLY_BEN, FINANCE):
        with filled.begin() as uow:
            uow.documents.share("doc_finance", readers, at(7))
        views.append(seen(filled, BEN))
    assert len(set(views)) == len(views)


def test_the_ids_of_what_is_visible_are_those_of_visible(filled: SqlCatalog) -> None:
    with filled.read() as uow:
        ids = [chunk for each in ("doc_all", "doc_finance") for chunk in uow.chunks.ids(version(each, each).id)]
        for who in (ANNA, BEN, EVE):
            assert uow.chunks.seen(who, PAPERS.id, ids) == set(uow.chunks.visible(who, PAPERS.id, ids))
        assert uow.chunks.seen(ANNA, "col_rival_papers", ids) == uow.chunks.seen(ANNA, PAPERS.id, []) == set()
        assert len(uow.chunks.seen(ANNA, PAPERS.id, ids)) == 2
