#!/usr/bin/env python
"""Kills the server at random while documents come, change and go; in the end everything must be as it was promised.

    scripts/soak.py --documents 100 --kills 200 --seed 7

One client uploads, replaces and deletes small documents, and repeats what was cut off (an upload carries an
Idempotency-Key). The server is SIGKILLed at random moments and started again. When all jobs have ended, catalog,
keyword index, vectors, files and journal are compared with what was acknowledged last. Prints JSON; exits 1 on any
difference.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.e2e.server import Server

PATIENCE_S = 900


@dataclass
class Wish:
    """What a document should be once all is done. `word` stands in the content that was acknowledged last."""

    name: str
    document_id: str = ""
    version_id: str = ""
    word: str = ""
    deleted: bool = False


@dataclass
class Client:
    """Says everything again until it is answered: the server may die under any request."""

    server: Server
    stop: threading.Event
    repeated: int = 0

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                with self.server.client() as http:
                    response = http.request(method, path, **content)
                if response.status_code < 500:
                    return response
            except httpx.HTTPError:
                pass
            self.repeated += 1
            time.sleep(0.05)
        raise TimeoutError(f"{method} {path}")


_A_KILL_S = 2.0  # at least, from one to the next: people go on for as long as it is killed


@dataclass
class Workload:
    client: Client
    wishes: list[Wish]
    dice: random.Random
    lasts_s: float = 0.0  # about, besides what the requests take
    operations: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Uploads each document, then replaces or deletes some of them, in any order."""
        plan = [(wish, step) for wish in self.wishes for step in self._life()]
        order = {id(wish): iter([step for owner, step in plan if owner is wish]) for wish in self.wishes}
        turns = [wish for wish, _ in plan]
        self.dice.shuffle(turns)
        for wish in turns:
            step = next(order[id(wish)])
            self.operations[step] += 1
            self._delete(wish) if step == "delete" else self._upload(wish)
            time.sleep(self.dice.random() * 2 * self.lasts_s / len(plan))

    def _life(self) -> list[str]:
        return ["upload", *["replace"] * self.dice.choice([0, 0, 1, 2]), *self.dice.choice([[], [], [], ["delete"]])]

    def _upload(self, wish: Wish) -> None:
        word = f"word{self.dice.getrandbits(48):012x}"
        headers = {"Idempotency-Key": word}
        fields = {"document_id": wish.document_id} if wish.document_id else {}
        files = {"file": (wish.name, _content(word, self.dice))}
        response = self.client.request("POST", "/v1/documents", files=files, data=fields, headers=headers)
        (document,) = response.json()["documents"]
        wish.document_id, wish.version_id, wish.word = document["document_id"], document["version_id"], word

    def _delete(self, wish: Wish) -> None:
        response = self.client.request("DELETE", f"/v1/documents/{wish.document_id}")
        assert response.status_code in (202, 404), response.text  # 404: an answer that was cut off had deleted it
        wish.deleted = True


def _content(word: str, dice: random.Random) -> bytes:
    sections = [
        f"## Section {number}\n\nThe mark of this document is {word}. " + f"Line {number} of {word} says little. " * 12
        for number in range(dice.randint(1, 12))
    ]
    return ("# Notes\n\n" + "\n\n".join(sections)).encode()


def kill_at_random(server: Server, kills: int, until: float, work: threading.Thread, dice: random.Random) -> int:
    done = 0
    while done < kills and time.monotonic() < until:
        time.sleep(dice.uniform(0.05, 2.5))
        server.kill()
        done += 1
        print(
            f"\r{done}/{kills} kills, uploads {'going on' if work.is_alive() else 'done'}   ", end="", file=sys.stderr
        )
        server.start()
    return done


def wait_for_jobs(client: Client) -> int:
    """Until all have ended. One under way at each of so many kills in a row is given up as `interrupted`, and started again
    by hand once the server stays up, as its error says; how many of those."""
    deadline, retried = time.monotonic() + PATIENCE_S, 0
    while time.monotonic() < deadline:
        open_jobs = [
            job
            for status in ("queued", "running")
            for job in client.request("GET", f"/v1/jobs?status={status}&limit=200").json()["jobs"]
        ]
        print(f"\rwaiting for {len(open_jobs)} jobs     ", end="", file=sys.stderr)
        if not open_jobs:
            failed = client.request("GET", "/v1/jobs?status=failed&limit=200").json()["jobs"]
            open_jobs = [job for job in failed if job["error"]["code"] == "interrupted"]
            if not open_jobs:
                return retried
            for job in open_jobs:
                client.request("POST", f"/v1/jobs/{job['id']}/retry")
            retried += len(open_jobs)
        time.sleep(0.5)
    raise TimeoutError(f"jobs that never ended: {[(job['id'], job['status'], job['steps'][-1:]) for job in open_jobs]}")


