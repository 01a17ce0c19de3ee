"""While another program holds the catalog, who writes waits for it, and who asks does not wait for them."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from tests.e2e.server import finished, running, upload

WRITERS = 24  # more than a small machine's default threads, and fewer than ours


def test_questions_are_answered_while_writers_wait(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nThe pump is in hall four.\n")
    with running(tmp_path / "data") as server, server.client() as client:
        document = upload(client, note)
        finished(client, document["job_id"])
        client.post("/v1/search", json={"query": "Where is the pump?"}).raise_for_status()
        written: list[int] = []

        def write(number: int) -> None:
            with server.client() as own:
                path = f"/v1/documents/{document['document_id']}"
                written.append(own.patch(path, json={"title": f"Title {number}"}).status_code)

        writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        with closing(sqlite3.connect(server.data_dir / "catalog.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for writer in writers:
                writer.start()
            for number in range(60):  # the writers come in meanwhile
                found = client.post("/v1/search", json={"query": f"Where is pump {number}?"})
                assert found.json()["passages"], found.text
            assert len(written) < WRITERS / 2, "questions waited until writers gave up"
            other.execute("ROLLBACK")
        for writer in writers:
            writer.join()
        assert set(written) <= {200, 503}
