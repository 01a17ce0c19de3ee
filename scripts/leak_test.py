#!/usr/bin/env python
"""Does anybody see a document that it may not read? Everybody asks for everything, while readers change. JSON out.

    scripts/leak_test.py [--tenants 5] [--principals 40] [--documents 200] [--seed 1] [--at-once 24]

Starts a server with a stand-in for Ollama. Each document holds a secret word of its own and a topic by which it can be asked
for; its readers are people and overlapping groups of its tenant. Every principal then asks for every document, its own
tenant's and others', in every way there is, searches and questions twice, so that what others have put into caches is tried
too; meanwhile an editor changes readers. For other tenants' documents, unless `--thorough`, the three paths that name one are
asked for one by one, and searches and questions name eight topics at once (so do as many of one's own, which must find what is
readable).

An answer leaks when it holds a secret or an id of a document that its asker could not read at any moment between its request
and its end. What is readable must be found, too: an empty answer proves nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.leak_papers import Paper, Person, words
from tests.e2e.server import ROOT, Server, running
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama import running as serving

GROUPS = 6  # of a tenant
SWEEP = 8  # topics in one question
_SECRETS = re.compile(r"(?=([a-z]{8}))")  # any eight letters, wherever they stand: secrets have as many
_IDS = re.compile(r"(?:doc|ver|job)_[0-9A-Za-z]+")


@dataclass
class Findings:
    requests: Counter[str] = field(default_factory=Counter)
    combinations: int = 0
    readable_found: Counter[str] = field(default_factory=Counter)
    readable_missed: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    changes: int = 0
    leaks: list[dict[str, Any]] = field(default_factory=list)
    unexpected: Counter[str] = field(default_factory=Counter)


@dataclass
class Asker:
    person: Person
    client: httpx.AsyncClient
    conversation: str
    answers: list[str] = field(default_factory=list)


class LeakTest:
    def __init__(self, url: str, papers: Sequence[Paper], dice: random.Random, *, thorough: bool = True) -> None:
        self.url = url
        self.papers = papers
        self.thorough = thorough
        self.dice = dice
        self.findings = Findings()
        self.by_mark = {mark: paper for paper in papers for mark in (paper.secret, *paper.ids.values())}
        self.named = {each.ids[kind]: each for each in papers for kind in ("document", "job")}

    async def everything(
        self, people: Sequence[Person], at_once: int, minutes: float, seen: Callable[[int, int], None]
    ) -> None:
        """Within tenants first, in a random order each; none begins after so many minutes."""
        pairs = [(person, paper) for person in people for paper in self.papers]
        self.dice.shuffle(pairs)
        pairs.sort(key=lambda pair: pair[0].tenant != pair[1].tenant)
        deadline = time.monotonic() + 60 * minutes
        places, done = asyncio.Semaphore(at_once), 0
        async with AsyncExitStack() as stack:
            clients = {person: await stack.enter_async_context(self._client(person)) for person in people}
            askers = {
                person: Asker(person, client, (await client.post("/v1/conversations")).json()["id"])
                for person, client in clients.items()
            }

            async def one(person: Person, paper: Paper) -> None:
                nonlocal done
                async with places:
                    if time.monotonic() > deadline:
                        return
                    await self._ask(askers[person], paper)
                done += 1
                self.findings.combinations += 1
                seen(done, len(pairs))

            async def sweep(person: Person, papers: Sequence[Paper]) -> None:
                async with places:
                    if time.monotonic() < deadline:
                        await self._sweep(askers[person], papers)

            asked = (one(person, paper) for person, paper in pairs)
            swept = (sweep(person, group) for person in people for group in self._groups() if not self.thorough)
            await asyncio.gather(*asked, *swept)
            for person in people:
                await self._lists(askers[person])

    def _groups(self) -> list[Sequence[Paper]]:
        """All papers, those of a tenant together."""
        papers = sorted(self.papers, key=lambda paper: paper.tenant)
        groups = [
            [paper for paper in papers if paper.tenant == tenant] for tenant in dict.fromkeys(p.tenant for p in papers)
        ]
        return [group[first : first + SWEEP] for group in groups for first in range(0, len(group), SWEEP)]

    async def _sweep(self, asker: Asker, papers: Sequence[Paper]) -> None:
        """Many topics in one question. What is readable of them must be among the passages."""
        topics = ", ".join(paper.topic for paper in papers)
        asked = {"query": f"What are the code words of the ledgers {topics}?", "top_k": 50}
        first = time.monotonic()
        found = await self._send(asker, None, "sweep search", "POST", "/v1/search", json=asked)
        last = time.monotonic()
        await self._send(asker, None, "sweep query", "POST", "/v1/query", json={**asked, "stream": False})
        for paper in papers:
            self._expect(asker.person, paper, "sweep search", found.text, found.status_code, first, last)

    def _client(self, person: Person) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {person.secret}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=120, trust_env=False, verify=False)

    async def _ask(self, asker: Asker, paper: Paper) -> None:
        topic = {"query": paper.question}
        document, job = f"/v1/documents/{paper.ids['document']}", f"/v1/jobs/{paper.ids['job']}"
        if paper.tenant != asker.person.tenant and not self.thorough:
            for path in (document, f"{document}/chunks", job):
                await self._send(asker, paper, "of another tenant", "GET", path)
            return
        for _ in range(2):
            await self._send(asker, paper, "search", "POST", "/v1/search", json=topic)
            await self._send(asker, paper, "query", "POST", "/v1/query", json={**topic, "stream": False})
        await self._send(asker, paper, "stream", "POST", "/v1/query", json=topic)
        chat = {"model": "default", "messages": [{"role": "user", "content": paper.question}]}
        await self._send(asker, paper, "chat", "POST", "/v1/chat/completions", json=chat)
        await self._send(asker, paper, "chat stream", "POST", "/v1/chat/completions", json={**chat, "stream": True})
        follow = {"query": paper.question, "stream": False, "conversation_id": asker.conversation}
        await self._send(asker, paper, "conversation", "POST", "/v1/query", json=follow)
        await self._send(asker, paper, "secret itself", "POST", "/v1/search", json={"query": paper.secret})
        filtered = {**topic, "filters": {"document_ids": [paper.ids["document"]]}}
        await self._send(asker, paper, "filter", "POST", "/v1/search", json=filtered)
        for path in ("", "/chunks", "/content", "/pages/1.png"):
            await self._send(asker, paper, f"document{path}", "GET", document + path)
        for path in ("", "/events"):
            await self._send(asker, paper, f"job{path}", "GET", job + path)
        jobs = await self._send(asker, paper, "jobs of it", "GET", f"/v1/jobs?document_id={paper.ids['document']}")
        assert jobs is not None

    async def _lists(self, asker: Asker) -> None:
        """What names many at once; answers and conversations of before, too."""
        for what, path in {
            "documents": "/v1/documents?limit=200",
            "jobs": "/v1/jobs?limit=200",
            "conversation turns": f"/v1/conversations/{asker.conversation}",
        }.items():
            await self._send(asker, None, what, "GET", path)
        for answer_id in asker.answers[-50:]:
            await self._send(asker, None, "answer record", "GET", f"/v1/answers/{answer_id}")

    async def _send(
        self, asker: Asker, paper: Paper | None, what: str, method: str, path: str, **content: Any
    ) -> httpx.Response:
        first = time.monotonic()
        answer = await asker.client.request(method, path, **content)
        last = time.monotonic()
        self.findings.requests[what] += 1
        if answer.headers.get("x-cairn-cache", "none") != "none":
            self.findings.cached += 1
        if answer.status_code not in (200, 404):
            self.findings.unexpected[f"{what}: {answer.status_code}"] += 1
        asked = f"{path} {json.dumps(content)}"
        body = answer.text if not answer.headers.get("content-type", "").startswith("image/") else "a picture"
        self._judge(asker.person, what, asked, body, answer.status_code, first, last)
        if paper is not None:
            self._expect(asker.person, paper, what, body, answer.status_code, first, last)
        if what == "query" and answer.status_code == httpx.codes.OK:
            asker.answers.append(answer.json()["id"])
        return answer

    def _judge(self, person: Person, what: str, asked: str, body: str, status: int, first: float, last: float) -> None:
        """What was asked for by its own name may be named in the refusal."""
        for mark in {*_SECRETS.findall(body), *_IDS.findall(body)} & self.by_mark.keys():
            if mark not in asked and not self.by_mark[mark].known_to(person, first, last):
                self.findings.leaks.append({"way": what, "who": [person.tenant, person.name], "shown": mark})
        named = next((self.named[id_] for id_ in _IDS.findall(asked) if id_ in self.named), None)
        direct = asked.startswith(("/v1/documents/", "/v1/jobs/"))
        if named and direct and status == httpx.codes.OK and not named.known_to(person, first, last):
            self.findings.leaks.append({"way": what, "who": [person.tenant, person.name], "status": status})

    def _expect(
        self, person: Person, paper: Paper, what: str, body: str, status: int, first: float, last: float
    ) -> None:
        if paper.open_to(person, first, last):
            direct = what.startswith(("document", "job"))
            found = status == httpx.codes.OK if direct else paper.secret in body or paper.ids["document"] in body
            (self.findings.readable_found if found else self.findings.readable_missed)[what] += 1

    async def change_readers(self, editors: dict[str, Person], choices: dict[str, list[str]], pause_s: float) -> None:
        """One document after the other gets other readers, until it is cancelled."""
        async with AsyncExitStack() as stack:
            clients = {
                tenant: await stack.enter_async_context(self._client(editor)) for tenant, editor in editors.items()
            }
            while True:
                paper = self.dice.choice(self.papers)
                readers = _readers(self.dice, choices[paper.tenant])
                sent = time.monotonic()
                path = f"/v1/documents/{paper.ids['document']}"
                # What is sent may hold from now on; what was before may hold until the answer is there.
                paper.share(readers | {"user:editor"}, sent, float("inf"))
                changed = await clients[paper.tenant].patch(path, json={"readers": sorted(readers)})
                assert changed.status_code == httpx.codes.OK, changed.text
                since, before, _ = paper.held[-2]
                paper.held[-2] = since, before, time.monotonic()
                self.findings.changes += 1
                await asyncio.sleep(pause_s)


def _readers(dice: random.Random, choices: Sequence[str]) -> frozenset[str]:
    return frozenset(dice.sample(choices, dice.randint(1, 3)))


def _tenant(server: Server, name: str) -> str:
    """A new tenant's admin key."""
    environment = {**os.environ, "CAIRN_DATA_DIR": str(server.data_dir)}
    command = [sys.executable, "-m", "app.cli", "tenants", "create", name, "--json"]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, text=True)
    return str(json.loads(made.stdout)["secret"])


