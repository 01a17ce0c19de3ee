"""People with a token of the organisation's identity provider: they see what their groups may, beside those with keys."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.server import finished, running, upload
from tests.fakes.identity_provider import identity_provider


def test_a_token_reads_what_its_groups_may(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Plan\n\nThe quokkadrome opens in autumn.\n")
    with identity_provider() as provider:
        provider.add_key("one")
        with running(tmp_path / "data", CAIRN_OIDC_ISSUER=provider.issuer) as server, server.client() as admin:
            document = upload(admin, note, readers="group:board")
            finished(admin, document["job_id"])
            path = f"/v1/documents/{document['document_id']}"
            for groups, status in ((["board"], 200), (["staff"], 404), ([], 404)):
                with server.client(provider.token("one", groups=groups)) as person:
                    assert person.get(path).status_code == status
                    assert person.delete(path).status_code == 403  # nobody gave it the role
            with server.client(provider.token("one", groups=["board"], exp=1)) as late:
                refused = late.get(path)
                assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
