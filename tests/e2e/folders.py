"""A place that a server watches, and what becomes of its files."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.server import KEY, ROOT, Server, events, finished

WORDS = ["zephyrine", "quagmirist", "borealander", "thistledown", "marzipanic", "obsidianite"]


def write(path: Path, word: str, *, times: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# About {word}\n\n" + f"The {word} rests in the northern archive. " * times)
    return path


def add(client: httpx.Client, path: Path | str, **more: object) -> dict[str, Any]:
    answer = client.post("/v1/collections/default/sources", json={"path": str(path), **more})
    assert answer.status_code == 201, answer.text
    source = answer.json()
    finished(client, source["job"]["id"])
    return settled(client, source["id"])


def sync(client: httpx.Client, source: dict[str, Any], status: str = "succeeded", **how: bool) -> dict[str, Any]:
    """A pass from its start to its end, and the ends of the jobs that it started; the source then."""
    path = f"/v1/collections/default/sources/{source['id']}"
    job = client.post(f"{path}/sync", json=how)
    assert job.status_code == 202, job.text
    finished(client, job.json()["id"], status)
    return settled(client, source["id"])


def killed_during_a_pass(server: Server, client: httpx.Client, source: dict[str, Any], moment: str) -> str:
    """Starts a pass and kills the server at "a file" or at the end of the step `moment`; the job's id."""
    job = client.post(f"/v1/collections/default/sources/{source['id']}/sync").json()
    for name, data, _ in events(client, "GET", f"/v1/jobs/{job['id']}/events"):
        if name == "step.progress" if moment == "a file" else data.get("output") and data["step"] == moment:
            server.kill()
            break
    return str(job["id"])


def settled(client: httpx.Client, source_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        jobs = client.get("/v1/jobs", params={"limit": 200}).json()["jobs"]
        if all(job["status"] in ("succeeded", "failed", "cancelled") for job in jobs):
            return dict(client.get(f"/v1/collections/default/sources/{source_id}").json())
        time.sleep(0.1)
    raise AssertionError(jobs)


def documents(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """By the path of the file."""
    found = client.get("/v1/documents", params={"limit": 200}).json()["documents"]
    assert len({each["metadata"]["path"] for each in found}) == len(found)
    return {each["metadata"]["path"]: each for each in found}


def by_title(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {each["title"]: each for each in documents(client).values()}


def seen_by(server: Server, key: str) -> set[str]:
    """The titles of what is listed for that key."""
    with server.client(key) as client:
        return {each["title"] for each in client.get("/v1/documents").json()["documents"]}


def titles(client: httpx.Client, word: str) -> set[str]:
    found = client.post("/v1/search", json={"query": f"Where does the {word} rest?"}).json()["passages"]
    return {passage["filename"] for passage in found if word in passage["text"]}


def counts(source: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in source["last_pass"]["counts"].items() if count}


def reader_key(server: Server, name: str, *groups: str) -> str:
    """A new key of somebody who reads."""
    with server.client() as client:
        body = {"name": name, "user": name, "groups": groups, "roles": ["reader"]}
        return str(client.post("/v1/admin/keys", json=body).json()["secret"])


def cairn(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, against this server."""
    environment = {"CAIRN_URL": server.url, "CAIRN_API_KEY": KEY, "PATH": "/usr/bin", "COLUMNS": "200"}
    program = [sys.executable, "-m", "app.cli", *words]
    return subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