def _person(server: Server, admin: str, tenant: str, name: str, groups: frozenset[str], role: str = "reader") -> Person:
    body = {"name": name, "user": name, "groups": sorted(groups), "roles": [role]}
    with server.client(admin) as client:
        made = client.post("/v1/admin/keys", json=body)
        assert made.status_code == httpx.codes.CREATED, made.text
    return Person(tenant, name, groups, made.json()["secret"])


def _upload(server: Server, editor: Person, papers: Sequence[Paper], dice: random.Random, choices: list[str]) -> None:
    with server.client(editor.secret) as client:
        for paper in papers:
            readers = _readers(dice, choices)
            since = time.monotonic()
            sent = client.post(
                "/v1/documents",
                files={"file": (f"ledger-{paper.number}.md", paper.text.encode())},
                data={"readers": ",".join(sorted(readers))},
            )
            assert sent.status_code == httpx.codes.ACCEPTED, sent.text
            (taken,) = sent.json()["documents"]
            paper.ids = {each: taken[f"{each}_id"] for each in ("document", "version", "job")}
            paper.held = [(since, readers | {"user:editor"}, float("inf"))]


def _wait_until_ready(server: Server, editor: Person, papers: Sequence[Paper]) -> None:
    with server.client(editor.secret) as client:
        for paper in papers:
            while client.get(f"/v1/documents/{paper.ids['document']}").json()["status"] != "ready":
                time.sleep(0.2)


