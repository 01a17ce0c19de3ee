"""What a policy seals is shown again to who may read the document and has the role, on the record; and to nobody else."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.domain.access import Principal, Role
from tests.e2e.server import Server, add_key, finished, running, secret, upload
from tests.e2e.test_backup import SIGNING_KEY, cairn
from tests.e2e.test_pii import remains

MAIL, OTHER = "ada.lovelace@engine.example", "charles@engine.example"
SEALING = {"rules": {"EMAIL_ADDRESS": {"action": "seal"}}}
PEOPLE = {
    "opener": Principal("default", "opener", roles=frozenset({Role.REVEALER})),
    "outsider": Principal("default", "outsider", roles=frozenset({Role.REVEALER})),
    "plain": Principal("default", "plain", roles=frozenset({Role.READER})),
    "auditor": Principal("default", "auditor", roles=frozenset({Role.AUDITOR})),
    "foreign": Principal("rival", "opener", roles=frozenset({Role.REVEALER, Role.TENANT_ADMIN})),
}


def _first_tenant(server: Server) -> str:
    with closing(sqlite3.connect(server.data_dir / "catalog.sqlite3")) as catalog:
        return str(catalog.execute("SELECT tenant_id FROM api_keys ORDER BY created_at LIMIT 1").fetchone()[0])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "data", CAIRN_SIGNING_KEY=SIGNING_KEY) as started:
        started.stop()
        tenant = _first_tenant(started)
        for name, who in PEOPLE.items():
            own = who if who.tenant_id == "rival" else Principal(tenant, who.user_id, roles=who.roles)
            add_key(started, name, own)
        started.start()
        with started.client() as client:
            client.put("/v1/collections/default/pii", json=SEALING).raise_for_status()
        yield started


def _letter(client: httpx.Client, folder: Path, name: str, mail: str, readers: str) -> tuple[str, str]:
    """The document's id, and the placeholder in its text."""
    path = folder / f"{name}.md"
    path.write_text(f"# Letter {name}\n\nWrite to {mail} about the engine of {name}.\n")
    sent = upload(client, path, readers=readers)
    finished(client, sent["job_id"])
    text = client.get(f"/v1/documents/{sent['document_id']}/chunks").json()["chunks"][0]["text"]
    assert mail not in text
    found = re.search(r"<EMAIL_[0-9a-f]{16}>", text)
    assert found is not None
    return sent["document_id"], found.group()


def _reveal(server: Server, who: str, document: str, placeholder: str) -> httpx.Response:
    with server.client(secret(who)) as client:
        return client.post(f"/v1/documents/{document}/reveal", json={"placeholder": placeholder})


def _record(client: httpx.Client) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.get("/v1/admin/audit").text.splitlines() if '"reveal"' in line]


def test_who_may_and_who_may_not(server: Server, tmp_path: Path) -> None:
    with server.client() as client, server.client(secret("auditor")) as auditor:
        document, placeholder = _letter(client, tmp_path, "one", MAIL, "user:opener,user:plain")
        shown = _reveal(server, "opener", document, placeholder)
        assert (shown.status_code, shown.json()["value"]) == (200, MAIL)
        digest = hashlib.sha256(placeholder.encode()).hexdigest()
        (row,) = _record(auditor)
        assert (row["user_id"], row["targets"]) == ("opener", {"document_id": document, "placeholder_sha256": digest})
        assert client.post(f"/v1/documents/{document}/reveal", json={"placeholder": placeholder}).status_code == 403, (
            "not even who administrates"
        )
        absent = _reveal(server, "outsider", "doc_0123456789abcdef01234567", placeholder)
        for who, status in {"plain": 403, "auditor": 403, "outsider": 404, "foreign": 404}.items():
            refused = _reveal(server, who, document, placeholder)
            assert refused.status_code == status, who
            assert MAIL not in refused.text
            if status == 404:
                same = {**refused.json(), "instance": ""} == {**absent.json(), "instance": ""}
                assert same, "it tells of a document that one may not read"
        for wrong in ("<EMAIL_0000000000000000>", placeholder[:-2] + ">", "' OR 1=1 --"):
            assert _reveal(server, "opener", document, wrong).status_code == 404
        client.patch(f"/v1/documents/{document}", json={"readers": ["user:plain"]}).raise_for_status()
        assert _reveal(server, "opener", document, placeholder).status_code == 404, "it may not be read any more"
        found = client.post("/v1/search", json={"query": f"Who is {MAIL}?"}).json()["passages"]
        assert placeholder in found[0]["text"], "a question about the value finds it"