def differences(server: Server, client: Client, wishes: list[Wish]) -> Iterator[str]:
    """Everything that is not as it should be, in words."""
    for wish in wishes:
        response = client.request("GET", f"/v1/documents/{wish.document_id}")
        if wish.deleted:
            if response.status_code != 404:
                yield f"{wish.name}: deleted, and still there"
            continue
        document = response.json()
        if document.get("status") != "ready" or document.get("active_version_id") != wish.version_id:
            jobs = client.request("GET", f"/v1/jobs?document_id={wish.document_id}").json()["jobs"]
            states = [(job["version_id"], job["status"], job["error"], job["steps"][-1:]) for job in jobs]
            yield f"{wish.name}: active {document.get('active_version_id')}, wanted {wish.version_id}, jobs {states}"
            continue
        chunks = client.request("GET", f"/v1/documents/{wish.document_id}/chunks?limit=200").json()["chunks"]
        if not chunks or not all(wish.word in chunk["text"] for chunk in chunks):
            yield f"{wish.name}: not the content that was acknowledged last"
        found = client.request("POST", "/v1/search", json={"query": f"mark {wish.word}", "top_k": 5}).json()["passages"]
        if wish.document_id not in {passage["document_id"] for passage in found}:
            yield f"{wish.name}: a search does not find it"
    server.stop()
    yield from _leftovers(server, wishes)


def _leftovers(server: Server, wishes: list[Wish]) -> Iterator[str]:
    import chromadb
    from chromadb.config import Settings

    live = {wish.version_id for wish in wishes if not wish.deleted}
    with sqlite3.connect(server.data_dir / "catalog.sqlite3") as catalog:
        rows = catalog.execute("SELECT id, version_id FROM chunks").fetchall()
        keywords = [row[0] for row in catalog.execute("SELECT chunk_id FROM keyword_rows")]
        texts = catalog.execute("SELECT count(*) FROM keyword_text").fetchone()[0]
        outbox = catalog.execute("SELECT count(*) FROM outbox").fetchone()[0]
        if catalog.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            yield "the catalog's integrity check fails"
    chunk_ids = {row[0] for row in rows}
    if orphans := {row[1] for row in rows} - live:
        yield f"chunks of {len(orphans)} versions that nobody reads"
    chroma = chromadb.PersistentClient(str(server.data_dir / "chroma"), settings=Settings(anonymized_telemetry=False))
    vectors, unreachable = [], 0
    for found in chroma.list_collections():
        held = found.get(include=["embeddings"])
        vectors += held["ids"]
        for chunk_id, vector in zip(held["ids"], held["embeddings"], strict=True):
            near = found.query(query_embeddings=[vector], n_results=20, include=["distances"])
            unreachable += chunk_id not in near["ids"][0] and near["distances"][0][-1] > 1e-5
    if unreachable:
        yield f"vectors: {unreachable} that no search finds"
    for name, ids in (("keyword index", keywords), ("vectors", vectors)):
        if len(ids) != len(set(ids)):
            yield f"{name}: double entries"
        if set(ids) != chunk_ids:
            yield f"{name}: {len(chunk_ids - set(ids))} missing, {len(set(ids) - chunk_ids)} orphans"
    if texts != len(keywords):
        yield f"keyword index: {texts} texts for {len(keywords)} rows"
    if outbox:
        yield f"{outbox} events were never sent"
    with sqlite3.connect(server.data_dir / "workflows.sqlite3") as journal:
        if journal.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            yield "the journal's integrity check fails"
    files = server.data_dir / "files"
    for kind in ("parsed", "vectors", "erasing", ".incoming"):
        if left := [path for path in (files / kind).rglob("*") if path.is_file()]:
            yield f"{len(left)} files left in {kind}"
    if gone := [
        path for path in (files / "originals").iterdir() if path.name not in live and _is_deleted(path, wishes)
    ]:
        yield f"{len(gone)} originals of deleted documents"
    if missing := live - {path.name for path in (files / "originals").iterdir()}:
        yield f"{len(missing)} originals are missing"


def _is_deleted(path: Path, wishes: list[Wish]) -> bool:
    return path.name in {wish.version_id for wish in wishes if wish.deleted}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=240, help="after these, it is killed no more")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", {"CAIRN_LOG_LEVEL": "warning"}).start()
        client = Client(server, threading.Event())
        wishes = [Wish(f"note-{number}.md") for number in range(arguments.documents)]
        workload = Workload(client, wishes, random.Random(arguments.seed), lasts_s=_A_KILL_S * arguments.kills)
        work = threading.Thread(target=workload.run, daemon=True)
        work.start()
        dice, until = random.Random(arguments.seed + 1), began + 60 * arguments.minutes
        kills = kill_at_random(server, arguments.kills, until, work, dice)
        work.join()
        retried = wait_for_jobs(client)
        found = list(differences(server, client, wishes))
        server.stop()
    report = {
        "documents": arguments.documents,
        "kills": kills,
        "operations": dict(workload.operations),
        "interrupted_and_retried_by_hand": retried,
        "requests_repeated": client.repeated,
        "differences": found,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(file=sys.stderr)
    print(json.dumps(report, indent=2))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