def run(
    folder: Path,
    *,
    tenants: int,
    principals: int,
    documents: int,
    at_once: int,
    seed: int,
    pause_s: float,
    thorough: bool,
    minutes: float,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """The figures. `principals` and `documents` are those of all tenants together."""
    dice = random.Random(seed)
    began = time.monotonic()
    names = [f"tenant{number}" for number in range(tenants)]
    drawn = words(dice, 2 * documents, 4)
    papers = [
        Paper(names[number % tenants], number, drawn[number], drawn[documents + number]) for number in range(documents)
    ]
    with serving(FakeOllama()) as ollama, running(folder / "data", CAIRN_OLLAMA_URL=ollama.url) as server:
        people, editors, choices = [], {}, {}
        for tenant in names:
            admin = _tenant(server, tenant)
            editors[tenant] = _person(server, admin, tenant, "editor", frozenset(), "editor")
            mine = [f"person{number}" for number in range(principals) if number % tenants == names.index(tenant)]
            groups = [f"group{number}" for number in range(GROUPS)]
            for name in mine:
                people.append(_person(server, admin, tenant, name, frozenset(dice.sample(groups, dice.randint(0, 3)))))
            choices[tenant] = [f"group:{each}" for each in groups] + [f"user:{each}" for each in mine]
            _upload(server, editors[tenant], [each for each in papers if each.tenant == tenant], dice, choices[tenant])
        for tenant in names:
            _wait_until_ready(server, editors[tenant], [each for each in papers if each.tenant == tenant])
        prepared_s = time.monotonic() - began
        test = LeakTest(server.url, papers, dice, thorough=thorough)

        async def both() -> None:
            changing = asyncio.create_task(test.change_readers(editors, choices, pause_s))
            asking = asyncio.create_task(test.everything(people, at_once, minutes, seen))
            await asyncio.wait([changing, asking], return_when=asyncio.FIRST_COMPLETED)
            if changing.done():
                asking.cancel()
                await changing  # it goes on until it is stopped: it failed
            await asking
            changing.cancel()

        try:
            asyncio.run(both())
        except httpx.HTTPError:
            sys.stderr.write(server.log())
            raise
    found = test.findings
    return {
        "tenants": tenants,
        "principals": len(people),
        "documents": documents,
        "combinations": found.combinations,
        "of": len(people) * documents,
        "requests": sum(found.requests.values()),
        "requests_by_way": dict(found.requests),
        "served_by_a_cache": found.cached,
        "changes_of_readers": found.changes,
        "leaks": len(found.leaks),
        "first_leaks": found.leaks[:10],
        "readable_and_found": sum(found.readable_found.values()),
        "readable_and_missed": dict(found.readable_missed),
        "unexpected_statuses": dict(found.unexpected),
        "seconds": {"prepared": round(prepared_s), "whole": round(time.monotonic() - began)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=5)
    parser.add_argument("--principals", type=int, default=40)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--thorough", action="store_true", help="all ways for other tenants' documents, too")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which nothing more is asked")
    parser.add_argument("--pause-s", type=float, default=1, help="between two changes of readers")
    arguments = parser.parse_args()

    def seen(done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            sys.stderr.write(f"\r{done} of {total} combinations")
            sys.stderr.flush()

    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), **vars(arguments), seen=seen)
    sys.stderr.write("\n")
    print(json.dumps(figures, indent=2))
    sys.exit(1 if figures["leaks"] else 0)


if __name__ == "__main__":
    main()