def test_a_ciphertext_moved_elsewhere_does_not_open_and_none_is_left_after_erasure(
    server: Server, tmp_path: Path
) -> None:
    readers = "user:opener"
    with server.client() as client:
        first, one = _letter(client, tmp_path, "one", MAIL, readers)
        second, two = _letter(client, tmp_path, "two", OTHER, readers)
        third, again = _letter(client, tmp_path, "three", MAIL, readers)
        assert again == one, "the same value in another document"
        server.stop()
        assert remains(server.data_dir, [MAIL, OTHER]) == {}
        with closing(sqlite3.connect(server.data_dir / "catalog.sqlite3")) as catalog, catalog:
            rows = dict(catalog.execute("SELECT version_id, sealed FROM sealed_values"))
            assert len(set(rows.values())) == 3, "bound to its document"
            version = {
                each: catalog.execute("SELECT active_version_id FROM documents WHERE id = ?", [each]).fetchone()[0]
                for each in (first, second, third)
            }
            swap = "UPDATE sealed_values SET sealed = ? WHERE version_id = ?"
            catalog.execute(swap, [rows[version[second]], version[first]])
            catalog.execute(swap, [rows[version[first]], version[third]])
            catalog.execute("INSERT INTO sealed_values VALUES (?, ?, ?)", [version[second], one, rows[version[first]]])
        server.start()
        for document, placeholder in ((first, one), (third, one), (second, one)):
            moved = _reveal(server, "opener", document, placeholder)
            assert (moved.status_code, moved.json()["code"]) == (404, "nothing_sealed")
        assert _reveal(server, "opener", second, two).json()["value"] == OTHER
        finished(client, client.delete(f"/v1/documents/{second}").json()["job_id"])
        assert _reveal(server, "opener", second, two).status_code == 404
        server.stop()
        with closing(sqlite3.connect(server.data_dir / "catalog.sqlite3")) as catalog:
            held = {row[0] for row in catalog.execute("SELECT version_id FROM sealed_values")}
        assert held == {version[first], version[third]}
        assert remains(server.data_dir, [rows[version[second]]]).keys() <= {"catalog.sqlite3"}, "as the test moved it"
        server.start()


def test_a_policy_that_seals_no_more_leaves_nothing_to_reveal(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        document, placeholder = _letter(client, tmp_path, "one", MAIL, "user:opener")
        changed = client.put("/v1/collections/default/pii", json={"preset": "default"}).json()
        assert _reveal(server, "opener", document, placeholder).status_code == 404, "from the change on"
        finished(client, changed["job_id"])
        assert _reveal(server, "opener", document, placeholder).status_code == 404
        with closing(sqlite3.connect(server.data_dir / "catalog.sqlite3")) as catalog:
            assert catalog.execute("SELECT count(*) FROM sealed_values").fetchone() == (0,)
        finished(client, client.put("/v1/collections/default/pii", json=SEALING).json()["job_id"])
        assert _reveal(server, "opener", document, placeholder).json()["value"] == MAIL, "and back"


def test_a_backup_brings_them_back_and_another_key_does_not_open_them(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        document, placeholder = _letter(client, tmp_path, "one", MAIL, "user:opener")
    signed = {"CAIRN_SIGNING_KEY": SIGNING_KEY}
    done = cairn(server.data_dir, "backup", str(tmp_path / "backups"), "--json", **signed)
    assert done.returncode == 0, done.stderr
    backup = Path(json.loads(done.stdout)["folder"])
    server.stop()
    assert cairn(tmp_path / "back", "restore", str(backup), **signed).returncode == 0
    shutil.copytree(tmp_path / "back", tmp_path / "other")
    with running(tmp_path / "back", **signed) as back:
        assert _reveal(back, "opener", document, placeholder).json()["value"] == MAIL
    with running(tmp_path / "other", CAIRN_SIGNING_KEY="6f" * 32) as other:
        assert _reveal(other, "opener", document, placeholder).status_code == 404
