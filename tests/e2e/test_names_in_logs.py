"""Names of folders and files may be anybody's: they are kept where a file is found again by them, and written to no log."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

from tests.e2e.server import finished, running

MAIL, PERSON = "ada.lovelace@engine.example", "kowalczyk_marta"


def test_paths_of_watched_folders_and_names_in_archives_are_in_no_log(tmp_path: Path) -> None:
    folder = tmp_path / "watched" / MAIL
    folder.mkdir(parents=True)
    (folder / f"{PERSON}.md").write_text("# Note\n\nThe pump is in hall four.\n")
    (folder / f"{PERSON}.pdf").write_bytes(b"%PDF-1.7 broken")
    (folder / f"{PERSON}.bin").write_bytes(bytes(range(256)))
    archive = tmp_path / "files.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for suffix, content in {
            "md": b"# Note\n\nThe valve is in hall five.\n",
            "pdf": b"%PDF-1.7 broken",
            "zip": b"PK",
        }.items():
            file.writestr(f"{MAIL}/{PERSON}.{suffix}", content)
    settings = {"CAIRN_SYNC_ROOTS": str(tmp_path / "watched"), "CAIRN_LOG_LEVEL": "debug", "CAIRN_SYNC_SETTLE_S": "0"}
    with running(tmp_path / "data", **settings) as server, server.client() as client:
        made = client.post("/v1/collections/default/sources", json={"path": str(tmp_path / "watched")})
        with archive.open("rb") as file:
            sent = client.post("/v1/documents", files={"file": ("files.zip", file)}, data={"unpack": "true"})
        assert sent.status_code == 202, sent.text
        finished(client, sent.json()["bundles"][0]["job_id"])
        deadline = time.monotonic() + 120
        while len(found := client.get("/v1/documents").json()["documents"]) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert made.status_code in (201, 202), made.text
        assert not any(MAIL in document["latest_version"]["filename"] for document in found), (
            "what people see of it follows the policy"
        )
        jobs = client.get("/v1/jobs").text
        assert MAIL not in jobs
    said = (tmp_path / "data" / "server.log").read_text()
    assert "job.finished" in said
    assert MAIL not in said
    assert PERSON not in said
