"""What people see of a system, and what of it is not the same afterwards."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from recovery.people import Act

_SAID = ("text", "citations", "abstained", "grounded", "degraded")
_OF_JOBS = {"jobs": "id", "job_steps": "job_id", "job_events": "job_id"}  # a restore begins anew what had not ended
_ENDED = ("succeeded", "failed", "cancelled")
_SETTLES_S = 900


@dataclass
class Archive:
    """Documents that nobody changes while a backup is made: of each, who took it in, and its versions: (id, sha256)."""

    owners: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def take_in(self, http: httpx.Client, who: str, path: Path, content: bytes, **fields: str) -> str:
        reply = http.post("/v1/documents", files={"file": (path.name, content)}, data=fields).raise_for_status()
        (document,) = reply.json()["documents"]
        id_ = str(document["document_id"])
        self.owners[id_] = who
        self.versions.setdefault(id_, []).append((document["version_id"], hashlib.sha256(content).hexdigest()))
        return id_


def settled(http: httpx.Client, within_s: float = _SETTLES_S) -> float:
    """Seconds until no job of the tenant waits or runs. Raises SystemExit."""
    began = time.monotonic()
    while time.monotonic() < began + within_s:
        waiting = [
            http.get("/v1/jobs", params={"status": status, "limit": 1}).raise_for_status().json()["jobs"]
            for status in ("queued", "running")
        ]
        if not any(waiting):
            return time.monotonic() - began
        time.sleep(0.3)
    raise SystemExit(f"Jobs go on for more than {within_s:g} s.")


def look(clients: Mapping[str, httpx.Client], archive: Archive) -> dict[str, Any]:
    """Documents, who may read them, chunks, and the files themselves, each version's."""
    documents, chunks, files = {}, {}, {}
    for id_, owner in archive.owners.items():
        http = clients[owner]
        documents[id_] = http.get(f"/v1/documents/{id_}").raise_for_status().json()
        chunks[id_] = list(_paged(http, f"/v1/documents/{id_}/chunks", "chunks"))
        for version_id, _ in archive.versions[id_]:
            reply = http.get(f"/v1/documents/{id_}/content", params={"version_id": version_id}).raise_for_status()
            files[version_id] = hashlib.sha256(reply.content).hexdigest()
    visible = {
        who: sorted(id_ for id_ in archive.owners if http.get(f"/v1/documents/{id_}").status_code == 200)
        for who, http in clients.items()
    }
    return {"documents": documents, "chunks": chunks, "files": files, "visible": visible}


def questions(
    seen: Mapping[str, Any], given: Sequence[str], asked_by: Sequence[str], number: int
) -> list[tuple[str, str]]:
    """(who asks, what): those that are given, and as many about sentences of the documents as there is room for."""
    draw = random.Random(7)
    sentences = sorted(
        {
            " ".join(words[:14])
            for chunks in seen["chunks"].values()
            for chunk in chunks
            for sentence in re.split(r"(?<=[.!?])\s+", chunk["text"])
            if 6 <= len(words := sentence.split()) <= 40
        }
    )
    drawn = draw.sample(sentences, min(len(sentences), max(0, number - len(given))))
    texts = [*given[:number], *(f"What is written about this: {each}?" for each in drawn)]
    return [(asked_by[at % len(asked_by)], text) for at, text in enumerate(texts)]


def answers(clients: Mapping[str, httpx.Client], asked: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    found = []
    for who, text in asked:
        deadline = time.monotonic() + 60
        while True:
            reply = clients[who].post("/v1/query", json={"query": text, "stream": False}).raise_for_status().json()
            if not reply["degraded"] or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        found.append({name: reply[name] for name in _SAID})
    return found


def audit_lines(http: httpx.Client) -> list[str]:
    """The tenant's, oldest first."""
    return http.get("/v1/admin/audit").raise_for_status().text.splitlines()


def rows_that_differ(one: Path, other: Path) -> dict[str, int]:
    """Of two backups, by table; of jobs, those that had ended."""
    ended = {row["id"] for row in _rows(one, "jobs") if row["status"] in _ENDED}
    tables = {path.name.removesuffix(".jsonl.gz") for folder in (one, other) for path in (folder / "rows").iterdir()}
    differing = {}
    for table in sorted(tables - {"outbox"}):
        first, second = (
            Counter(
                json.dumps(row, sort_keys=True)
                for row in _rows(folder, table)
                if table not in _OF_JOBS or row[_OF_JOBS[table]] in ended
            )
            for folder in (one, other)
        )
        if number := ((first - second) + (second - first)).total():
            differing[table] = number
    return differing


def files_that_differ(one: Path, other: Path) -> list[str]:
    sums = [json.loads((folder / "manifest.json").read_text())["sha256"] for folder in (one, other)]
    first, second = ({name: each[name] for name in each if name.startswith("files/")} for each in sums)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


@dataclass(frozen=True)
class Cut:
    """How a restored system stands to what was acknowledged before, while and after it was backed up."""

    there: int
    gone: int  # acknowledged after the moment of the backup
    wrong: list[str]


def cut(acts: Sequence[Act], began: float, ended: float, http: httpx.Client) -> Cut:
    """Wrong is an act that was acknowledged before the backup began, and is not there; one that began after the backup ended, and
    is; and one that is there, while another is not that was acknowledged before it began."""
    state = {id_: _state(http, id_, acts) for id_ in {act.document_id for act in acts if act.document_id}}
    there, missing, wrong = [], [], []
    for act in acts:
        if act.document_id:
            (there if _holds(act, state[act.document_id]) else missing).append(act)
    wrong += [_named("was acknowledged and is lost", act) for act in missing if act.acked and act.acked < began]
    wrong += [_named("came after the backup and is there", act) for act in there if act.began > ended]
    last = max(there, key=lambda act: act.began, default=None)
    if last:
        wrong += [
            _named("is not there, though a later act is", act)
            for act in missing
            if act.acked and began <= act.acked < last.began
        ]
    return Cut(len(there), sum(act.acked is not None for act in missing), wrong)


@dataclass(frozen=True)
class _State:
    deleted: bool
    document: Mapping[str, Any] | None


def _state(http: httpx.Client, document_id: str, acts: Sequence[Act]) -> _State:
    erasures = [act.erasure_id for act in acts if act.document_id == document_id and act.erasure_id]
    deleted = any(http.get(f"/v1/erasures/{each}").status_code == 200 for each in erasures)
    reply = http.get(f"/v1/documents/{document_id}")
    return _State(deleted, reply.json() if reply.status_code == 200 else None)


def _holds(act: Act, state: _State) -> bool:
    """Whether the act is in it. Acts of one document came one after the other: who deleted it had done all before."""
    if state.deleted:
        return state.document is None
    if state.document is None:
        return False
    if act.what == "upload":
        return True
    if act.what == "replace":
        return bool(state.document["latest_version"]["sha256"] == act.sha256)
    if act.what == "share":
        return set(act.readers) <= set(state.document["readers"])
    return False


def _named(what: str, act: Act) -> str:
    return f"{act.what} of {act.document_id} {what}"


def _paged(http: httpx.Client, path: str, name: str) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = http.get(path, params={"cursor": cursor} if cursor else {}).raise_for_status().json()
        yield from page[name]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _rows(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    path = folder / "rows" / f"{table}.jsonl.gz"
    if path.is_file():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)
