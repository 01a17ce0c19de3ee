#!/usr/bin/env python
"""Do documents that somebody may not read change anything that it is told? JSON out.

    scripts/noninterference.py [--hidden 1000] [--visible 30] [--seed 1]

Starts a server with a stand-in for Ollama, which says the same to the same prompt. A reader asks everything it can (`_asked`),
cold and from the cache; then an editor adds documents to the same collection that the reader may not read: copies of those it
may, with other figures, the same titles and words; and the reader asks again. Every answer must be the same to the byte, headers
and cache status included. Left out are what a clock or chance decides: ids of answers, times, the server's timings.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.e2e.server import Server, running
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama import running as serving

SUBJECTS = ["harbour", "bakery", "observatory", "archive", "vineyard", "foundry", "library", "quarry", "mill", "garden"]
MATTERS = ["rent", "insurance", "heating", "staffing", "cleaning", "repairs", "licences", "deliveries"]
_BY_CHANCE = re.compile(
    r"ans_[0-9a-f]+|chatcmpl_?-?[0-9a-f]+|cnv_[0-9a-f]+|\"timings_ms\":\{[^}]*\}|\"created\":\d+|\"(?:created_at|updated_at|at)\":\"[^\"]+\""
)
_HEADERS = ("content-type", "x-cairn-cache", "cache-control")


def page(dice: random.Random, number: int) -> tuple[str, str]:
    """A file's name and text."""
    subject, year = SUBJECTS[number % len(SUBJECTS)], 2015 + number % 9
    lines = [f"# {subject.title()} accounts {year}", ""]
    for matter in dice.sample(MATTERS, 5):
        lines += [
            f"## {matter.title()}",
            "",
            f"The {subject} paid {dice.randint(100, 999)} crowns for {matter} in {year}. The board agreed to the {matter} "
            f"contract in {dice.choice(['March', 'May', 'October'])} of that year, after a discussion of {dice.randint(2, 9)} "
            f"hours. Invoice INV{dice.randint(1000, 9999)} was paid by the {subject} treasurer.",
            "",
        ]
    return f"{subject}-{year}.md", "\n".join(lines)


def questions() -> list[str]:
    return [
        "How much did the harbour pay for heating in 2015?",
        "What did the observatory pay for insurance?",
        "When did the board agree to the cleaning contract of the bakery?",
        "Which invoice was paid by the vineyard treasurer?",
        "What about Zanzibar and its elephants?",
        "accounts 2017",
        "Who paid INV4711?",
        "the board agreed",
        "How many hours did the discussion of repairs at the Foundry take?",
    ]


def _asked(reader: httpx.Client, chunks_of: list[str]) -> Iterator[tuple[str, httpx.Response]]:
    for question in questions():
        for name, path, body in (
            ("search", "/v1/search", {"query": question, "top_k": 20}),
            ("filtered", "/v1/search", {"query": question, "filters": {"date_from": "2000-01-01"}}),
            ("query", "/v1/query", {"query": question, "stream": False}),
            ("stream", "/v1/query", {"query": question}),
            ("chat", "/v1/chat/completions", {"model": "default", "messages": [{"role": "user", "content": question}]}),
        ):
            yield f"{name}: {question}", reader.post(path, json=body)
    yield "documents", reader.get("/v1/documents?limit=200")
    yield "page of documents", reader.get("/v1/documents?limit=3")
    yield "jobs", reader.get("/v1/jobs?limit=200")
    yield "collections", reader.get("/v1/collections")
    yield "models", reader.get("/v1/models")
    yield "nothing there", reader.get("/v1/documents/doc_none")
    yield "no such collection", reader.post("/v1/search", json={"query": "x", "collection": "none"})
    for document in chunks_of:
        yield "chunks", reader.get(f"/v1/documents/{document}/chunks")


def battery(admin: httpx.Client, reader: httpx.Client, documents: list[str]) -> dict[str, str]:
    """What everything answered, by what was asked: once when nothing is kept, and once more."""
    assert admin.delete("/v1/admin/caches").status_code == httpx.codes.OK
    said: dict[str, str] = {}
    for time_ in ("cold", "warm"):
        for name, answer in _asked(reader, documents[:3]):
            headers = {each: answer.headers.get(each) for each in _HEADERS}
            said[f"{time_} {name}"] = f"{answer.status_code} {headers} {_BY_CHANCE.sub('*', answer.text)}"
        record = reader.post("/v1/query", json={"query": questions()[0], "stream": False}).json()["id"]
        said[f"{time_} record"] = _BY_CHANCE.sub("*", reader.get(f"/v1/answers/{record}").text)
    return said


@contextmanager
def _holder(server: Server, admin: httpx.Client, user: str, role: str, *groups: str) -> Iterator[httpx.Client]:
    made = admin.post("/v1/admin/keys", json={"name": user, "user": user, "roles": [role], "groups": groups})
    assert made.status_code == httpx.codes.CREATED, made.text
    with server.client(made.json()["secret"]) as client:
        yield client


def _upload(editor: httpx.Client, pages: list[tuple[str, str]], readers: str) -> list[str]:
    """Ids, once all can be searched."""
    taken = []
    for name, text in pages:
        sent = editor.post("/v1/documents", files={"file": (name, text.encode())}, data={"readers": readers})
        assert sent.status_code == httpx.codes.ACCEPTED, sent.text
        taken.append(sent.json()["documents"][0]["document_id"])
    for document in taken:
        while (status := editor.get(f"/v1/documents/{document}").json()["status"]) != "ready":
            assert status == "processing", status
            time.sleep(0.2)
    return taken


def run(folder: Path, *, visible: int, hidden: int, seed: int, say: Callable[[str], None] = lambda _: None) -> Any:
    dice = random.Random(seed)
    mine = [page(dice, number) for number in range(visible)]
    theirs = [page(dice, number) for number in range(hidden)]
    began = time.monotonic()
    with (
        serving(FakeOllama()) as ollama,
        running(folder / "data", CAIRN_OLLAMA_URL=ollama.url) as server,
        server.client() as admin,
        _holder(server, admin, "ed", "editor") as editor,
        _holder(server, admin, "rea", "reader", "mine") as reader,
    ):
        documents = _upload(editor, mine, "group:mine")
        say(f"{visible} documents are there")
        without = battery(admin, reader, documents)
        again = battery(admin, reader, documents)
        for first in range(0, hidden, 100):
            _upload(editor, theirs[first : first + 100], "group:theirs")
            say(f"{min(first + 100, hidden)} hidden ones are there")
        among = battery(admin, reader, documents)
        with _holder(server, admin, "all", "reader", "mine", "theirs") as other:
            others = battery(admin, other, documents)
    differ = [name for name in without if among[name] != without[name]]
    return {
        "visible": visible,
        "hidden": hidden,
        "answers_compared": len(without),
        "unsteady": [name for name in without if again[name] != without[name]],
        "differ": len(differ),
        "first_differences": {name: [without[name][:2_000], among[name][:2_000]] for name in differ[:3]},
        "differ_for_who_may_read_them": sum(others[name] != without[name] for name in without),
        "seconds": round(time.monotonic() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visible", type=int, default=30)
    parser.add_argument("--hidden", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), **vars(arguments), say=lambda line: print(line, file=sys.stderr, flush=True))
    print(json.dumps(found, indent=2))
    sys.exit(1 if found["differ"] else 0)


if __name__ == "__main__":
    main()
