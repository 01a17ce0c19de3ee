"""What is remembered of the catalog holds until anybody commits anything: in this process or in another."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.sql import SqlCatalog
from app.services.caching.unchanged import Unchanged
from app.services.identity import Identity, digest
from pipelines.domain.access import ApiKey, Principal, Role
from pipelines.domain.errors import Unauthenticated
from tests.contract.samples import BEN

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def lite(tmp_path: Path) -> SqlCatalog:
    opened = SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    opened.open()
    with opened.begin() as uow:
        uow.keys.add_tenant("acme", "acme", NOW)
    return opened


def _commit(catalog: SqlCatalog, number: int = 1) -> None:
    with catalog.begin() as uow:
        uow.keys.add_tenant(f"t{number}", "another", NOW)


def test_any_commit_is_another_number_and_reading_is_none(catalog: SqlCatalog) -> None:
    before = catalog.commits()
    with catalog.read() as uow:
        uow.keys.all("acme")
    assert catalog.commits() == before
    _commit(catalog)
    after = catalog.commits()
    assert (after is None) is (before is None) is (not catalog.is_sqlite)  # PostgreSQL does not tell
    assert after is None or after != before


def test_another_process_commits_too(lite: SqlCatalog, tmp_path: Path) -> None:
    before = lite.commits()
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM tenants'); c.commit()"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "catalog.sqlite3")], check=True)
    assert lite.commits() != before


def test_what_is_remembered_goes_with_the_next_commit(lite: SqlCatalog) -> None:
    known: Unchanged[str, str] = Unchanged(lite, entries=2)
    known.put("a", "1", known.now)
    assert known.get("a") == "1"
    _commit(lite)
    assert known.get("a") is None


def test_what_was_read_before_a_commit_is_not_remembered_after_it(lite: SqlCatalog) -> None:
    known: Unchanged[str, str] = Unchanged(lite)
    began = known.now
    _commit(lite)
    known.put("a", "read before", began)
    assert known.get("a") is None


def test_the_latest_are_remembered(lite: SqlCatalog) -> None:
    known: Unchanged[str, str] = Unchanged(lite, entries=2)
    for key in "abc":
        known.put(key, key, known.now)
    assert [known.get(key) for key in "abc"] == [None, "b", "c"]


@pytest.mark.parametrize("end", [{"revoked_at": NOW}, {"expires_at": NOW}])
def test_a_known_key_that_another_process_ends_is_known_no_more(
    lite: SqlCatalog, tmp_path: Path, end: dict[str, datetime]
) -> None:
    with lite.begin() as uow:
        uow.keys.add(ApiKey("key_1", "test", digest("secret"), Principal("acme", "ben"), NOW))
    identity, other = Identity(lite, lambda: NOW), SqlCatalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    other.open()
    assert identity.known("secret") is None
    identity.principal("secret")
    identity.close()  # its use is noted, which is a commit
    identity.principal("secret")
    assert identity.known("secret") == BEN
    with other.begin() as uow:
        uow.keys.end("key_1", **end)
    assert identity.known("secret") is None
    with pytest.raises(Unauthenticated):
        identity.principal("secret")


def test_a_known_key_ends_with_its_time(lite: SqlCatalog) -> None:
    clock = [NOW]
    holder = Principal("acme", "ada", roles=frozenset({Role.READER}))
    with lite.begin() as uow:
        uow.keys.add(ApiKey("key_1", "test", digest("secret"), holder, NOW, NOW + timedelta(seconds=30)))
    identity = Identity(lite, lambda: clock[0])
    identity.principal("secret")
    identity.close()
    identity.principal("secret")
    assert identity.known("secret") == holder
    clock[0] += timedelta(seconds=30)
    assert identity.known("secret") is None
