"""Sealed values go with their version, and PostgreSQL shows them to nobody who may not read its document."""

from __future__ import annotations

import pytest

from app.adapters.sql import SqlCatalog
from tests.contract.samples import ANNA, BEN, EVE, at, collection, document, ready, set_up


@pytest.fixture
def filled(catalog: SqlCatalog) -> SqlCatalog:
    set_up(catalog, collection("acme"), collection("rival"))
    with catalog.begin() as uow:
        for each in (document("doc_1", where=collection("acme")), document("doc_2", where=collection("acme"))):
            ready(uow, each)
            uow.sealed.replace(each.latest.id, {"<A_1>": f"of {each.id}", "<A_2>": "other"})
    return catalog


def test_a_version_has_its_own_until_they_are_replaced(filled: SqlCatalog) -> None:
    first, second = (document(each, where=collection("acme")).latest.id for each in ("doc_1", "doc_2"))
    with filled.begin() as uow:
        assert uow.sealed.get(first, "<A_1>") == "of doc_1"
        uow.sealed.replace(first, {"<A_3>": "new"})
        uow.sealed.replace("ver_unknown", {"<A_1>": "nothing"})
    with filled.read() as uow:
        assert uow.sealed.get(first, "<A_1>") is None
        assert uow.sealed.get(first, "<A_3>") == "new"
        assert uow.sealed.get(second, "<A_1>") == "of doc_2"
        assert uow.sealed.get("ver_unknown", "<A_1>") is None


def test_they_are_erased_with_the_document(filled: SqlCatalog) -> None:
    first, second = (document(each, where=collection("acme")).latest.id for each in ("doc_1", "doc_2"))
    with filled.begin() as uow:
        uow.documents.tombstone("doc_1", at(5))
    with filled.begin() as uow:
        uow.documents.purge("doc_1")
    with filled.read() as uow:
        assert uow.sealed.get(first, "<A_1>") is None
        assert uow.sealed.get(second, "<A_1>") == "of doc_2"


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_the_database_shows_them_to_readers_alone(filled: SqlCatalog) -> None:
    version = document("doc_1", where=collection("acme")).latest.id
    with filled.begin() as uow:
        uow.documents.share("doc_1", frozenset({"group:finance"}), at(6))
    with filled.read(ANNA) as uow:
        assert uow.sealed.get(version, "<A_1>") is not None, "of finance"
    for stranger in (BEN, EVE):
        with filled.read(stranger) as uow:
            assert uow.sealed.get(version, "<A_1>") is None
    with filled.begin(EVE) as uow:
        uow.sealed.replace(version, {"<A_1>": "mine"})
    with filled.read() as uow:
        assert uow.sealed.get(version, "<A_1>") == "of doc_1"
